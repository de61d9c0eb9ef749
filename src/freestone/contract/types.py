"""Which types may cross a boundary, and what to write instead of those that may not.

A type is refused if its values can't be carried to another process, or would mean something else there: they could not
be validated, they could be changed by one side only, or the reader could not tell what they are.
"""

from __future__ import annotations

import collections
import enum
import functools
import sys
import typing
from collections import abc
from collections.abc import Callable
from typing import Any, TypeVar, final, get_origin

import msgspec

from .annotations import Unresolved
from .copier import is_mutable
from .place import FindPlace, class_place
from .report import Report
from .shape import Form, Shape, children, class_of, plain, record_fields, shape_of, type_text

_NAME_A_TYPE = "name a concrete type"
_SEND_DATA = "send the data that it stands for, as text or numbers"

_ADVICE: dict[Any, str] = {
    Any: _NAME_A_TYPE,
    object: _NAME_A_TYPE,
    memoryview: "say bytes",
    msgspec.Raw: "say bytes, or name the type that is in it",
    msgspec.msgpack.Ext: "say bytes, or name the type that is in it",
    complex: "send two numbers",
    range: "send its ends",
    get_origin(Callable[..., Any]): "send data; what is to be called is an operation of a contract",
    abc.Iterable: "say tuple[T, ...]",
    abc.Iterator: "say tuple[T, ...]",
    abc.Generator: "say tuple[T, ...]",
    abc.Hashable: _NAME_A_TYPE,
    collections.deque: "say list[T]",
    collections.OrderedDict: "say dict[K, V]",
    collections.defaultdict: "say dict[K, V]",
    type: "send a name, or a Literal of names",
}
"""By exact type: what to do about it."""

_ADVICE_BY_BASE: tuple[tuple[type, str], ...] = (
    (BaseException, "list errors in raises=[…]"),
    (abc.AsyncIterable, "a stream is a parameter or the result of an operation, and no part of one"),
    (abc.Awaitable, "say the type of what it will be"),
)
_BUILTINS: tuple[type[Any], ...] = (str, int, float, bytes, list, tuple, dict, set, frozenset)


@final
class Spot(msgspec.Struct, frozen=True):
    """Where in a declaration a type stands."""

    owner: str
    """The class and the method, as ``Progress.complete``."""
    path: str
    """What of it, as ``parameter outline.steps[]``."""
    declared: Any
    """The whole annotation there."""
    place: FindPlace
    is_field: bool = False

    @property
    def subject(self) -> str:
        """What a mistake here is about."""
        return f"{self.owner}, {self.path}: {type_text(self.declared)}"


@final
class TypeCheck:
    """Checks the types of one declaration; a class that occurs many times is reported once."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._records: dict[Any, bool] = {}
        self._open: list[Any] = []

    def check(self, spot: Spot) -> bool:
        """Report what is wrong with the type at a spot, and with all that it is made of. Whether it is sound."""
        sound = self._walk(spot.declared, spot)
        if sound and _is_subtle(spot.declared):
            sound = self._compile(spot)
        return sound

    def _walk(self, kind: Any, spot: Spot) -> bool:
        if isinstance(plain(kind), Unresolved):
            return self._unresolved(plain(kind), spot)
        shape = shape_of(kind)
        if shape.form is Form.FOREIGN:
            problem, advice = _foreign(shape.type)
            return self._refuse(spot, problem, advice)
        if shape.form is Form.BARE:
            return self._refuse(
                spot, f'"{type_text(shape.type)}" does not say of what it is', f"say {_with_arguments(shape.type)}"
            )
        if shape.form is Form.RECORD:
            return self._record(shape, spot)
        if shape.form is Form.ATOM:
            return self._atom(shape, spot)
        if shape.form is Form.MAP and not self._key(shape.parts[0], spot):
            return False
        sound = self._parts(shape, msgspec.structs.replace(spot, is_field=spot.is_field and shape.form is Form.UNION))
        if sound and shape.form in (Form.SET, Form.FROZEN_SET) and is_mutable(shape.parts[0]):
            item = type_text(shape.parts[0])
            return self._refuse(
                spot, f'a set can\'t hold "{item}", which is mutable', "say tuple[…, ...] for its items"
            )
        return sound

    def _parts(self, shape: Shape, spot: Spot) -> bool:
        if shape.type in self._open:
            return self._refuse(spot, "it is an alias that is made of itself", "make it a Message")
        self._open.append(shape.type)
        results = [self._walk(part, spot) for part in shape.parts]
        self._open.pop()
        return all(results)

    def _atom(self, shape: Shape, spot: Spot) -> bool:
        cls = class_of(shape.type)
        if cls is not None and issubclass(cls, enum.Flag):
            name = type_text(shape.type)
            return self._refuse(spot, f'"{name}" combines its members', "say int, or frozenset of a plain Enum")
        if shape.type is msgspec.UnsetType and not spot.is_field:
            return self._refuse(spot, "only a field can be left unset", "say None")
        return True

    def _key(self, key: Any, spot: Spot) -> bool:
        shape = shape_of(key)
        parts = shape.parts if shape.form is Form.UNION else (key,)
        for part in parts:
            atom = shape_of(part)
            if atom.form is not Form.ATOM or atom.type in (None, type(None), bool, bytearray, msgspec.UnsetType):
                if isinstance(plain(part), Unresolved):
                    return self._unresolved(plain(part), spot)
                return self._refuse(
                    spot, f'"{type_text(part)}" can\'t be the key of a dict', "use text, a number, an Enum or a UUID"
                )
        return True

    def _record(self, shape: Shape, spot: Spot) -> bool:
        known = self._records.get(shape.type)
        if known is not None:
            return known
        self._records[shape.type] = True  # while it is looked into: a record may be made of itself
        cls = get_origin(shape.type) or shape.type
        before = len(self._report)
        for problem, advice in _record_problems(cls):
            self._refuse(
                msgspec.structs.replace(spot, declared=shape.type, place=functools.partial(class_place, cls)),
                problem,
                advice,
            )
        around, self._open = self._open, []  # within a record a type may come again
        path = spot.path if _ends_at(spot.declared, shape.type) else f"{spot.path}[]"
        for name, kind in record_fields(shape.type).items():
            self.check(
                Spot(spot.owner, f"{path}.{name}", kind, functools.partial(class_place, cls, name), is_field=True)
            )
        self._open = around
        self._records[shape.type] = len(self._report) == before
        return self._records[shape.type]

    def _compile(self, spot: Spot) -> bool:
        """Ask msgspec itself, which knows best which unions it can tell apart."""
        try:
            msgspec.msgpack.Decoder(spot.declared)
        except TypeError as error:
            return self._refuse(spot, *_of_msgspec(str(error)))
        except NameError:  # an event that is made of itself, and is not in its module until it is checked
            return True
        return True

    def _unresolved(self, kind: Unresolved, spot: Spot) -> bool:
        return self._refuse(
            spot, f"it has no meaning here: {kind.problem}",
            "define or import it before this class, and not under TYPE_CHECKING",
        )  # fmt: skip

    def _refuse(self, spot: Spot, problem: str, advice: str) -> bool:
        self._report.add(spot.subject, problem, advice, spot.place)
        return False


def _ends_at(declared: Any, record: Any) -> bool:
    """Whether a value of the declared type is the record itself, rather than holding some."""
    shape = shape_of(declared)
    members = shape.parts if shape.form is Form.UNION else (declared,)
    return any(shape_of(member).type == record for member in members)


def _is_subtle(kind: Any) -> bool:
    """Whether a type has what only msgspec can judge: unions, literals, constraints, enums."""
    if plain(kind) is not kind:
        return True
    shape = shape_of(kind)
    if shape.form is Form.ATOM:
        return get_origin(shape.type) is typing.Literal or (
            isinstance(shape.type, type) and issubclass(shape.type, enum.Enum)
        )
    return shape.form is Form.UNION or (shape.form is not Form.RECORD and any(_is_subtle(p) for p in children(kind)))


def _foreign(kind: Any) -> tuple[str, str]:
    """Say what is wrong with a type that can't cross."""
    name = type_text(kind)
    if isinstance(kind, TypeVar) or name == "Self":
        return f'"{name}" stands for a type that is not known', _NAME_A_TYPE
    cls = class_of(kind)
    if cls is None:
        return f'"{name}" can\'t cross a process boundary', _ADVICE.get(kind, _SEND_DATA)
    if any("__operations__" in vars(base) for base in cls.__mro__):
        return "a service can't be sent", "let whoever needs it declare it as a dependency"
    builtin = next((base.__name__ for base in _BUILTINS if cls not in _ADVICE and issubclass(cls, base)), None)
    if builtin:
        return f'"{name}" arrives as a plain {builtin}', f'say {builtin}, or NewType("{name}", {builtin})'
    return f'"{name}" can\'t cross a process boundary', _advice(cls)


def _advice(cls: type[Any]) -> str:
    """Say what to write in place of a class that can't cross."""
    if cls in _ADVICE:
        return _ADVICE[cls]
    for base, advice in _ADVICE_BY_BASE:
        if issubclass(cls, base):
            return advice
    return _SEND_DATA if cls.__module__.partition(".")[0] in sys.stdlib_module_names else "make it a Message"


def _record_problems(cls: Any) -> typing.Iterator[tuple[str, str]]:
    name = cls.__name__
    if issubclass(cls, msgspec.Struct):
        config = cls.__struct_config__
        if not config.frozen:
            yield f'"{name}" is mutable', f"derive it from Message, or say class {name}(…, frozen=True)"
        if config.array_like:
            yield f'"{name}" is sent by position, so that no field can be added', "leave out array_like=True"
        if config.forbid_unknown_fields:
            yield f'"{name}" refuses what newer versions add', "leave out forbid_unknown_fields=True"
    elif hasattr(cls, "__attrs_attrs__"):
        if cls.__setattr__ is object.__setattr__ or "frozen" not in cls.__setattr__.__name__:
            yield f'"{name}" is mutable', "say @attrs.frozen"
    elif hasattr(cls, "__dataclass_params__") and not cls.__dataclass_params__.frozen:
        yield f'"{name}" is mutable', "say @dataclass(frozen=True)"


def _with_arguments(kind: Any) -> str:
    name = type_text(kind)
    if kind in (tuple, typing.Tuple):  # noqa: UP006 - either may have been written
        return "tuple[str, ...], or whatever it holds"
    shape_has_values = kind in (dict, abc.Mapping, abc.MutableMapping)
    return f"{name}[str, int], or whatever it holds" if shape_has_values else f"{name}[str], or whatever it holds"


def _of_msgspec(text: str) -> tuple[str, str]:
    """Turn msgspec's refusal of a type into a problem and an advice."""
    problem = text.partition(" - type `")[0]
    for words, found, advice in _TRANSLATIONS:
        if words in problem:
            return found or problem, advice
    return problem, "use a type that msgspec can decode"


_TRANSLATIONS = (
    ("multiple Struct types", "a reader can't tell its messages apart", "declare each of them with tag=True"),
    ("more than one str-like", "a reader can't tell its members apart: they all travel as text", "keep one of them"),
    ("more than one array-like", "a reader can't tell its members apart: they all travel as lists", "keep one of them"),
    ("more than one dict-like", "a reader can't tell its members apart: they all travel as maps", "keep one of them"),
    ("int-like", "a reader can't tell its members apart: they all travel as numbers", "keep one of them"),
    ("Enums must contain", "", "give all its members text, or all of them whole numbers"),
    ("Can only set", "", "leave out that constraint, or change the type"),
)
