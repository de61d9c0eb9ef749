"""The path of a route, ``/paths/{path}/resources/{resource}``, and the segments of a request's path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import unquote_to_bytes

from .problems import MALFORMED_REQUEST, Refused

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@final
@dataclass(frozen=True, slots=True)
class Segment:
    """What stands between two slashes: text, or a parameter that takes any text but the empty one."""

    text: str
    is_parameter: bool = False

    def __str__(self) -> str:
        return f"{{{self.text}}}" if self.is_parameter else self.text


@final
@dataclass(frozen=True, slots=True)
class Pattern:
    """The paths of a route. ``parse`` makes it."""

    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, path: str) -> Pattern:
        """Read a pattern. Raises ValueError that says what is wrong with it.

        >>> Pattern.parse("/paths/{path}").parameters
        ('path',)
        """
        if not path.startswith("/"):
            raise ValueError('it does not begin with "/"')
        if path == "/":
            return cls(())
        pattern = cls(tuple(_segment(text) for text in path[1:].split("/")))
        names = pattern.parameters
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"it has the parameter {{{name}}} twice")
        return pattern

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, from left to right."""
        return tuple(segment.text for segment in self.segments if segment.is_parameter)

    @property
    def shape(self) -> str:
        """The pattern without the names of its parameters: two patterns of one shape match the same paths."""
        return "/" + "/".join("{}" if segment.is_parameter else segment.text for segment in self.segments)

    def __str__(self) -> str:
        return "/" + "/".join(map(str, self.segments))


def _segment(text: str) -> Segment:
    if not text:
        raise ValueError('it has an empty segment ("//", or "/" at its end)')
    whole = _PARAMETER.fullmatch(text)
    if whole:
        return Segment(whole[1], is_parameter=True)
    if "{" in text or "}" in text:
        raise ValueError(f'a parameter is a whole segment, as {{path}}, and "{text}" is not')
    return Segment(text)


def path_segments(scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the decoded segments of an ASGI request's path, below its root path.

    The raw path is split before it is decoded, so that a parameter may hold a slash, sent as ``%2F``. Raises
    Refused when it is not UTF-8.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    raw: bytes | None = scope.get("raw_path")
    if raw is None or root:
        # The root path is given decoded, and can't be cut off what is not.
        relative = path[len(root) :] if path.startswith(root) else path
        return tuple(relative[1:].split("/")) if len(relative) > 1 else ()
    relative_raw = raw.split(b"?", 1)[0][1:]
    if not relative_raw:
        return ()
    try:
        return tuple(unquote_to_bytes(part).decode() for part in relative_raw.split(b"/"))
    except UnicodeDecodeError:
        raise Refused(MALFORMED_REQUEST, "the path is not percent-encoded UTF-8") from None
