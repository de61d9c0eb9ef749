"""The words of the command line: ``freestone new``, ``run``, ``serve``, ``plan``, ``ps``, ``call``,
``contract``.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    from .program import main as run  # and with it Typer, which a child of a run has no use for

    run()
