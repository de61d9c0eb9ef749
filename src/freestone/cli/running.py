"""What runs of the application here, found by its files."""

from __future__ import annotations

from collections.abc import Collection

from freestone.app import CLIENT, ApplicationFile, BadReference, follow, make_importable
from freestone.call import Proof
from freestone.contract import Contract, contract_of
from freestone.deploy.supervisor import RunRecord, running
from freestone.errors import ConfigurationError, Mistake, Unavailable

from .failure import UsageMistake


def the_run(file: ApplicationFile, topology: str | None) -> RunRecord:
    """Return the run that is meant: the one of the topology, or the only one.

    Raises Unavailable if none runs, and UsageMistake if several do and none is named.
    """
    runs = {run.topology: run for run in running(file.home)}
    if topology is not None and topology not in runs:
        raise Unavailable(f"{file.name} does not run as {topology} here; start it with `freestone run {topology}`")
    if not runs:
        raise Unavailable(f"{file.name} does not run here; start it with `freestone run`")
    if topology is None and len(runs) > 1:
        raise UsageMistake(f"{file.name} runs as {' and as '.join(runs)}; name one with --topology")
    return runs[topology or next(iter(runs))]


def contract_of_service(file: ApplicationFile, name: str) -> type[Contract]:
    """Return the contract of a service, of which no more is imported than that.

    Raises UsageMistake if the application has no such service, ConfigurationError if it can't be imported.
    """
    references = {**file.services, **{external: entry.contract for external, entry in file.externals.items()}}
    if name not in references:
        raise UsageMistake(f'{file.name} has no service "{name}"; it has {", ".join(references)}')
    make_importable(file.directory)
    try:
        return contract_of(follow(references[name], file.directory))
    except BadReference as error:
        raise ConfigurationError(
            [*error.mistakes, Mistake(f"services.{name}", error.problem, error.advice, str(file.path))]
        ) from error


def proof_for(file: ApplicationFile, addresses: Collection[str]) -> Proof | None:
    """Return what a command proves itself with when it calls those addresses; None if nobody there asks for that.

    Raises ConfigurationError if the certificate of the process ``client`` can't be used.
    """
    if file.tls is None or all(address.startswith("unix:") for address in addresses):
        return None
    return file.tls.credentials(file.name, CLIENT)
