# expect: subscribe_a_hook.py:24: EnrolmentService.start: the host calls it without arguments; say async def start(self)
# expect: subscribe_a_hook.py:24: EnrolmentService.start: the host calls it when the service starts or stops; give it another name
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
    async def start(self, event=None): ...
