"""``freestone contract``: what a contract promises."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from freestone.app import FILE_NAME, BadReference, find, follow, make_importable
from freestone.contract import contract_of, render, schema
from freestone.errors import ConfigurationError, Mistake

from .application import the_application
from .failure import UsageMistake


def show(target: str, file: Path | None, as_json: bool) -> None:
    """Print a contract, which is named as ``package.module:Contract`` or by the service that keeps it."""
    contract = _referred(target, file) if ":" in target else _kept_by(target, file)
    shown = json.dumps(schema(contract), indent=2, ensure_ascii=False) if as_json else render(contract)
    typer.echo(shown, nl=as_json)


def _kept_by(service: str, file: Path | None) -> type:
    app = the_application(file)
    known = {name: spec.contract for name, spec in app.services.items()}
    known |= {name: spec.contract for name, spec in app.externals.items()}
    if service not in known:
        raise UsageMistake(f'{app.name} has no service "{service}"; it has {", ".join(known)}')
    return known[service]


def _referred(reference: str, file: Path | None) -> type:
    """Return the contract that the reference leads to, or that the class there keeps."""
    directory = _directory(file)
    make_importable(directory)
    try:
        found = follow(reference, directory)
    except BadReference as error:
        raise ConfigurationError([*error.mistakes, Mistake(reference, error.problem, error.advice)]) from error
    try:
        return contract_of(found)
    except TypeError as error:
        raise UsageMistake(f"{reference} is no contract; name a class that derives from Contract") from error


def _directory(file: Path | None) -> Path:
    """Return the application's directory; a contract may well be looked at where there is no application."""
    if file is None and not any((place / FILE_NAME).exists() for place in (Path.cwd(), *Path.cwd().parents)):
        return Path.cwd()
    return find(file, Path.cwd()).parent
