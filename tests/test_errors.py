"""The error tree: as it is printed, split by effect, with fields that cross."""

from __future__ import annotations

import pickle
import re

import pytest

from freestone import errors
from freestone.errors import Code, DidNotHappen, MayHaveHappened, ServiceError


class Locked(errors.FailedPrecondition):
    """The resource needs another one first. And more."""

    needs: tuple[str, ...]
    hint: str = "look at the path"


def test_the_tree_that_is_printed_is_the_tree_that_is() -> None:
    """Every class of the module stands in its docstring under its parent, with its code."""
    printed = dict(re.findall(r"[├└]── (\w+)(?: +(\d+))?", errors.__doc__ or ""))
    public = {
        name: cls
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, errors.FreestoneError) and not name.startswith("_")
    }
    assert printed.keys() == public.keys() - {"FreestoneError"}
    for name, number in printed.items():
        if number:
            assert public[name].code == int(number)  # type: ignore[attr-defined]


def test_the_canonical_errors_cover_every_code() -> None:
    """All sixteen; a lost connection shares the code of an unreachable one, a reused key that of a wrong argument."""
    assert {cls.code for cls in errors.CANONICAL} == set(Code)
    assert len(errors.CANONICAL) == 18
    assert errors.ConnectionLost.code is errors.Unavailable.code is Code.UNAVAILABLE
    assert errors.KeyReused.code is errors.InvalidArgument.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("cls", errors.CANONICAL)
def test_each_error_says_whether_the_call_may_have_happened(cls: type[ServiceError]) -> None:
    """One of the two, and never both."""
    assert issubclass(cls, DidNotHappen) != issubclass(cls, MayHaveHappened)


def test_an_error_has_a_message_without_being_given_one() -> None:
    """The first line of what its class is."""
    assert str(Locked(needs=())) == "The resource needs another one first. And more"
    assert str(errors.NotFound()) == "What was asked for does not exist"
    assert str(errors.NotFound("no tea")) == "no tea"


def test_fields_are_given_by_name_and_have_defaults() -> None:
    """As those of a message."""
    error = Locked("not yet", needs=("basics",))
    assert error.values() == {"needs": ("basics",), "hint": "look at the path"}
    assert (Locked.required("needs"), Locked.required("hint")) == (True, False)


def test_a_field_that_is_missing_or_unknown_is_named() -> None:
    """As a constructor does."""
    with pytest.raises(TypeError, match="Locked needs the field needs"):
        Locked("not yet")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Locked has no field need"):
        Locked("not yet", needs=(), need=())  # type: ignore[call-arg]


def test_an_error_survives_pickling() -> None:
    """Test runners and process pools carry it so."""
    error = Locked("not yet", needs=("basics",))
    error.trace_id = "0" * 32
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.values(), again.trace_id) == (Locked, "not yet", error.values(), "0" * 32)


def test_mistakes_are_told_together_each_with_its_place() -> None:
    """A line each: where, what it is about, what is wrong, what to do."""
    error = errors.ConfigurationError(
        [
            errors.Mistake("services.tea", "it is no service", "decorate it", "freestone.toml", 4),
            errors.Mistake("gateway", "it is missing"),
        ]
    )
    assert str(error).splitlines() == [
        "freestone.toml:4: services.tea: it is no service; decorate it",
        "gateway: it is missing",
    ]
