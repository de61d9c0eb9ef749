"""What annotations mean: text resolved to types, generics filled in."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, final, get_args, get_origin, get_type_hints

import msgspec


@final
class Unresolved(msgspec.Struct, frozen=True):
    """Stands for an annotation that has no meaning yet."""

    text: str
    """The annotation, as it is written."""
    problem: str
    """What Python says of it."""


def resolve(annotation: Any, names: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
    """Return the type that an annotation means, or Unresolved.

    ``names`` are the module's, ``scope`` those around the declaration. What is text, as a whole or within, is
    evaluated; ``from __future__ import annotations`` makes all of it so.
    """
    if isinstance(annotation, str) and annotation.startswith(("ClassVar", "typing.ClassVar")):
        return ClassVar  # get_type_hints accepts it within classes only
    holder = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(holder, dict(names), dict(scope), include_extras=True)["it"]
    except Exception as error:  # an annotation is any expression, and may raise anything
        text = annotation if isinstance(annotation, str) else repr(annotation)
        return Unresolved(text, str(error).rstrip("."))


def names_around() -> dict[str, Any]:
    """Return the names that are local where the caller of this function's caller is, as a class within a function."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame and frame.f_back
    return dict(frame.f_locals) if frame else {}


def function_annotations(function: Any, scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types that a function's parameters, and its ``return``, are annotated with."""
    annotations = inspect.get_annotations(function)
    return {name: resolve(annotation, function.__globals__, scope) for name, annotation in annotations.items()}


def class_annotations(kind: Any, scope: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the types of a class's annotated attributes, those of its bases first.

    ``kind`` may be generic with arguments, as ``Page[Course]``: its fields then have the arguments' types. Names are
    looked up in the module of each class first, as msgspec does, so that ``date: date`` means what it says; then in
    the class and in ``scope``.
    """
    cls: type[Any] = get_origin(kind) or kind
    filled = _type_arguments(kind)
    found: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        module = sys.modules.get(owner.__module__)
        names = vars(module) if module else {}
        around: dict[str, Any] = {**vars(owner), owner.__name__: owner, **(scope or {})}
        for name, annotation in inspect.get_annotations(owner).items():
            found[name] = _substitute(resolve(annotation, around, names), filled.get(owner, {}))
    return found


def _type_arguments(kind: Any) -> dict[type, dict[Any, Any]]:
    """Return, for each class that a generic one is made of, what its type variables stand for."""
    cls: type[Any] = get_origin(kind) or kind
    filled: dict[type, dict[Any, Any]] = {}
    pending: list[tuple[type[Any], dict[Any, Any]]] = [
        (cls, dict(zip(getattr(cls, "__parameters__", ()), get_args(kind), strict=False)))
    ]
    while pending:
        owner, variables = pending.pop()
        filled[owner] = variables
        bases: tuple[Any, ...] = owner.__dict__.get("__orig_bases__", ())
        for base in bases:
            origin = get_origin(base)
            if origin is not None and hasattr(origin, "__mro__") and hasattr(origin, "__parameters__"):
                arguments = [_substitute(argument, variables) for argument in get_args(base)]
                pending.append((origin, dict(zip(origin.__parameters__, arguments, strict=False))))
    return filled


def _substitute(kind: Any, variables: Mapping[Any, Any]) -> Any:
    """Return the type with its type variables replaced."""
    if not variables:
        return kind
    try:
        if kind in variables:
            return variables[kind]
    except TypeError:  # an annotation that has no hash is no type variable
        return kind
    free = getattr(kind, "__parameters__", ())
    if not free or isinstance(kind, type):
        return kind
    return kind[tuple(variables.get(variable, variable) for variable in free)]
