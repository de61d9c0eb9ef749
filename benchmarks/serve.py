"""``python -m benchmarks.serve MODULE ADDRESS [CORE]``: run the server of a peer. What measures it stays outside."""

from __future__ import annotations

import importlib
import os
import sys

import uvloop

if __name__ == "__main__":
    if len(sys.argv) > 3:
        os.sched_setaffinity(0, {int(sys.argv[3])})
    uvloop.run(importlib.import_module(sys.argv[1]).serve(sys.argv[2]))
