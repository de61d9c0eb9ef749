"""From a request to the arguments of an operation.

An argument comes from the path, the query string or the body, or is the subject of the caller's identity. What came as
text is converted to the parameter's type first, by itself: in a query string ``5`` is a number, in JSON ``"5"`` is
not. Everything together is then validated by the contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, cast, final

import msgspec

from freestone.contract import Operation, Parameter
from freestone.errors import InvalidArgument

from .pointer import steps
from .problems import MALFORMED_REQUEST, Fault, Refused
from .text import NotConvertible, from_text, is_collection, parse_query

MAX_FAULTS = 20
"""How many faults of one request are reported: a client that sends rubbish gets no more of it back."""


class WrongArguments(Exception):
    """A request does not fit the parameters of its operation; holds every fault, up to a limit."""

    def __init__(self, field: str, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.field = field
        self.faults = tuple(faults)


@final
@dataclass(frozen=True, slots=True)
class Sent:
    """What a request has for the parameters of an operation, by name."""

    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: Mapping[str, Any]
    subject: str | None = None

    def place(self, name: str) -> str | None:
        """Return where an argument was sent, ``path``, ``body`` or ``query``; None if nowhere."""
        places = {"path": self.path, "body": self.body, "query": self.query}
        return next((place for place, names in places.items() if name in names), None)


@final
@dataclass(frozen=True, slots=True)
class Binding:
    """How a route fills the parameters of its operation."""

    operation: Operation
    path: tuple[str, ...]
    """The parameters that the path has, from left to right."""
    subject: str | None
    """The parameter that is the caller's subject."""
    whole_body: str | None
    """The parameter that is the body itself."""
    has_body: bool
    parameters: Mapping[str, Parameter] = field(init=False)
    repeatable: frozenset[str] = field(init=False)
    """The parameters that a query string may have several times."""

    def __post_init__(self) -> None:
        parameters = {parameter.name: parameter for parameter in self.operation.parameters}
        object.__setattr__(self, "parameters", parameters)
        collections = (name for name, it in parameters.items() if is_collection(it.type))
        object.__setattr__(self, "repeatable", frozenset(collections))

    def sent(self, values: Sequence[str], query: bytes, body: object, subject: str | None) -> Sent:
        """Sort what a request brings.

        Args:
            values: The texts in the path, from left to right.
            query: The query string.
            body: What the body decodes to; ``msgspec.UNSET`` if there is none.
            subject: The caller's subject.

        Raises Refused when the query string can't be read or the body is no object.
        """
        members: Mapping[str, Any] = {}
        if self.whole_body is not None:
            members = {} if body is msgspec.UNSET else {self.whole_body: body}
        elif isinstance(body, dict):
            members = cast("dict[str, Any]", body)
        elif body is not msgspec.UNSET:
            what = f"expected a JSON object of parameters, got {_json_name(body)}"
            raise Refused(MALFORMED_REQUEST, what, faults=[Fault("body", (), what)])
        return Sent(dict(zip(self.path, values, strict=True)), parse_query(query), members, subject)

    def arguments(self, sent: Sent) -> dict[str, Any]:
        """Return the arguments by name, validated. Raises WrongArguments or InvalidArgument."""
        faults = list(islice(chain(self._misplaced(sent), self._missing(sent)), MAX_FAULTS))
        if faults:
            raise WrongArguments(next(iter(faults[0].path), self.whole_body or ""), faults)
        merged: dict[str, Any] = dict(sent.body)
        for name, text in sent.path.items():
            merged[name] = self._from_text("path", name, text)
        for name, texts in sent.query.items():
            merged[name] = self._from_text("query", name, texts if name in self.repeatable else texts[0])
        if self.subject is not None:
            merged[self.subject] = sent.subject
        return dict(zip(self.parameters, self.operation.arguments_from(merged, True), strict=True))

    def faults_of(self, error: InvalidArgument, sent: Sent) -> list[Fault]:
        """Return the part of the request that an error is about; nothing if the client did not send it.

        The error may come from the contract, from the service, or from a service behind it, which has other names.
        """
        path = steps(error.field)
        if not path or path[0] not in self.parameters or path[0] == self.subject:
            return []
        place = sent.place(path[0]) or ("body" if self.has_body else "query")
        return [Fault(place, path[1:] if path[0] == self.whole_body else path, error.message)]

    def _misplaced(self, sent: Sent) -> Iterator[Fault]:
        """Find what nothing takes, and what was sent twice."""
        taken = dict.fromkeys(sent.path, "is in the path already")
        if self.subject is not None:
            taken[self.subject] = "is who you are"
        named = [("query", name) for name in sent.query]
        if self.whole_body is None:
            named += [("body", name) for name in sent.body]
        for place, name in named:
            if name in taken:
                yield Fault(place, (name,), f"{name} {taken[name]} and can't be in the {place}")
            elif name not in self.parameters or name == self.whole_body:
                yield Fault(place, (name,), f"there is no parameter {name} in the {place}; {self._offer()}")
            elif place == "query" and len(sent.query[name]) > 1 and name not in self.repeatable:
                yield Fault(place, (name,), f"{name} takes one value and is in the query more than once")
            taken.setdefault(name, f"is in the {place} already")

    def _missing(self, sent: Sent) -> Iterator[Fault]:
        for name, parameter in self.parameters.items():
            if not parameter.required or name == self.subject or sent.place(name) is not None:
                continue
            if name == self.whole_body:
                yield Fault("body", (), f"the body is missing; it is the parameter {name}")
            else:
                yield Fault("body" if self.has_body and not self.whole_body else "query", (name,), f"{name} is missing")

    def _offer(self) -> str:
        others = {*self.path, self.subject, self.whole_body}
        names = [name for name in self.parameters if name not in others]
        return f"it takes {', '.join(names)}" if names else "it takes none"

    def _from_text(self, place: str, name: str, text: str | list[str]) -> Any:
        try:
            return from_text(text, self.parameters[name].type)
        except NotConvertible as error:
            at = name + "".join(f"[{step}]" for step in error.path)
            raise WrongArguments(at, [Fault(place, (name, *error.path), f"{at}: {error}")]) from None


def _json_name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "a number"
