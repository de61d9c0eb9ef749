"""A secret does not come out by accident."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.service import Secret, Settings


class MailSettings(Settings):
    password: Secret


TOKEN = Secret("hunter2")


def test_a_secret_is_revealed_on_purpose() -> None:
    """There is one way to the text."""
    assert TOKEN.reveal() == "hunter2"


@pytest.mark.parametrize(
    "show",
    [
        repr, str, format, lambda it: f"{it}", lambda it: f"{it!r:>20}", lambda it: f"{it!s}", lambda it: f"{it:>20}",
        lambda it: "%s %r" % (it, it), lambda it: "{}".format(it), lambda it: str([it, {it: it}]),  # noqa: UP031, UP032
        lambda it: repr(MailSettings(password=it)),
    ],
)  # fmt: skip
def test_a_secret_never_prints(show: Callable[[Secret], str]) -> None:
    """Not by itself, not in a format, not within something else."""
    text = show(TOKEN)

    assert "hunter2" not in text
    assert "Secret(…)" in text


def test_a_secret_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whichever way it is handed to the log."""
    logging.getLogger("test").warning("token %s %r", TOKEN, TOKEN)

    assert caplog.messages == ["token Secret(…) Secret(…)"]


def test_a_secret_is_not_sent() -> None:
    """No codec takes it, and the refusal does not show it."""
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins):
        with pytest.raises(TypeError, match="Secret is unsupported") as caught:
            encode(MailSettings(password=TOKEN))
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol: int) -> None:
    """By no protocol."""
    with pytest.raises(TypeError, match="a Secret can't be pickled"):
        pickle.dumps(TOKEN, protocol)


def test_a_copy_is_the_secret_itself() -> None:
    """There is nothing that could change."""
    assert copy.copy(TOKEN) is TOKEN
    assert copy.deepcopy([TOKEN])[0] is TOKEN


def test_a_secret_is_immutable() -> None:
    """Nobody puts another text into it."""
    with pytest.raises(AttributeError, match="a Secret is immutable"):
        TOKEN.text = "other"


@settings(deadline=None)
@given(one=st.text(), other=st.text())
def test_secrets_are_equal_as_their_texts_are(one: str, other: str) -> None:
    """Also as keys; and never equal to the text itself."""
    assert (Secret(one) == Secret(other)) == (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


def test_an_empty_secret_is_false() -> None:
    """So that ``if not settings.password`` says what it seems to say."""
    assert not Secret("")
    assert Secret("x")
