# expect: subscribe_twice_by_one_name.py:26: EnrolmentService.remember: forget is subscribed as "forget" already; give one of them another name="…"
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
    async def forget(self, event): ...

    @subscribe(Paths.Retired, name="forget")
    async def remember(self, event): ...
