"""``freestone new``: a small application to start from.

Its files are in ``template/``, each with ``.tmpl`` after its name; ``$name`` and ``$package`` in a file's
text, and ``package`` as a directory's name, become the application's.
"""

from __future__ import annotations

import importlib.util
import keyword
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

import typer

from freestone.app import NAME, NAME_RULE

from .failure import UsageMistake

_SUFFIX = ".tmpl"


def new(name: str, directory: Path | None) -> None:
    """Make the application. Raises UsageMistake for a name that can't be one, or a directory that is not
    empty.
    """
    package = package_name(name)
    target = (directory or Path(name)).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageMistake(f"{target} exists and is not empty; name another directory with --directory")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made beside its place and then moved there: whoever interrupts this finds all of it or nothing.
    with tempfile.TemporaryDirectory(prefix=".freestone-", dir=target.parent) as workshop:
        made = Path(workshop, "made")
        for path, text in rendered(name, package):
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        shutil.move(made, _vacated(target))
    shown = target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target
    typer.echo(f"Made {shown}. Next:\n\n  cd {shown}\n  pip install --editable '.[test]'\n  pytest\n  freestone run")


def package_name(name: str) -> str:
    """Return the name of the application's package. Raises UsageMistake if there can be none of that name."""
    if not NAME.fullmatch(name):
        raise UsageMistake(f'"{name}" can\'t be the name of an application; {NAME_RULE}')
    package = name.replace("-", "_")
    if keyword.iskeyword(package):
        raise UsageMistake(f'"{package}" is a word of Python; name the application otherwise')
    if package in sys.stdlib_module_names or package in {"freestone", "tests"}:
        raise UsageMistake(f'"{package}" is the name of a module already; name the application otherwise')
    if importlib.util.find_spec(package) is not None:
        raise UsageMistake(f'a module "{package}" is installed here already; name the application otherwise')
    return package


def rendered(name: str, package: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the files of the application: the path of each, and its text."""
    values = {"name": name, "package": package}
    for path, source in _templates(files("freestone.cli") / "template", PurePosixPath()):
        parts = [package if part == "package" else part for part in path.parts]
        yield PurePosixPath(*parts), Template(source.read_text("utf-8")).substitute(values)


def _templates(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, path / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield path / entry.name.removesuffix(_SUFFIX), entry


def _vacated(target: Path) -> Path:
    """Return the path, at which there is nothing then; there was nothing in it before."""
    if target.exists():
        target.rmdir()
    return target
