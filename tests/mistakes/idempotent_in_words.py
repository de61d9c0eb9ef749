# expect: idempotent_in_words.py:7: Progress.complete: idempotent='yes' is neither true nor false; say idempotent=True, or leave it out
from freestone.contract import Contract, command


class Progress(Contract):
    @command(idempotent="yes")
    async def complete(self, learner: str) -> None:
        """Complete it."""
