# expect: subscribe_a_method_twice.py:24: EnrolmentService.forget: it is subscribed twice, or is called by a schedule too; write two methods
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
    @subscribe(Paths.Retired, name="other")
    async def forget(self, event): ...
