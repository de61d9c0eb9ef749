"""The application that a command is about, and where its runs keep their state."""

from __future__ import annotations

import os
from pathlib import Path

from freestone.app import App, ApplicationFile, Outline, find, load, load_process, read

from .imports import importing


def home() -> Path | None:
    """Return the directory that ``FREESTONE_HOME`` names; None is ``.freestone`` beside the application's file."""
    written = os.environ.get("FREESTONE_HOME")
    return Path(written).absolute() if written else None


def the_application(file: Path | None) -> App:
    """Return the application with its code. Raises ConfigurationError."""
    with importing():
        return load(file, home=home(), variables=os.environ)


def the_application_of(file: Path, topology: str, process: str, outline: Outline) -> App:
    """Return the application as one process of a run needs it. Raises ConfigurationError."""
    with importing():
        return load_process(file, topology, process, outline, home=home(), variables=os.environ)


def the_file(file: Path | None) -> ApplicationFile:
    """Return what the application's file says; none of its code is imported. Raises ConfigurationError."""
    return read(find(file, Path.cwd()), home=home())
