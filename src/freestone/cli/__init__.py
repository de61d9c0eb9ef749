"""The words of the command line: ``freestone new``, ``run``, ``serve``, ``plan``, ``ps``, ``call``,
``contract``.
"""

from __future__ import annotations

from .program import main

__all__ = ["main"]
