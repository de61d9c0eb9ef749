"""Errors arrive as what they are, and say what they may."""

from __future__ import annotations

from typing import Final

from freestone.call import client
from freestone.contract import Contract, query
from freestone.errors import Aborted, Internal, NotFound, Unimplemented
from freestone.testing.conformance.workbench import Bent, Workbench, WorkbenchService

from .place import Place, call, raised, silenced, workbench


async def check_a_declared_error_arrives_as_itself(place: Place) -> None:
    """With its message and its fields."""
    async with workbench(place) as bench:
        error = await raised(Bent, bench.fail("declared"))
        assert error.tools == ("saw", "file")
        assert str(error) == "it is bent"


async def check_canonical_errors_need_no_declaration(place: Place) -> None:
    """Every contract may raise them."""
    async with workbench(place) as bench:
        assert str(await raised(NotFound, bench.fail("missing"))) == "there is no such tool"
        await raised(Aborted, bench.fail("aborted"))


async def check_an_error_arrives_whatever_it_says(place: Place) -> None:
    """Also with half of a character, which no encoding takes, as when it quotes the name of a file."""
    async with workbench(place) as bench:
        error = await raised(NotFound, bench.fail("unreadable"))
        assert str(error) == "there is no tool \\udcff, and no sägeblatt"


async def check_a_bug_arrives_as_internal(place: Place) -> None:
    """With a trace id to find it by, and without what it says."""
    async with workbench(place) as bench:
        with silenced():
            error = await raised(Internal, bench.fail("bug"))
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
        error = await raised(Unimplemented, call(newer.polish))
        assert "near has no operation 'polish'" in str(error)
        nowhere = client(Workbench, transport("nowhere"))
        error = await raised(Unimplemented, call(nowhere.standing))
        assert "there is no service 'nowhere' here" in str(error)


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
