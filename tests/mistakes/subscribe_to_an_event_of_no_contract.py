# expect: subscribe_to_an_event_of_no_contract.py:23: EnrolmentService.forget: Retired: no contract is declared beside it; declare it in the module of the contract that it belongs to
from freestone.contract import Contract, Event, command
from freestone.events import subscribe
from freestone.service import service


class Enrolments(Contract):
    @command
    async def close(self, path: str) -> None: ...


class Elsewhere:
    class Retired(Event, key="path"):
        path: str


@service
class EnrolmentService(Enrolments):
    async def close(self, path):
        return None

    @subscribe(Elsewhere.Retired)
    async def forget(self, event): ...
