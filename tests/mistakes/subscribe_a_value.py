# expect: subscribe_a_value.py:22: EnrolmentService.forget: only a method hears an event; decorate an async def
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

    forget = subscribe(Paths.Retired)
