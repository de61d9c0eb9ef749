# expect: dict_key.py:7: Progress.scores, result: dict[tuple[str, int], float]: "tuple[str, int]" can't be the key of a dict; use text, a number, an Enum or a UUID
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def scores(self) -> dict[tuple[str, int], float]:
        """Return the scores."""
