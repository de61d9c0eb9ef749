"""What a decorator says of an operation besides its kind and its errors: how a client may serve its calls.

Each option is read by a function of its own, which reports what is wrong with it and has nothing to say of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast, final

import msgspec

from .duration import seconds, shown
from .message import Event
from .parameter import Kind, Parameter
from .scope import inside, scope_of
from .shape import Form, shape_of, type_text

BATCH: Final = 100
"""Items that a batch has at most, where its declaration does not say."""
_LARGEST_BATCH: Final = 10_000
_SEQUENCES: Final = (Form.LIST, Form.ROW)

Complain = Callable[[str, str], None]
"""Takes a problem and an advice."""


@final
class Options(msgspec.Struct, frozen=True):
    """The options of an operation. The default of each is what an operation has that says nothing."""

    batch: int = 0
    """Items that one call may carry for several callers; 0 if calls are not put together."""
    batched: int = 0
    """Which parameter has the items, by its place, if calls are put together."""
    cache: float | None = None
    """Seconds for which a client may keep a result; None if it may not."""
    key: tuple[str, ...] = ()
    """The parameters on which a kept result depends."""
    shared: bool = False
    """Whether a kept result is the same for everybody, whoever asks."""
    until: tuple[type[Event], ...] = ()
    """The events that make kept results old."""
    idempotent: bool = False
    """Whether a command has one effect however often it is made, so that it may be repeated when nobody knows."""
    route_by: str | None = None
    """The parameter whose value decides which replica serves the call, if one does."""
    routed: int = 0
    """Its place."""

    @property
    def layered(self) -> bool:
        """Whether something stands between a client's method and its transport."""
        return self.batch > 0 or self.cache is not None

    def given(self) -> dict[str, Any]:
        """Return what was declared, by its name in the decorator, as JSON can hold it; empty if nothing was.

        >>> Options(cache=30.0, key=("path",)).given()
        {'cache': '30s', 'key': ['path']}
        """
        said: dict[str, Any] = {}
        if self.batch:
            said["batch"] = self.batch
        if self.cache is not None:
            said["cache"] = shown(self.cache)
            said["key"] = list(self.key)
        if self.shared:
            said["shared"] = True
        if self.until:
            said["until"] = [event.__event_name__ for event in self.until]
        if self.idempotent:
            said["idempotent"] = True
        if self.route_by is not None:
            said["route_by"] = self.route_by
        return said

    def described(self) -> str:
        """Return what was declared, for people.

        >>> Options(cache=30.0, key=("path", "page")).described()
        'cache 30s, key path page'
        """
        lists = {"key": " ".join(self.key), "until": " ".join(event.__event_name__ for event in self.until)}
        return ", ".join(
            name if value is True else f"{name} {lists.get(name, value)}" for name, value in self.given().items()
        )


NO_OPTIONS: Final = Options()


@final
class Subject(msgspec.Struct, frozen=True):
    """The operation that options are of, as far as they need to know it."""

    contract: type
    kind: Kind
    streams: bool
    parameters: tuple[Parameter, ...]
    result: Any
    complain: Complain

    @property
    def names(self) -> tuple[str, ...]:
        """Those of its parameters."""
        return tuple(parameter.name for parameter in self.parameters)


def read_options(given: Mapping[str, Any], subject: Subject) -> Options:
    """Return the options that a decorator was given. What is wrong with them is complained of."""
    if not given:
        return NO_OPTIONS
    found: dict[str, Any] = {}
    for reader in (_batch, _cache, _until, _idempotent, _route_by):
        found.update(reader(given, subject))
    return Options(**found)


def _batch(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    size = given.get("batch", False)
    if size is False:
        return {}
    if size is True:
        size = BATCH
    complain = subject.complain
    if not isinstance(size, int) or not 2 <= size <= _LARGEST_BATCH:
        complain(f"batch={size!r} is no size", f"say batch=True, or the most items, from 2 to {_LARGEST_BATCH}")
    if subject.streams:
        complain("a stream can't be part of a batch", "leave out batch")
        return {}
    places = [place for place, it in enumerate(subject.parameters) if shape_of(it.type).form in _SEQUENCES]
    if len(places) != 1:
        several = ", ".join(subject.names[place] for place in places)
        complain(
            f"a batch is of one parameter that is a sequence, and {several} are" if places
            else "a batch needs a parameter that is a sequence", "declare one that is a tuple[T, ...]",
        )  # fmt: skip
    if shape_of(subject.result).form not in _SEQUENCES:
        complain(
            f"a batch returns one result for each item, and {type_text(subject.result)} is no sequence",
            "return a tuple[T, ...], aligned with the items",
        )
    return {"batch": size, "batched": places[0] if places else 0}


def _cache(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    written, key, shared = given.get("cache"), given.get("key"), given.get("shared", False)
    complain = subject.complain
    if written is None:
        for name, value in (("key", key), ("shared", shared or None)):
            if value is not None:
                complain(f"{name} is of a cache, and there is none", 'say for how long: cache="30s"')
        return {}
    try:
        ttl = seconds(written)
    except ValueError as error:
        complain(f"cache={written!r}: {error}", 'say cache="30s", or a number of seconds')
        ttl = 1.0
    if ttl == 0:
        complain("a result can't be kept for no time", "leave out cache")
    if subject.streams:
        complain("a stream can't be kept", "leave out cache, or return a tuple")
    if key is None:
        return {"cache": ttl, "key": subject.names, "shared": bool(shared)}
    names = _names(key)
    if not names:
        complain(f"key={key!r} names no parameter", "name those that the result depends on, or leave out key")
    for name in names:
        if name not in subject.names:
            complain(f"key names {name!r}, which is no parameter", f"take from {', '.join(subject.names) or 'none'}")
    return {"cache": ttl, "key": tuple(name for name in subject.names if name in names), "shared": bool(shared)}


def _until(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    written = given.get("until")
    if written is None:
        return {}
    complain = subject.complain
    if given.get("cache") is None:
        complain("until is of a cache, and there is none", 'say for how long at most: cache="10m"')
    names = cast(Sequence[Any], written) if isinstance(written, list | tuple) else [written]
    if not names:
        complain(f"until={written!r} names no event", "name those that make a result old, or leave out until")
    contract = subject.contract
    found: list[type[Event]] = []
    for event in names:
        name = getattr(event, "__name__", repr(event))
        if not (isinstance(event, type) and issubclass(event, Event) and event is not Event):
            complain(f"until names {name}, which is no event", f"name events of {contract.__name__}")
        elif scope_of(event) not in (scope_of(contract), inside(contract)):
            complain(
                f"until names {name}, which is no event of {contract.__name__}",
                "name one that is declared in the contract, or beside it and before it",
            )
        elif event not in found:
            found.append(event)
    return {"until": tuple(found)}


def _idempotent(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    idempotent = given.get("idempotent", False)
    if not isinstance(idempotent, bool):
        subject.complain(f"idempotent={idempotent!r} is neither true nor false", "say idempotent=True, or leave it out")
    return {"idempotent": bool(idempotent)}


def _route_by(given: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    name = given.get("route_by")
    if name is None:
        return {}
    complain = subject.complain
    if name not in subject.names:
        complain(f"route_by names {name!r}, which is no parameter", f"take from {', '.join(subject.names) or 'none'}")
        return {}
    place = subject.names.index(name)
    shape = shape_of(subject.parameters[place].type)
    if shape.form is not Form.ATOM or shape.type in (None, type(None)):
        complain(
            f"route_by names {name!r}, and {type_text(shape.type)} is no single value",
            "name a parameter that is a text, a number or the like",
        )
    if given.get("batch"):
        complain("route_by is of one call, and a batch is many", "leave out one of them")
    return {"route_by": name, "routed": place}


def _names(key: object) -> list[Any]:
    if isinstance(key, str):
        return [key]
    return list(cast(Sequence[Any], key)) if isinstance(key, list | tuple) else []
