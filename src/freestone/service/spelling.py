"""What somebody may have meant by a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable


def meant(name: str, known: Iterable[str], kind: str) -> str:
    """Return the advice for an unknown name: the known one that is nearest, or else all of them.

    >>> meant("servces", ["name", "services"], "keys")
    'did you mean "services"?'
    >>> meant("colour", ["name", "services"], "keys")
    'the keys are name, services'
    """
    import difflib  # only whoever made a mistake waits for it

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"the {kind} are {', '.join(names)}" if names else f"there are no {kind}"
