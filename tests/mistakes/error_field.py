# expect: error_field.py:9: Progress.complete, raises Locked.needs: object: "object" can't cross a process boundary; name a concrete type
from freestone.contract import Contract, command
from freestone.errors import FailedPrecondition


class Locked(FailedPrecondition):
    """Another resource comes first."""

    needs: object


class Progress(Contract):
    @command(raises=[Locked])
    async def complete(self, resource: str) -> None:
        """Record a resource as done."""
