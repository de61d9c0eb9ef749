# expect: file_path.py:9: Progress.load, parameter document: Path: "Path" can't cross a process boundary; send the data that it stands for, as text or numbers
from pathlib import Path

from freestone.contract import Contract, command


class Progress(Contract):
    @command
    async def load(self, document: Path) -> None:
        """Load a document."""
