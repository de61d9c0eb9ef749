# expect: reserved_name.py:7: Progress.start: the framework uses that name; give it another name
from freestone.contract import Contract, command


class Progress(Contract):
    @command
    async def start(self, learner: str) -> None:
        """Start a path."""
