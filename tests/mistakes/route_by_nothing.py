# expect: route_by_nothing.py:7: Progress.enrolment: route_by names 'pupil', which is no parameter; take from learner, path
from freestone.contract import Contract, query


class Progress(Contract):
    @query(route_by="pupil")
    async def enrolment(self, learner: str, path: str) -> str:
        """Return an enrolment."""
