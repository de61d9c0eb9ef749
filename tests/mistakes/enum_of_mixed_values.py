# expect: enum_of_mixed_values.py:14: Progress.paths, parameter level: Level: Enums must contain either all str or all int values; give all its members text, or all of them whole numbers
import enum

from freestone.contract import Contract, query


class Level(enum.Enum):
    EASY = 1
    HARD = "hard"


class Progress(Contract):
    @query
    async def paths(self, level: Level) -> int:
        """Count the paths of a level."""
