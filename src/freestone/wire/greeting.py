"""What two sides that greet each other agree on, or why they part."""

from __future__ import annotations

from msgspec.structs import replace

from .compression import ZSTD, compressor
from .frames import Hello
from .limits import Limits
from .reason import Reason, WireError


def agree(ours: Hello, theirs: Hello) -> int:
    """Return the version of the protocol that both sides speak. Raises WireError if they do not fit.

    Each side computes it from the same two greetings, so that nothing more need be said.
    """
    if theirs.application != ours.application:
        raise WireError(
            Reason.OTHER_APPLICATION,
            f"one end is the application {ours.application!r}, the other is {theirs.application!r}",
        )
    common = set(ours.versions) & set(theirs.versions)
    if not common:
        raise WireError(
            Reason.NO_COMMON_VERSION,
            f"this side speaks {_listed(ours.versions)} of the protocol, not {_listed(theirs.versions)}",
        )
    return max(common)


def _listed(versions: tuple[int, ...]) -> str:
    return f"version{'s' if len(versions) > 1 else ''} " + ", ".join(map(str, sorted(versions)))


def greeting(hello: Hello, limits: Limits) -> Hello:
    """Return the greeting with what this side puts up with. Raises ModuleNotFoundError if it can't compress."""
    if limits.compress is not None:
        compressor()
    return replace(
        hello,
        max_frame=limits.frame,
        max_calls=limits.calls,
        max_message=limits.message,
        max_unfinished=limits.unfinished,
        compression=() if limits.compress is None else (ZSTD,),
    )
