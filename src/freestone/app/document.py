"""A TOML document that knows on which line each key is, and collects what is wrong with it.

``tomllib`` tells no positions, so the lines are found by a second, shallow look at the text: it needs to
understand headers and the keys that begin a line, and nothing else. A key that stands inside an inline table has
the line of the key that the table belongs to.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from freestone.errors import ConfigurationError, Mistake
from freestone.service import meant

Keys = tuple[str, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_QUOTES = re.compile(r'"""|\'\'\'')
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_TYPES: dict[object, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


@final
class Document:
    """The text of a TOML file, parsed. ``path`` is how it is named in mistakes."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.mistakes: list[Mistake] = []
        try:
            self.values: Mapping[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError([_syntax(path, text, str(error))]) from None
        self._lines = _lines_of_keys(text)

    @classmethod
    def open(cls, path: Path) -> Document:
        """Read a file. Raises ConfigurationError when it can't be read, or is no TOML."""
        try:
            return cls(path, path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise ConfigurationError(
                [Mistake(path.name, "it is not UTF-8", "save it in that encoding", str(path), line)]
            ) from None
        except OSError as error:
            raise ConfigurationError(
                [Mistake(path.name, f"it can't be read: {error.strerror or error}", "", str(path))]
            ) from None

    def line(self, keys: Keys) -> int:
        """Return the line of a key, or else of the nearest table around it; 0 if none is found."""
        for end in range(len(keys), 0, -1):
            if keys[:end] in self._lines:
                return self._lines[keys[:end]]
        return 0

    def note(self, keys: Keys, problem: str, advice: str = "") -> None:
        """Add a mistake about a key to the collection."""
        subject = spelled(keys) or self.path.name
        self.mistakes.append(Mistake(subject, problem, advice, str(self.path), self.line(keys)))

    def root(self) -> Table:
        """Return the table of the whole document."""
        return Table(self, (), self.values)


@final
class Table:
    """A table of a document, read key by key. What is wrong is noted, and the default is read in its place.

    The keys that were asked for are the ones that are known: ``refuse_unknown`` notes all others.
    """

    def __init__(self, document: Document, keys: Keys, values: Mapping[str, Any]) -> None:
        self.document = document
        self.keys = keys
        self._values = values
        self._asked: dict[str, None] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def note(self, key: str, problem: str, advice: str = "") -> None:
        """Add a mistake about a key of this table; an empty key is the table itself."""
        self.document.note((*self.keys, key) if key else self.keys, problem, advice)

    def get(self, key: str) -> Any:
        """Return the value of a key, of whatever type, or None."""
        self._asked[key] = None
        return self._values.get(key)

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        if self.get(key) == "":
            self.note(key, "it is empty", "write something or leave it out")
            return default
        return str(self._typed(key, str, default))

    def flag(self, key: str) -> bool:
        """Return a truth value; false where there is none."""
        return bool(self._typed(key, bool, False))

    def integer(self, key: str, default: int) -> int:
        """Return an integer."""
        return int(self._typed(key, int, default))

    def number(self, key: str, default: float, advice: str = "") -> float:
        """Return a number, with or without a fraction."""
        if isinstance(self._values.get(key), int) and not isinstance(self._values.get(key), bool):
            return float(self.get(key))
        return float(self._typed(key, float, default, advice))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        value = self.get(key)
        if isinstance(value, str):
            return (value,)
        listed: list[Any] = self._typed(key, list, [])
        if not all(isinstance(item, str) for item in listed):
            self.note(key, "it must be a list of texts")
        return tuple(item for item in listed if isinstance(item, str))

    def table(self, key: str, advice: str = "") -> Table:
        """Return a table; an empty one where there is none."""
        return Table(self.document, (*self.keys, key), self._typed(key, dict, {}, advice))

    def tables(self, advice: str = "") -> Iterator[tuple[str, Table]]:
        """Iterate over the keys of this table, each of which must be a table."""
        for key in self:
            yield key, self.table(key, advice)

    def methods(self, advice: str) -> Iterator[tuple[str, str, Table]]:
        """Iterate over the keys of this table, with the service that each names. Notes those that name no method."""
        for name, inner in self.tables(advice):
            service, dot, _ = name.rpartition(".")
            if dot:
                yield name, service, inner
                continue
            # Without quotes, TOML reads it as a table in a table.
            method = next((key for key, value in inner.values().items() if isinstance(value, dict)), None)
            spelt = "service.method" if method is None else f"{name}.{method}"
            self.note(name, "it is no method", f'write it as "{spelt}", in quotes')

    def values(self) -> dict[str, Any]:
        """Return everything in this table as it is."""
        return dict(self._values)

    def refuse_unknown(self) -> None:
        """Note each key that nobody asked for."""
        for key in self:
            if key not in self._asked:
                self.note(key, "there is no such key", meant(key, self._asked, "keys"))

    def _typed(self, key: str, kind: type, default: Any, advice: str = "") -> Any:
        value = self.get(key)
        if value is None:
            return default
        found = _kind(value)
        if found is not kind:
            self.note(key, f"it must be {_TYPES[kind]}, and is {_TYPES.get(found, 'a date or a time')}", advice)
            return default
        return value


def _kind(value: object) -> type[object]:
    return type(value)


def spelled(keys: Keys) -> str:
    """Return keys as TOML writes them.

    >>> spelled(("calls", "methods", "progress.complete"))
    'calls.methods."progress.complete"'
    """
    return ".".join(key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"' for key in keys)


def _syntax(path: Path, text: str, message: str) -> Mistake:
    position = _POSITION.search(message)
    line = int(position[1]) if position and position[1] else text.count("\n") + 1
    problem = _POSITION.sub("", message)
    return Mistake(path.name, f"it is no TOML: {problem[:1].lower()}{problem[1:]}", "", str(path), line)


def _lines_of_keys(text: str) -> dict[Keys, int]:
    lines: dict[Keys, int] = {}
    table: Keys = ()
    within = ""
    for number, line in enumerate(text.split("\n"), 1):
        if not within:
            if line.lstrip().startswith("#"):
                continue
            if header := _HEADER.match(line):
                table = _split(header[1])
                for end in range(1, len(table) + 1):  # those that it is in are there too
                    lines.setdefault(table[:end], number)
            elif assignment := _ASSIGNMENT.match(line):
                keys = (*table, *_split(assignment[1]))
                for end in range(len(table) + 1, len(keys) + 1):
                    lines.setdefault(keys[:end], number)
        for quotes in _QUOTES.findall(line):  # a text of several lines hides what is in it
            within = quotes if not within else "" if within == quotes else within
    return lines


def _split(dotted: str) -> Keys:
    keys: list[str] = []
    inner: dict[str, Any] = tomllib.loads(f"{dotted} = {{}}")
    while inner:
        ((key, inner),) = inner.items()
        keys.append(key)
    return tuple(keys)
