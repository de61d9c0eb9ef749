# expect: route_by_of_a_batch.py:7: Progress.many: route_by is of one call, and a batch is many; leave out one of them
from freestone.contract import Contract, query


class Progress(Contract):
    @query(batch=True, route_by="path")
    async def many(self, path: str, learners: tuple[str, ...]) -> tuple[str, ...]:
        """Return an enrolment for each."""
