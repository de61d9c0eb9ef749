# expect: subscribe_options.py:31: EnrolmentService.forget: 'a b' is no name; use up to 100 letters, digits, dots, - and _
# expect: subscribe_options.py:31: EnrolmentService.forget: start='later'; say 'now' or 'beginning'
# expect: subscribe_options.py:31: EnrolmentService.forget: on_failure='go'; say 'wait' or 'skip'
# expect: subscribe_options.py:31: EnrolmentService.forget: tries=0; say a number from 1 to 100
# expect: subscribe_options.py:31: EnrolmentService.forget: concurrency=2000; say a number from 1 to 1000
# expect: subscribe_options.py:31: EnrolmentService.forget: backoff='soon': it is no duration, such as "250ms", "10s", "2m" or a number of seconds; say "30s", or a number of seconds
# expect: subscribe_options.py:31: EnrolmentService.forget: deadline=0: it must be longer than that; say "30s", or a number of seconds
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

    @subscribe(
        Paths.Retired, start="later", name="a b", tries=0, backoff="soon", deadline=0, on_failure="go", concurrency=2000
    )
    async def forget(self, event): ...
