"""What every ``Transport`` does, however it carries a call.

A driver is a ``Place``: given services by name, it serves them for a block and gives a transport to each. Each check
is a coroutine function that takes one; ``CHECKS`` has them all::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_my_transport_keeps_the_rules(check):
        await check(my_place)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final, TypeAlias, TypeVar, cast

from freestone.call import Transport, client
from freestone.contract import Contract, query
from freestone.errors import (
    Aborted,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    ServiceError,
    Unimplemented,
)
from freestone.service import Identity, TraceParent, acting_as, continuing, current, deadline, keyed

from .workbench import BENCH, Bent, Tool, Workbench, WorkbenchService

Place: TypeAlias = Callable[[Mapping[str, object]], AbstractAsyncContextManager[Callable[[str], Transport]]]
"""Serves services by name for a block, and gives the transport to each of them."""

T = TypeVar("T")
E = TypeVar("E", bound=ServiceError)

_PATIENCE: Final = 10.0
_MICROSECOND: Final = 1e-6
"""In which a deadline goes over the wire."""


@contextlib.asynccontextmanager
async def _workbench(place: Place) -> AsyncGenerator[Workbench]:
    """Serve two workbenches, the first of which calls the second; give a client of the first."""
    near, far = WorkbenchService(), WorkbenchService()
    async with place({"near": near, "far": far}) as transport:
        near.other = client(Workbench, transport("far"))
        yield client(Workbench, transport("near"))


async def _soon(awaitable: Awaitable[T]) -> T:
    """Await something that must happen, but not for ever."""
    async with asyncio.timeout(_PATIENCE):
        return await awaitable


async def _raised(kind: type[E], awaitable: Awaitable[object]) -> E:
    """Return the error of exactly that class that a call raises."""
    try:
        got = await _soon(awaitable)
    except ServiceError as error:
        if type(error) is kind:
            return error
        raise AssertionError(f"{kind.__name__} was not raised, but {error!r}") from error
    raise AssertionError(f"{kind.__name__} was not raised; the call returned {got!r}")


async def _failure(awaitable: Awaitable[object]) -> Exception | None:
    """Return what an awaitable raises."""
    try:
        await _soon(awaitable)
    except Exception as error:
        return error
    return None


@contextlib.contextmanager
def _silenced() -> Any:
    """Keep what a bug of a handler logs out of a test's output."""
    log = logging.getLogger("freestone.call")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


async def check_results_arrive_as_they_were(place: Place) -> None:
    """Arguments and results keep their types; defaults are filled in."""
    async with _workbench(place) as bench:
        tool = Tool(name="saw", sizes=[1, 2], weight=0.5)
        assert await _soon(bench.same(tool, 2)) == [tool, tool]
        assert await _soon(bench.same(tool=Tool(name="ä"))) == [Tool(name="ä")]


async def check_big_values_arrive(place: Place) -> None:
    """A megabyte each way."""
    async with _workbench(place) as bench:
        data = bytes(range(256)) * 4096
        assert await _soon(bench.blob(data)) == data[::-1]


async def check_a_declared_error_arrives_as_itself(place: Place) -> None:
    """With its message and its fields."""
    async with _workbench(place) as bench:
        error = await _raised(Bent, bench.fail("declared"))
        assert error.tools == ("saw", "file")
        assert str(error) == "it is bent"


async def check_canonical_errors_need_no_declaration(place: Place) -> None:
    """Every contract may raise them."""
    async with _workbench(place) as bench:
        assert str(await _raised(NotFound, bench.fail("missing"))) == "there is no such tool"
        await _raised(Aborted, bench.fail("aborted"))


async def check_an_error_arrives_whatever_it_says(place: Place) -> None:
    """Also with half of a character, which no encoding takes, as when it quotes the name of a file."""
    async with _workbench(place) as bench:
        error = await _raised(NotFound, bench.fail("unreadable"))
        assert str(error) == "there is no tool \\udcff, and no sägeblatt"


async def check_a_bug_arrives_as_internal(place: Place) -> None:
    """With a trace id to find it by, and without what it says."""
    async with _workbench(place) as bench:
        with _silenced():
            error = await _raised(Internal, bench.fail("bug"))
        assert error.trace_id is not None
        assert len(error.trace_id) == 32
        assert "secret" not in str(error)


async def check_an_unknown_operation_is_unimplemented(place: Place) -> None:
    """The error says what there is."""

    class Workbench2(Contract):
        """A later version of the contract."""

        @query
        async def polish(self) -> int:
            """Polish."""
            raise NotImplementedError

    async with place({"near": WorkbenchService()}) as transport:
        newer = client(Workbench2, transport("near"))
        error = await _raised(Unimplemented, _call(newer.polish))
        assert "near has no operation 'polish'" in str(error)
        nowhere = client(Workbench, transport("nowhere"))
        error = await _raised(Unimplemented, _call(nowhere.standing))
        assert "there is no service 'nowhere' here" in str(error)


async def _call(method: Callable[[], Awaitable[T]]) -> T:
    """Call and await: some transports find out at the one, some at the other."""
    return await method()


async def _runs_out(bench: Workbench, name: str, call: Callable[[], Awaitable[object]]) -> None:
    """Make a call that goes on until its deadline, and see that the callee was ended by it.

    On a machine that stands still the deadline may pass before the call has begun; then it is made again, with more.
    """

    async def hurried(seconds: float) -> None:
        async with deadline(seconds):
            await call()

    for seconds in (0.05, 0.5, 5.0):
        await _raised(DeadlineExceeded, hurried(seconds))
        try:
            async with asyncio.timeout(1.0):
                await bench.began(name)
        except TimeoutError:
            continue
        break
    assert await _soon(bench.ended(name)) == 1


async def check_a_result_over_its_deadline_is_an_error(place: Place) -> None:
    """The callee is cancelled when the time is over."""
    async with _workbench(place) as bench:
        await _runs_out(bench, "slow", lambda: bench.wait("slow"))


async def check_every_call_has_a_deadline(place: Place) -> None:
    """One that nobody set is the default of ten seconds."""
    async with _workbench(place) as bench:
        assert 5 < (await _soon(bench.standing())).seconds <= 10


async def check_a_deadline_can_be_lifted(place: Place) -> None:
    """For a call, for what it leads to, and for a stream."""
    async with _workbench(place) as bench, deadline(math.inf):
        assert (await _soon(bench.standing())).seconds == math.inf
        assert (await _soon(bench.beyond())).seconds == math.inf
        assert [tool.name async for tool in bench.count(3)] == ["1", "2", "3"]


async def check_a_deadline_that_has_passed_begins_nothing(place: Place) -> None:
    """Not even when it passed before the call."""
    async with _workbench(place) as bench:

        async def late() -> None:
            async with deadline(0):
                await bench.wait("late")

        await _raised(DeadlineExceeded, late())


async def check_a_callee_inherits_what_is_left(place: Place) -> None:
    """And so does the callee's callee."""
    async with _workbench(place) as bench:
        async with deadline(3):
            one = await _soon(bench.standing())
            two = await _soon(bench.beyond())
        assert 0 < two.seconds <= 3
        assert 0 < one.seconds <= 3
        assert two.seconds <= one.seconds + _MICROSECOND  # of the first, a part of one may have been cut off


async def check_a_callee_of_a_callee_is_cancelled_at_the_deadline(place: Place) -> None:
    """Work stops all the way down."""
    async with _workbench(place) as bench:
        await _runs_out(bench, "deep", lambda: bench.wait_beyond("deep"))


async def check_a_task_of_its_own_is_under_the_deadline_too(place: Place) -> None:
    """A call made in another task than the one that set the deadline ends with it, and by itself."""
    async with _workbench(place) as bench:

        async def spawn() -> asyncio.Future[int]:
            async with deadline(0.2):
                return asyncio.ensure_future(bench.wait("apart"))

        await _raised(DeadlineExceeded, await spawn())
        assert await _soon(bench.ended("apart")) == 1


async def check_cancelling_the_caller_cancels_the_callee(place: Place) -> None:
    """The handler's clean-up runs."""
    async with _workbench(place) as bench:
        task = asyncio.ensure_future(bench.wait("gone"))
        await _soon(bench.began("gone"))
        task.cancel()
        await _soon(asyncio.wait([task]))
        assert task.cancelled()
        assert await _soon(bench.ended("gone")) == 1


async def check_identity_crosses(place: Place) -> None:
    """To the callee, and to whom it calls."""
    async with _workbench(place) as bench:
        assert (await _soon(bench.standing())).subject == ""
        with acting_as(Identity("ada", ("read", "write"))):
            for standing in (await _soon(bench.standing()), await _soon(bench.beyond())):
                assert (standing.subject, standing.scopes) == ("ada", ("read", "write"))


async def check_a_trace_crosses(place: Place) -> None:
    """Calls of one block have one trace id."""
    async with _workbench(place) as bench:
        with acting_as(Identity("ada")) as context:
            assert (await _soon(bench.standing())).trace_id == context.trace_id
            assert (await _soon(bench.beyond())).trace_id == context.trace_id


async def check_a_trace_of_somebody_else_crosses(place: Place) -> None:
    """With its span, its flags and its state, to whom the callee calls too."""
    async with _workbench(place) as bench:
        standing = await _soon(bench.standing())
        assert (standing.span_id, standing.flags, standing.state) == (None, 0, "")
        with continuing(TraceParent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1), "congo=t61rcWkgMzE"):
            for standing in (await _soon(bench.standing()), await _soon(bench.beyond())):
                assert standing.trace_id == "0af7651916cd43dd8448eb211c80319c"
                assert (standing.span_id, standing.flags) == ("b7ad6b7169203331", 1)
                assert standing.state == "congo=t61rcWkgMzE"


async def check_a_context_field_crosses(place: Place) -> None:
    """To the callee, to whom it calls, and into a stream; and it is gone after its block."""
    async with _workbench(place) as bench:
        with BENCH.set("by the window"):
            assert (await _soon(bench.standing())).bench == "by the window"
            assert (await _soon(bench.beyond())).bench == "by the window"
            assert [tool.name async for tool in bench.count(1, bench=True)] == ["by the window"]
        assert (await _soon(bench.beyond())).bench == ""


async def check_a_command_has_a_key(place: Place) -> None:
    """One of its own; what it calls has another, and a query has none."""
    async with _workbench(place) as bench:
        one, two = await _soon(bench.signed()), await _soon(bench.signed())
        outer, inner = await _soon(bench.signed_beyond())
        keys = [standing.key for standing in (one, two, outer, inner)]
        assert None not in keys
        assert len(set(keys)) == 4
        assert one.attempt == 0
        assert (await _soon(bench.standing())).key is None


async def check_a_key_may_be_given(place: Place) -> None:
    """It is that of the command which is called, and of no other."""
    async with _workbench(place) as bench:
        with keyed("order-17"):
            outer, inner = await _soon(bench.signed_beyond())
            assert (await _soon(bench.standing())).key is None
        assert outer.key == "order-17"
        assert inner.key not in (None, "order-17")


async def check_the_callers_context_stays(place: Place) -> None:
    """A call leaves nothing behind in its caller."""
    async with _workbench(place) as bench:
        before = current()
        await _soon(bench.standing())
        assert current() is before


async def check_nothing_mutable_is_shared(place: Place) -> None:
    """Neither side can change what the other holds."""
    async with _workbench(place) as bench:
        sizes = [1]
        tools = [Tool(name="saw", sizes=sizes)]
        call = bench.keep(tools)
        sizes.append(2)
        tools.append(Tool(name="file"))
        returned = await _soon(call)
        assert returned == [Tool(name="saw", sizes=[1])]
        returned.append(Tool(name="axe"))
        returned[0].sizes.append(3)
        assert await _soon(bench.kept()) == [Tool(name="saw", sizes=[1])]


async def check_a_value_that_cant_cross_is_refused(place: Place) -> None:
    """What no codec can write is the caller's mistake, named with its parameter; the service is never asked."""
    async with _workbench(place) as bench:
        await _soon(bench.keep([Tool(name="saw")]))
        error = await _raised(InvalidArgument, _call(lambda: bench.keep(cast(Any, [object()]))))
        assert error.field.startswith("tools"), error.field
        assert await _soon(bench.kept()) == [Tool(name="saw")]


async def check_many_calls_at_once(place: Place) -> None:
    """Each caller gets its own answer."""
    async with _workbench(place) as bench:
        answers = await _soon(asyncio.gather(*(bench.same(Tool(name=str(n))) for n in range(200))))
        assert [answer[0].name for answer in answers] == [str(n) for n in range(200)]


async def check_a_stream_arrives_in_order_and_ends(place: Place) -> None:
    """More items than may be under way."""
    async with _workbench(place) as bench:
        names = [tool.name async for tool in bench.count(500)]
        assert names == [str(number) for number in range(1, 501)]
        assert [tool async for tool in bench.count(0)] == []


async def check_a_stream_may_end_with_an_error(place: Place) -> None:
    """After the items before it."""
    async with _workbench(place) as bench:
        names: list[str] = []

        async def consume() -> None:
            async for tool in bench.count(3, fail=True):
                names.append(tool.name)  # noqa: PERF401 - a comprehension would drop what came before the error

        error = await _raised(NotFound, consume())
        assert str(error) == "nothing comes after that"
        assert names == ["1", "2", "3"]


async def check_a_stream_begins_with_its_first_item(place: Place) -> None:
    """A stream that nobody asks anything makes nothing."""
    async with _workbench(place) as bench:
        items = bench.count(10, "unasked")
        assert await _soon(bench.made("unasked")) == 0
        assert (await _soon(anext(items))).name == "1"
        await _close(items)


async def check_a_stream_goes_no_faster_than_its_reader(place: Place) -> None:
    """What is made and not taken is bounded."""
    async with _workbench(place) as bench:
        items = bench.count(100_000, "ahead")
        for _ in range(3):
            await _soon(anext(items))
        made = 0
        for _ in range(20):  # so many round trips, in which a producer without bound would run ahead
            made = await _soon(bench.made("ahead"))
        assert 3 <= made <= 200
        await _close(items)


async def check_a_stream_that_is_closed_early_ends_its_maker(place: Place) -> None:
    """The generator's ``finally`` runs."""
    async with _workbench(place) as bench:
        async with aclosing(cast(Any, bench.count(3, "early"))) as items:
            async for _ in items:
                break
        assert await _soon(bench.ended("early")) == 1
        assert [tool async for tool in items] == []


async def check_cancelling_the_reader_of_a_stream_ends_its_maker(place: Place) -> None:
    """While it waits for an item."""
    async with _workbench(place) as bench:

        async def read() -> None:
            async for _ in bench.count(1, "read"):
                pass

        task = asyncio.ensure_future(read())
        await _soon(bench.began("read"))
        task.cancel()
        await _soon(asyncio.wait([task]))
        assert task.cancelled()
        assert await _soon(bench.ended("read")) == 1


async def check_a_stream_ends_at_its_deadline(place: Place) -> None:
    """The deadline is for all of it."""
    async with _workbench(place) as bench:

        async def read() -> None:
            async for _ in bench.count(1, "slow"):
                pass

        await _runs_out(bench, "slow", read)


async def _close(items: AsyncIterator[object]) -> None:
    await cast(Any, items).aclose()


class _Maker:
    """Makes tools for a callee, and notes what is asked of it."""

    def __init__(self, to: int = 1_000_000, fail: Exception | None = None) -> None:
        self.made = 0
        self.closed = asyncio.Event()
        self.subjects: set[str] = set()
        self._to = to
        self._fail = fail

    async def tools(self) -> AsyncIterator[Tool]:
        try:
            for number in range(1, self._to + 1):
                context = current()
                self.subjects.add("" if context is None or context.identity is None else context.identity.subject)
                self.made = number
                yield Tool(name=str(number), sizes=[number])
            if self._fail is not None:
                raise self._fail
        finally:
            self.closed.set()


async def check_sent_items_arrive_in_order(place: Place) -> None:
    """More of them than may be under way, and none at all."""
    async with _workbench(place) as bench:
        maker = _Maker(500)
        assert [tool.name for tool in await _soon(bench.take(maker.tools()))] == [str(n) for n in range(1, 501)]
        await _soon(maker.closed.wait())
        assert await _soon(bench.take(_Maker(0).tools())) == []
        assert len(await _soon(bench.take(most=3, tools=_Maker().tools()))) == 3


async def check_sent_items_are_not_shared(place: Place) -> None:
    """Neither side can change what the other holds."""
    async with _workbench(place) as bench:
        mine = Tool(name="saw", sizes=[1])

        async def tools() -> AsyncIterator[Tool]:
            yield mine

        (taken,) = await _soon(bench.take(tools()))
        taken.sizes.append(2)
        assert mine.sizes == [1]


async def check_sent_big_items_arrive(place: Place) -> None:
    """Items that do not go in one frame, among such that do."""
    async with _workbench(place) as bench:
        names = ["a" * 300_000, "b", "c" * 100_000, "d"]

        async def tools() -> AsyncIterator[Tool]:
            for name in names:
                yield Tool(name=name)

        assert [tool.name for tool in await _soon(bench.take(tools()))] == names
        assert [tool.name async for tool in bench.echo("big", tools())] == names


async def check_sent_items_are_made_when_they_are_asked_for(place: Place) -> None:
    """A callee that takes none asks for none."""
    async with _workbench(place) as bench:
        maker = _Maker()
        assert await _soon(bench.take(maker.tools(), most=0)) == []
        error = await _raised(Bent, bench.refuse(0, maker.tools(), "none"))
        assert str(error) == "it is bent"
        assert maker.made == 0


async def check_sent_items_go_no_faster_than_they_are_taken(place: Place) -> None:
    """What is made and not taken is bounded."""
    async with _workbench(place) as bench:
        maker = _Maker()
        task = asyncio.ensure_future(bench.take(maker.tools(), "slow", 3))
        await _soon(bench.began("slow"))
        for _ in range(20):
            await _soon(bench.standing())
        assert 3 <= maker.made <= 200
        task.cancel()
        await _soon(asyncio.wait([task]))
        await _soon(maker.closed.wait())
        assert await _soon(bench.ended("slow")) == 1


async def check_a_callee_need_not_take_every_item(place: Place) -> None:
    """The caller's generator is closed when the call has its answer."""
    async with _workbench(place) as bench:
        maker = _Maker()
        assert len(await _soon(bench.take(maker.tools(), most=5))) == 5
        await _soon(maker.closed.wait())
        assert maker.made <= 200


async def check_an_error_amid_sent_items_arrives_as_itself(place: Place) -> None:
    """The callee's, and the caller's generator is closed."""
    async with _workbench(place) as bench:
        maker = _Maker()
        await _raised(Bent, bench.refuse(3, maker.tools(), "bent"))
        await _soon(maker.closed.wait())


async def check_what_the_maker_of_sent_items_raises_is_its_callers(place: Place) -> None:
    """As it is, whatever it is; the callee is cancelled."""
    async with _workbench(place) as bench:
        for number, fault in enumerate((ValueError("no more wood"), NotFound("no more iron"), KeyError("x"))):
            assert await _failure(bench.take(_Maker(3, fault).tools(), f"fault {number}")) is fault
            assert await _soon(bench.ended(f"fault {number}")) == 1

            async def listen(number: int = number, fault: Exception = fault) -> None:
                async for _ in bench.echo(f"echoed {number}", _Maker(3, fault).tools()):
                    pass

            assert await _failure(listen()) is fault
            assert await _soon(bench.ended(f"echoed {number}")) == 1


async def check_sent_items_are_made_in_the_callers_context(place: Place) -> None:
    """Not in that of the service which takes them."""
    async with _workbench(place) as bench:
        maker = _Maker(3)
        with acting_as(Identity("ada")):
            await _soon(bench.take(maker.tools()))
        assert maker.subjects == {"ada"}


async def check_cancelling_a_caller_that_sends_ends_both(place: Place) -> None:
    """Also while its own generator makes the next item."""
    async with _workbench(place) as bench:
        closed = asyncio.Event()
        waiting = asyncio.Event()

        async def tools() -> AsyncIterator[Tool]:
            try:
                yield Tool(name="saw")
                waiting.set()
                await asyncio.Event().wait()
            finally:
                closed.set()

        task = asyncio.ensure_future(bench.take(tools(), "given up"))
        await _soon(waiting.wait())
        task.cancel()
        await _soon(asyncio.wait([task]))
        assert task.cancelled()
        await _soon(closed.wait())
        assert await _soon(bench.ended("given up")) == 1


async def check_a_call_that_sends_ends_at_its_deadline(place: Place) -> None:
    """At both ends."""
    async with _workbench(place) as bench:
        makers: list[_Maker] = []

        async def send() -> None:
            makers.append(_Maker(3))
            await bench.take(makers[-1].tools(), "late")

        await _runs_out(bench, "late", send)
        await _soon(makers[-1].closed.wait())


async def check_streams_go_both_ways(place: Place) -> None:
    """Each item comes back before the next is sent, and the end too."""
    async with _workbench(place) as bench:
        back: asyncio.Queue[str] = asyncio.Queue()
        seen: list[str] = []

        async def says() -> AsyncIterator[Tool]:
            for number in range(100):
                yield Tool(name=str(number))
                seen.append(await back.get())

        async for tool in bench.echo("talk", says()):
            back.put_nowait(tool.name)
        assert seen == [str(number) for number in range(100)]
        assert [tool async for tool in bench.echo("empty", _Maker(0).tools())] == []


async def check_a_stream_both_ways_that_is_closed_early_ends_both(place: Place) -> None:
    """The callee's generator, and the caller's."""
    async with _workbench(place) as bench:
        maker = _Maker()
        async with aclosing(cast(Any, bench.echo("early", maker.tools()))) as items:
            async for _ in items:
                break
        await _soon(maker.closed.wait())
        assert await _soon(bench.ended("early")) == 1
        assert [tool async for tool in items] == []


async def check_what_is_no_stream_is_refused(place: Place) -> None:
    """By its name, before anything is sent."""
    async with _workbench(place) as bench:
        error = await _raised(InvalidArgument, _call(lambda: bench.take(cast(Any, [Tool(name="saw")]))))
        assert error.field == "tools"
        assert "it is no stream; pass an asynchronous iterator" in str(error)


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""Every check, to be parametrized over."""

SENDING_CHECKS: Final = (
    check_sent_items_arrive_in_order,
    check_sent_items_are_not_shared,
    check_sent_big_items_arrive,
    check_sent_items_are_made_when_they_are_asked_for,
    check_sent_items_go_no_faster_than_they_are_taken,
    check_a_callee_need_not_take_every_item,
    check_an_error_amid_sent_items_arrives_as_itself,
    check_what_the_maker_of_sent_items_raises_is_its_callers,
    check_sent_items_are_made_in_the_callers_context,
    check_cancelling_a_caller_that_sends_ends_both,
    check_a_call_that_sends_ends_at_its_deadline,
    check_streams_go_both_ways,
    check_a_stream_both_ways_that_is_closed_early_ends_both,
)
"""Those that send items with a call, for which both sides must speak version 2 of the wire protocol."""
