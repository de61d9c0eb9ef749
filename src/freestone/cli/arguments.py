"""The arguments of a call as they are typed: ``name=value``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .failure import UsageMistake


def parse_arguments(words: Sequence[str]) -> dict[str, Any]:
    """Return the values by name. Objects, arrays, quoted texts and null are JSON; everything else is text.

    Numbers and truth values stay text, too: the contract knows whether ``30`` is meant as a number or as a name, and
    reads it accordingly. Raises UsageMistake for what has no name, or has a name twice.

    >>> parse_arguments(["learner=ada", "minutes=30", 'done=["basics"]'])
    {'learner': 'ada', 'minutes': '30', 'done': ['basics']}
    """
    values: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise UsageMistake(f'"{word}" is no argument; write NAME=VALUE')
        if name in values:
            raise UsageMistake(f'"{name}" is given twice')
        values[name] = _value(value)
    return values


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, bool | int | float) else value
