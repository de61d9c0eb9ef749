"""A reference such as ``academy.edge:gateway``, followed to the object that it names."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

from freestone.errors import ConfigurationError, DeclarationError, FreestoneError, Mistake
from freestone.service import meant


@final
class BadReference(FreestoneError):
    """A reference leads nowhere. Holds what is wrong, in a sentence, and what to do."""

    def __init__(self, problem: str, advice: str = "", mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.advice = advice
        self.mistakes = tuple(mistakes)
        """What the module itself says is wrong with what it declares."""


def make_importable(directory: Path) -> None:
    """Put a directory first on ``sys.path``, unless it is on it."""
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    # Modules that were written after the directory was first looked at are to be found too.
    importlib.invalidate_caches()


def follow(reference: str, directory: Path) -> Any:
    """Import the module of a reference and return the object. Raises BadReference.

    ``directory`` is the application's: files below it are named relative to it.
    """
    module_name, _, attributes = reference.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except (DeclarationError, ConfigurationError) as error:
        raise BadReference(f'"{module_name}" has mistakes in it', "see there", error.mistakes) from error
    except (Exception, SystemExit) as error:
        raise BadReference(f'"{module_name}" does not import: {explained(error, directory)}') from error
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            raise BadReference(
                f'"{module_name}" has no {attribute}',
                meant(attribute, _public(found), "names"),
            )
        found = getattr(found, attribute)
    return found


def explained(error: BaseException, directory: Path) -> str:
    """Return an error of an import in a sentence, with the file and line where it was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({_shown(error.filename, directory)}:{error.lineno})"
    text = str(error)
    sentence = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and frame.filename != __file__ and not _of_importlib(frame.filename)
    ]
    return f"{sentence} ({_shown(frames[-1].filename, directory)}:{frames[-1].lineno})" if frames else sentence


def _of_importlib(filename: str) -> bool:
    return Path(filename).parent == Path(importlib.__file__).parent


def _shown(filename: str, directory: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else os.fspath(path)


def _public(holder: Any) -> list[str]:
    members: Mapping[str, object] = getattr(holder, "__dict__", {})
    return [name for name in members if not name.startswith("_")]
