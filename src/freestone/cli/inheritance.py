"""What a supervisor passes on to a child: by its command line, which is for nobody to read, and by descriptors."""

from __future__ import annotations

import sys
from typing import Final, final

import msgspec

PROGRAM: Final = "freestone.cli.child"


@final
class Inheritance(msgspec.Struct, frozen=True):
    """Which process a child is, and what it is given."""

    file: str
    """The application's."""
    topology: str
    process: str
    replica: int
    drain: float
    """Seconds in which calls in flight may finish."""
    directory: str
    """That of the run's sockets."""
    wire: int
    """The descriptor of the socket on which it speaks the wire."""
    gateway: int | None = None
    faults: str | None = None
    """The file that says what goes wrong on the calls that it makes, and the seed of the whole run."""
    seed: int | None = None

    @classmethod
    def decode(cls, told: str) -> Inheritance:
        """Return what the argument of a child says."""
        return msgspec.json.decode(told, type=cls)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All of them, but for the lifeline."""
        return (self.wire,) if self.gateway is None else (self.wire, self.gateway)

    @property
    def command(self) -> tuple[str, ...]:
        """The command that runs it. The supervisor adds the lifeline: ``--lifeline N``."""
        name = f"{self.process}.{self.replica}"  # for who looks at the processes of the machine
        return (sys.executable, "-P", "-m", PROGRAM, name, msgspec.json.encode(self).decode())
