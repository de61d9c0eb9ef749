"""Clears up after a run that was killed, whatever of it was killed.

A process that gets a SIGKILL can do nothing any more, so somebody else has to: a shell, which waits at the end of a
pipe and needs less than a megabyte. If the run says that it has cleared up, the shell ends. If the pipe just closes,
the shell becomes a Python that removes the run's sockets and file, once the last process that uses them is gone.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import final

from .record import RunFile
from .runtime import RuntimeDirectory

_SHELL = "/bin/sh"
_WAIT = 'read -r word || exec "$@"'
_SWEEP = "import sys; from freestone.deploy.supervisor.sweeper import sweep; sweep(*sys.argv[1:])"
_PATIENCE = 5.0
"""Seconds that a dismissed shell may take to end."""


@final
class Sweeper:
    """Somebody who waits for this process to die. To be dismissed by whoever has cleared up himself."""

    def __init__(self, directory: RuntimeDirectory, file: RunFile) -> None:
        command = [sys.executable, "-P", "-c", _SWEEP, str(directory.path), str(file.path.absolute())]
        self._process: subprocess.Popen[bytes] | None = None
        # Where there is no shell, the next run clears up.
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [_SHELL, "-c", _WAIT, "freestone-sweeper", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C, and a kill of the whole group, are not for it
            )

    @property
    def pid(self) -> int | None:
        """The shell's process id; None where there is none."""
        return None if self._process is None else self._process.pid

    def dismiss(self) -> None:
        """Say that there is nothing to clear up."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it
            self._process.stdin.write(b"done\n")
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)


def sweep(directory: str, file: str) -> None:
    """Wait until nobody uses a run's directory, and remove it and the run's file."""
    runtime = RuntimeDirectory(Path(directory))
    runtime.wait_for_all()
    RunFile.at(Path(file)).remove(runtime.path)
    runtime.remove()
