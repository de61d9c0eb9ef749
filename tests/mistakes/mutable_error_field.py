# expect: mutable_error_field.py:9: Progress.complete, raises Locked.needs: list[str]: a field of an error can't be mutable; say tuple[T, ...]
from freestone.contract import Contract, command
from freestone.errors import FailedPrecondition


class Locked(FailedPrecondition):
    """Another resource comes first."""

    needs: list[str]


class Progress(Contract):
    @command(raises=[Locked])
    async def complete(self, resource: str) -> None:
        """Record a resource as done."""
