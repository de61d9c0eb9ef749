"""What somebody may have meant by a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile


def meant(name: str, known: Iterable[str], kind: str) -> str:
    """Return the advice for an unknown name: the known one that is nearest, or else all of them.

    >>> meant("servces", ["name", "services"], "keys")
    'did you mean "services"?'
    >>> meant("colour", ["name", "services"], "keys")
    'the keys are name, services'

    Of several that are near it is the one that begins in the same way:

    >>> meant("retries", ["retry", "services"], "keys")
    'did you mean "retry"?'
    """
    import difflib  # only whoever made a mistake waits for it

    names = list(known)
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f'did you mean "{max(near, key=lambda it: _common(name, it))}"?'
    return f"the {kind} are {', '.join(names)}" if names else f"there are no {kind}"


def _common(one: str, other: str) -> int:
    """Return with how many characters both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
