"""Makes the bank importable, as its own file does in the processes that run it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "bank"))
