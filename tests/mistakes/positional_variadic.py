# expect: positional_variadic.py:7: Progress.enrol, parameter *learners: variadic positional parameters can't cross; declare one parameter that is a tuple
from freestone.contract import Contract, command


class Progress(Contract):
    @command
    async def enrol(self, *learners: str) -> None:
        """Enrol some learners."""
