# expect: subscribe_an_operation.py:20: EnrolmentService.close: it is an operation of Enrolments, and can't be subscribed as well; write a method for the event, which calls it
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
    @subscribe(Paths.Retired)
    async def close(self, path): ...
