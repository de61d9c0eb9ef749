# expect: subscribe_another_event.py:23: EnrolmentService.forget, parameter event: str: it is subscribed to Retired; say the same here
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
    async def forget(self, event: str) -> None: ...
