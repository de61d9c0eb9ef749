# expect: error_field_that_every_error_has.py:9: Progress.complete, raises Locked.values: tuple[str, ...]: every error has something of that name; call it otherwise
from freestone.contract import Contract, command
from freestone.errors import FailedPrecondition


class Locked(FailedPrecondition):
    """Another resource comes first."""

    values: tuple[str, ...]


class Progress(Contract):
    @command(raises=[Locked])
    async def complete(self, resource: str) -> None:
        """Record a resource as done."""
