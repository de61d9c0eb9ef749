"""What a stream is to be, against what it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from freestone.events.drivers import StreamSettings
from freestone.events.drivers.stream import Stream, created, misfit, updated

SETTINGS = st.builds(
    StreamSettings,
    replicas=st.integers(1, 5),
    keep=st.floats(1000, 10**8),
    max_bytes=st.none() | st.integers(2**20, 2**40),
    duplicate_window=st.floats(0.1, 1000),
)


def test_nothing_that_is_unread_is_removed_for_want_of_room() -> None:
    """What there is no room for is refused, and stays with its publisher."""
    config = created("shop", StreamSettings(max_bytes=2**30), atomic=True)
    assert config["discard"] == "new"
    assert config["max_bytes"] == 2**30
    assert config["retention"] == "limits"


def test_a_stream_has_the_settings_and_the_subjects_of_its_application() -> None:
    """In the server's units."""
    settings = StreamSettings(replicas=3, storage="memory", keep=60.0, duplicate_window=0.5)
    config = created("shop", settings, atomic=False)
    assert config["name"] == "freestone_shop"
    assert config["subjects"] == ["freestone.shop.events.>"]
    assert (config["num_replicas"], config["storage"], config["max_bytes"]) == (3, "memory", -1)
    assert (config["max_age"], config["duplicate_window"]) == (60 * 10**9, 5 * 10**8)
    assert "allow_atomic" not in config


@given(SETTINGS, st.booleans())
def test_a_stream_that_is_as_it_should_be_is_left_alone(settings: StreamSettings, atomic: bool) -> None:
    """Whatever the settings are."""
    config = created("shop", settings, atomic=atomic)
    assert updated(config, "shop", settings, atomic=atomic) is None


@given(SETTINGS, SETTINGS, st.booleans())
def test_an_old_stream_becomes_what_a_new_version_says(old: StreamSettings, new: StreamSettings, atomic: bool) -> None:
    """And then it is as it should be."""
    config = created("shop", old, atomic=False)
    changed = updated(config, "shop", new, atomic=atomic) or config
    assert updated(changed, "shop", new, atomic=atomic) is None
    assert {**changed, **created("shop", new, atomic=atomic)} == changed


def test_what_an_operator_has_set_stays() -> None:
    """Also what nobody here knows."""
    config: dict[str, Any] = {
        **created("shop", StreamSettings(), atomic=True),
        "subjects": ["extra.>", "freestone.shop.events.>"],
        "placement": {"tags": ["fast"]},
        "something": "new",
    }
    assert updated(config, "shop", StreamSettings(), atomic=True) is None
    changed = updated(config, "shop", StreamSettings(keep=60.0), atomic=True)
    assert changed == {**config, "max_age": 60 * 10**9}


def test_a_stream_without_the_subjects_gets_them() -> None:
    """Somebody has made it by hand."""
    config = {**created("shop", StreamSettings(), atomic=True), "subjects": ["extra.>"]}
    changed = updated(config, "shop", StreamSettings(), atomic=True)
    assert changed is not None
    assert changed["subjects"] == ["extra.>", "freestone.shop.events.>"]


def test_another_storage_is_told() -> None:
    """No stream can change it."""
    config = created("shop", StreamSettings(), atomic=True)
    assert misfit(config, StreamSettings()) == ""
    assert misfit(config, StreamSettings(storage="memory")) == (
        "the stream freestone_shop keeps events in files, and it is to be memory"
    )


def test_an_empty_stream_begins_after_its_end() -> None:
    """So that nothing is missing in front of what comes next."""
    info: dict[str, Any] = {"config": created("shop", StreamSettings(), atomic=True), "created": "then"}
    assert Stream.of({**info, "state": {"first_seq": 0, "last_seq": 0, "messages": 0}}).first == 1
    assert Stream.of({**info, "state": {"first_seq": 8, "last_seq": 7, "messages": 0}}).first == 8
    assert Stream.of({**info, "state": {"first_seq": 3, "last_seq": 7, "messages": 5}}).first == 3
