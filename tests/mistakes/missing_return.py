# expect: missing_return.py:7: Progress.enrol: it does not say what it returns; say -> None if that is nothing
from freestone.contract import Contract, command


class Progress(Contract):
    @command
    async def enrol(self, learner: str):
        """Enrol a learner."""
