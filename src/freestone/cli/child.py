"""``python -m freestone.cli.child``: one process of a run, as the supervisor starts it.

It is a program of its own because it has no words, options or help for anybody to read: what a command line is parsed
and printed with would be a third of its start.
"""

from __future__ import annotations

import signal
import sys

from .imports import importing


def main() -> None:
    """Be the child that the arguments of this process tell of."""
    _, _, told, _, lifeline = sys.argv
    with importing():
        from .failure import explain
        from .inheritance import Inheritance
        from .tenant import serve_child
    try:
        serve_child(Inheritance.decode(told), int(lifeline))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        sentence, status = explain(error)
        print(f"Error: {sentence}", file=sys.stderr)
        sys.exit(status)


if __name__ == "__main__":
    main()
