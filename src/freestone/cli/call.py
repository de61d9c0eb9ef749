"""``freestone call``: one operation of what runs, called from a terminal."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import msgspec
import typer

from freestone.app import ApplicationFile, connect
from freestone.call import Proof
from freestone.contract import Contract, Operation, operations
from freestone.service import Identity, acting_as, deadline

from .application import the_file
from .arguments import parse_arguments
from .failure import UsageMistake
from .running import contract_of_service, proof_for, the_run


@final
@dataclass(frozen=True, slots=True)
class Target:
    """An operation, and where the service is that performs it."""

    application: str
    service: str
    contract: type[Contract]
    operation: Operation
    addresses: Sequence[str]
    proof: Proof | None = None
    """What proves that this is the application's process ``client``, where somebody asks for that."""


def call(
    file: Path | None,
    topology: str | None,
    name: str,
    words: Sequence[str],
    seconds: float | None,
    subject: str | None,
) -> None:
    """Call an operation with the arguments as they were typed, and print what it returns.

    Raises UsageMistake, ServiceError, and ConfigurationError if the application's file is wrong.
    """
    application = the_file(file)
    target = _target(application, topology, name)
    if target.operation.takes is not None:
        stream = target.operation.takes.name
        raise UsageMistake(f"{name} takes a stream, {stream}; a command line has none, call it from Python")
    given = parse_arguments(words)
    _refuse_unknown(target.operation, name, given)
    arguments = target.operation.arguments_from(given, False)
    if seconds is None:
        # What streams may go on for as long as somebody looks.
        limit = application.deadlines.limit(name) or application.deadlines.default
        seconds = math.inf if target.operation.streams else limit
    asyncio.run(_call(target, arguments, seconds, subject))


def _refuse_unknown(operation: Operation, name: str, given: Mapping[str, Any]) -> None:
    # Over the wire an unknown name is ignored, as a newer caller may send it; a person has mistyped it.
    known = [parameter.name for parameter in operation.parameters]
    for unknown in given.keys() - known:
        raise UsageMistake(f'{name} has no parameter "{unknown}"; it has {", ".join(known) or "none"}')


async def _call(target: Target, arguments: tuple[Any, ...], seconds: float, subject: str | None) -> None:
    identity = nullcontext() if subject is None else acting_as(Identity(subject))
    async with connect(
        target.contract, *target.addresses, service=target.service, application=target.application, proof=target.proof
    ) as client:
        with identity:
            async with deadline(seconds, what=f"{target.service}.{target.operation.name}"):
                method = getattr(client, target.operation.name)
                if target.operation.streams:
                    async for item in method(*arguments):
                        typer.echo(msgspec.json.encode(item))
                else:
                    result = await method(*arguments)
                    typer.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))


def _target(application: ApplicationFile, topology: str | None, name: str) -> Target:
    service, dot, method = name.rpartition(".")
    if not dot:
        raise UsageMistake(f'"{name}" is no operation; write SERVICE.METHOD')
    contract = contract_of_service(application, service)
    known = operations(contract)
    if method not in known:
        raise UsageMistake(f'{service} has no operation "{method}"; it has {", ".join(known)}')
    if service in application.externals:
        external = application.externals[service]
        addresses = [str(address) for address in external.at]
        plaintext, name_there = external.plaintext, external.application or application.name
    else:
        run = the_run(application, topology)
        addresses = list(dict.fromkeys(each.address for each in run.replicas if service in each.services))
        plaintext, name_there = False, application.name
    proof = None if plaintext else proof_for(application, addresses)
    return Target(name_there, service, contract, known[method], addresses, proof)
