"""From the path of a field, as contracts write it, to a JSON Pointer (RFC 6901)."""

from __future__ import annotations

import re

_STEP = re.compile(
    r"""
      \.?(?P<name>[^.\[\]]+)                    # minutes
    | \[(?P<index>[0-9]+)\]                     # [2]
    | \[(?P<quote>['"])(?P<key>.*?)(?P=quote)\] # ['some key']
    """,
    re.VERBOSE | re.DOTALL,
)


def steps(field: str) -> tuple[str, ...]:
    """Return the keys and indices that lead to a field.

    The path ends where it stops being certain: ``[...]`` stands for some key or some element.

    >>> steps("resources[2].minutes")
    ('resources', '2', 'minutes')
    """
    found: list[str] = []
    position = 0
    while step := _STEP.match(field, position):
        found.append(next(text for text in step.group("name", "index", "key") if text is not None))
        position = step.end()
    return tuple(found)


def pointer(path: tuple[str, ...]) -> str:
    """Return the JSON Pointer to a place.

    >>> pointer(("resources", "2", "a/b"))
    '/resources/2/a~1b'
    """
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
