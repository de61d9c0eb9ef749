"""Which process a pid means: pids are used again, so the moment at which the process began belongs to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import final

import msgspec

_STATE_FIELD, _START_FIELD = 0, 19
"""Indices after the command's name in ``/proc/<pid>/stat`` (proc_pid_stat(5): fields 3 and 22)."""


@final
class ProcessIdentity(msgspec.Struct, frozen=True):
    """One process of this machine, and no later one that has its pid."""

    pid: int
    began: str
    """When it began, in words of the operating system; compared, never read."""

    @classmethod
    def own(cls) -> ProcessIdentity:
        """Return the identity of the running process."""
        pid = os.getpid()
        return cls(pid=pid, began=_began(pid) or "")

    def alive(self) -> bool:
        """Whether that very process still runs. A zombie does not."""
        return _began(self.pid) == self.began


def _began(pid: int) -> str | None:
    return _began_linux(pid) if sys.platform == "linux" else _began_posix(pid)


def _began_linux(pid: int) -> str | None:
    """Return the boot's id and the clock tick in it at which the process began; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in parentheses and may hold anything, parentheses too.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[_STATE_FIELD] in (b"Z", b"X"):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot}/{int(fields[_START_FIELD])}"


def _began_posix(pid: int) -> str | None:
    listing = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return listing[1].strip() if len(listing) == 2 and not listing[0].startswith("Z") else None


def resident_bytes(pid: int) -> int | None:
    """Return the memory of a process that is resident, in bytes; None if there is no such process."""
    if sys.platform == "linux":
        try:
            return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (FileNotFoundError, ProcessLookupError):
            return None
    listing = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(listing.stdout) * 1024 if listing.stdout.strip() else None
