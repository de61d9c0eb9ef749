# expect: subscribe_to_an_unknown_annotation.py:23: EnrolmentService.forget, parameter event: Retired: it has no meaning here: name 'Retired' is not defined; import it, or leave the annotation out
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
    async def forget(self, event: "Retired") -> None: ...
