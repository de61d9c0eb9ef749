# expect: operation_in_a_service.py:11: ProgressService.path: it is declared in a class that is no contract; declare it in Progress, and leave out the decorator here
from freestone.contract import Contract, query


class Progress(Contract):
    """How far each learner is."""


class ProgressService(Progress):
    @query
    async def path(self, name: str) -> str:
        return name
