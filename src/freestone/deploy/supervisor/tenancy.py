"""A child's part in a run: it uses the run's directory, and clears up if it is the last of an orphaned
run.
"""

from __future__ import annotations

from typing import final

from .lifeline import Lifeline
from .record import RunFile
from .runtime import RuntimeDirectory


@final
class Tenancy:
    """Held by a child from its first moment to its last.

    While the supervisor lives, the sockets, the directory and the run's file are its affair. When it is gone,
    they are nobody's; then the last child removes them.
    """

    def __init__(self, lifeline: Lifeline, directory: RuntimeDirectory, file: RunFile) -> None:
        self._lifeline = lifeline
        self._directory = directory
        self._file = file

    def begin(self, *, grace: float) -> None:
        """Begin to watch the supervisor. If it dies, this process has ``grace`` seconds to drain."""
        self._directory.hold()
        self._lifeline.watch(grace=grace, farewell=self.end)

    def end(self) -> None:
        """Leave. To be called when this process has drained; to call it twice does no harm."""
        if self._directory.leave() and self._lifeline.lost:
            self._file.remove(self._directory.path)
            self._directory.remove()
