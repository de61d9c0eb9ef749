"""What goes with a call besides its arguments: identity, trace, fields and key."""

from __future__ import annotations

from typing import Final

from freestone.service import Identity, TraceParent, acting_as, continuing, current, keyed
from freestone.testing.conformance.workbench import BENCH

from .place import Place, soon, workbench


async def check_identity_crosses(place: Place) -> None:
    """To the callee, and to whom it calls."""
    async with workbench(place) as bench:
        assert (await soon(bench.standing())).subject == ""
        with acting_as(Identity("ada", ("read", "write"))):
            for standing in (await soon(bench.standing()), await soon(bench.beyond())):
                assert (standing.subject, standing.scopes) == ("ada", ("read", "write"))


async def check_a_trace_crosses(place: Place) -> None:
    """Calls of one block have one trace id."""
    async with workbench(place) as bench:
        with acting_as(Identity("ada")) as context:
            assert (await soon(bench.standing())).trace_id == context.trace_id
            assert (await soon(bench.beyond())).trace_id == context.trace_id


async def check_a_trace_of_somebody_else_crosses(place: Place) -> None:
    """With its span, its flags and its state, to whom the callee calls too."""
    async with workbench(place) as bench:
        standing = await soon(bench.standing())
        assert (standing.span_id, standing.flags, standing.state) == (None, 0, "")
        with continuing(TraceParent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1), "congo=t61rcWkgMzE"):
            for standing in (await soon(bench.standing()), await soon(bench.beyond())):
                assert standing.trace_id == "0af7651916cd43dd8448eb211c80319c"
                assert (standing.span_id, standing.flags) == ("b7ad6b7169203331", 1)
                assert standing.state == "congo=t61rcWkgMzE"


async def check_a_context_field_crosses(place: Place) -> None:
    """To the callee, to whom it calls, and into a stream; and it is gone after its block."""
    async with workbench(place) as bench:
        with BENCH.set("by the window"):
            assert (await soon(bench.standing())).bench == "by the window"
            assert (await soon(bench.beyond())).bench == "by the window"
            assert [tool.name async for tool in bench.count(1, bench=True)] == ["by the window"]
        assert (await soon(bench.beyond())).bench == ""


async def check_a_command_has_a_key(place: Place) -> None:
    """One of its own; what it calls has another, and a query has none."""
    async with workbench(place) as bench:
        one, two = await soon(bench.signed()), await soon(bench.signed())
        outer, inner = await soon(bench.signed_beyond())
        keys = [standing.key for standing in (one, two, outer, inner)]
        assert None not in keys
        assert len(set(keys)) == 4
        assert one.attempt == 0
        assert (await soon(bench.standing())).key is None


async def check_a_key_may_be_given(place: Place) -> None:
    """It is that of the command which is called, and of no other."""
    async with workbench(place) as bench:
        with keyed("order-17"):
            outer, inner = await soon(bench.signed_beyond())
            assert (await soon(bench.standing())).key is None
        assert outer.key == "order-17"
        assert inner.key not in (None, "order-17")


async def check_the_callers_context_stays(place: Place) -> None:
    """A call leaves nothing behind in its caller."""
    async with workbench(place) as bench:
        before = current()
        await soon(bench.standing())
        assert current() is before


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
