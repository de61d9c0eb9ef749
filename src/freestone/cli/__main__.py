"""``python -m freestone.cli`` is ``freestone``."""

from __future__ import annotations

from .program import main

main()
