"""What a commit promises, by name."""

from __future__ import annotations

from typing import Final, Literal

Durability = Literal["full", "normal"]
"""``full``: a commit is on the disk when its caller hears of it.

``normal``: a power loss, or a crash of the operating system, takes the last commits, also those that were answered;
what is left is whole. A process that is killed loses nothing.
"""

SYNCHRONOUS: Final[dict[Durability, str]] = {"full": "FULL", "normal": "NORMAL"}
"""SQLite's names: https://www.sqlite.org/pragma.html#pragma_synchronous"""
