# expect: route_by_a_sequence.py:7: Progress.all: route_by names 'learners', and tuple[str, ...] is no single value; name a parameter that is a text, a number or the like
from freestone.contract import Contract, query


class Progress(Contract):
    @query(route_by="learners")
    async def all(self, learners: tuple[str, ...]) -> str:
        """Return what all of them have done."""
