"""Where in the source something is declared, for the messages about mistakes.

The source is read only once there is a mistake to report; a correct program never pays for it.
"""

from __future__ import annotations

import ast
import functools
import linecache
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """A line of a file. Both are empty where the source is not known."""

    file: str = ""
    line: int = 0


FindPlace: TypeAlias = Callable[[], Place]


def function_place(function: Any, part: str = "") -> Place:
    """Return where a function is declared, or one of its parameters, or with ``return`` its result."""
    code = function.__code__
    for node in _nodes(code.co_filename).get(function.__qualname__, ()):
        if isinstance(node, _Function) and _first_line(node) == code.co_firstlineno:
            return Place(code.co_filename, _part_line(node, part))
    return Place(code.co_filename, code.co_firstlineno)


def class_place(cls: type, field: str = "") -> Place:
    """Return where a class is declared, or an attribute in its body or in that of a base."""
    for owner in cls.__mro__ if field else (cls,):
        file = getattr(sys.modules.get(owner.__module__), "__file__", None) or ""
        for node in reversed(_nodes(file).get(owner.__qualname__, ())):
            if not field:
                return Place(file, node.lineno)
            line = _field_line(node, field)
            if line:
                return Place(file, line)
    return class_place(cls) if field else Place()


@functools.cache
def _nodes(file: str) -> dict[str, list[Any]]:
    """Return the classes and functions of a file by qualified name."""
    found: dict[str, list[Any]] = {}
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:  # typed at a prompt, or changed since it was imported
        return found
    for name, node in _named(tree, ""):
        found.setdefault(name, []).append(node)
    return found


def _named(parent: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node
            yield from _named(node, f"{prefix}{node.name}.")
        elif isinstance(node, _Function):
            yield prefix + node.name, node
            yield from _named(node, f"{prefix}{node.name}.<locals>.")
        else:
            yield from _named(node, prefix)


def _first_line(node: _Function) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _part_line(node: _Function, part: str) -> int:
    arguments = node.args
    if part == "return":
        return node.returns.lineno if node.returns else node.lineno
    for argument in (
        *arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg
    ):  # fmt: skip
        if argument is not None and argument.arg == part:
            return argument.lineno
    return node.lineno


def _field_line(node: Any, field: str) -> int:
    for statement in getattr(node, "body", ()):
        targets = [getattr(statement, "target", None), *getattr(statement, "targets", ())]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if field in names or getattr(statement, "name", None) == field:
            line: int = statement.lineno
            return line
    return 0
