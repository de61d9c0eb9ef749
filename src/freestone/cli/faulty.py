"""Faults on the calls of what is run: ``--faults FILE``. The kit is imported only where they are asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from freestone.app import App, Interposer

from .failure import UsageMistake

if TYPE_CHECKING:
    from freestone.testing.faults import Faults


@final
@dataclass(frozen=True, slots=True)
class FaultyRun:
    """The faults of a run, and the file that they are from."""

    file: Path
    faults: Faults

    def interposer(self, process: str, replica: int) -> Interposer:
        """Return what injects them into the calls of one process."""
        from freestone.testing.crash import crash_as_told
        from freestone.testing.faults import Injector

        crash_as_told(process, os.environ)
        return Injector(self.faults, process, replica)

    def __str__(self) -> str:
        return f"injecting the faults of {self.file}; --faults-seed {self.faults.plan.seed} repeats them"


def faulty_run(file: Path | None, app: App | None, seed: int | None) -> FaultyRun | None:
    """Return the faults of a file, held against the application where one is given; None without a file.

    Raises UsageMistake for a seed without a file, ConfigurationError for what is wrong in it.
    """
    if file is None:
        if seed is not None:
            raise UsageMistake("--faults-seed repeats the faults of a file; name it with --faults")
        return None
    from freestone.testing.faults import Faults, read

    path = file.absolute()
    return FaultyRun(path, Faults(read(path, app, seed)))
