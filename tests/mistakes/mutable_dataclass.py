# expect: mutable_dataclass.py:8: Progress.find, parameter near: Point: "Point" is mutable; say @dataclass(frozen=True)
from dataclasses import dataclass

from freestone.contract import Contract, query


@dataclass
class Point:
    x: float
    y: float


class Progress(Contract):
    @query
    async def find(self, near: Point) -> str:
        """Return a path."""
