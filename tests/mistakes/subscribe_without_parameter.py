# expect: subscribe_without_parameter.py:23: EnrolmentService.forget: it is given the event, and nothing else; say async def forget(self, event: Retired)
from freestone.contract import Contract, Event, command
from freestone.events import subscribe
from freestone.service import service


class Paths(Contract):
    class Retired(Event, key="path"):
        path: str


class Enrolments(Contract):
    @command
    async def close(self, path: str) -> None: ...


@service
class EnrolmentService(Enrolments):
    async def close(self, path):
        return None

    @subscribe(Paths.Retired)
    async def forget(self): ...
