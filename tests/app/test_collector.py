"""The garbage collector of a process that serves."""

from __future__ import annotations

import subprocess
import sys


def test_what_was_made_at_the_start_is_passed_over() -> None:
    """And what comes later is looked at seldom. In a process of its own, because it can't be taken back.

    Python 3.12 has passed over some before anybody says so.
    """
    program = (
        "import gc; from freestone.app import settle; before = gc.get_freeze_count(); settle(); "
        "print(gc.get_freeze_count() > before + 1000, gc.get_threshold()[0] > 700, gc.isenabled())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
