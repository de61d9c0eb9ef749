# expect: flag.py:14: Progress.grant, parameter rights: Rights: "Rights" combines its members; say int, or frozenset of a plain Enum
import enum

from freestone.contract import Contract, command


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Progress(Contract):
    @command
    async def grant(self, rights: Rights) -> None:
        """Grant rights."""
