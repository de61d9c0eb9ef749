"""Python's garbage collector, set for a process that serves calls."""

from __future__ import annotations

import gc


def settle() -> None:
    """Let the collector pass over what was made at the start, and look seldom at the rest.

    Call it once, when everything is started. Almost all that a call makes is freed without the collector, which looks
    for cycles alone; but each look goes over what is young, and some over everything, while calls wait. With replies of
    11 KB, whose rows are objects that it tracks, that was a third of the p99. Cycles are found later, so a process
    that makes many of them is larger in between; ``python_gc = true`` in ``[process]`` leaves Python's own settings.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
