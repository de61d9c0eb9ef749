# expect: error_of_a_taken_name.py:14: Progress.complete, raises NotFound: another error has that name; give one of them another name
from freestone.contract import Contract, command
from freestone.errors import FailedPrecondition


class NotFound(FailedPrecondition):
    """Another resource comes first."""

    needs: str


class Progress(Contract):
    @command(raises=[NotFound])
    async def complete(self, resource: str) -> None:
        """Record a resource as done."""
