"""``[events]`` of the application file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app.broker import EventSettings, event_lines, read_events
from freestone.app.document import Document

Reading = Callable[[str], tuple[EventSettings, list[str]]]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Return a function from the text of a file to what it says, and the mistakes in it."""

    def read(text: str) -> tuple[EventSettings, list[str]]:
        document = Document(tmp_path / "freestone.toml", text)
        settings = read_events(document.root().table("events"))
        return settings, [str(mistake).removeprefix(f"{tmp_path}/freestone.toml:") for mistake in document.mistakes]

    return read


def test_nothing_is_the_default(reading: Reading) -> None:
    """Two weeks, in JSON, by whichever broker the topology needs."""
    settings, mistakes = reading("")
    assert settings == EventSettings()
    assert mistakes == []


def test_everything_can_be_set(reading: Reading) -> None:
    """Each key lands where it belongs."""
    settings, mistakes = reading(
        """
        [events]
        broker = "nats"
        format = "messagepack"
        keep = "30d"
        partitions = 16
        replicas = 3
        storage = "memory"
        max_bytes = "8GiB"
        duplicate_window = "10m"
        most_waiting = 5000
        sync = "2s"
        remember = "90d"
        """
    )
    assert mistakes == []
    assert settings == EventSettings(
        "nats", "messagepack", 30 * 86400.0, 16, 3, "memory", 8 * 2**30, 600.0, 5000, 2.0, 90 * 86400.0
    )


def test_the_plan_shows_it() -> None:
    """As the broker that carries them has it."""
    settings = EventSettings(format="messagepack", keep=3600.0, replicas=3, storage="memory", max_bytes=2**20)
    assert list(event_lines(settings, "embedded")) == ["events: embedded, in MessagePack, kept 1h"]
    assert list(event_lines(settings, "nats")) == [
        "events: by NATS, in MessagePack, kept 1h; 8 partitions, 3 replicas in memory, 1048576 bytes at most, "
        "duplicates absorbed for 2m"
    ]


def test_all_mistakes_are_told_together(reading: Reading) -> None:
    """Each with its line and what to do, and the defaults stand."""
    settings, mistakes = reading(
        """[events]
        broker = "kafka"
        format = "jsn"
        keep = 0
        partitions = 6
        replicas = 6
        storage = "disk"
        max_bytes = "8 GB"
        duplicate_window = "10ms"
        most_waiting = 0
        colour = 1
        """
    )
    assert settings == EventSettings(duplicate_window=0.01)
    assert mistakes == [
        '2: events.broker: it can\'t be "kafka"; the choices are embedded, nats',
        '3: events.format: it can\'t be "jsn"; did you mean "json"?',
        '4: events.keep: it is nothing; write a time, as "14d", or leave it out',
        "5: events.partitions: it is 6; it must be 1, 2, 4, 8, 16, 32 or 64",
        "6: events.replicas: it is 6; it must be from 1 to 5",
        '7: events.storage: it can\'t be "disk"; the choices are file, memory',
        '8: events.max_bytes: \'8 GB\' is no size; write it as "64KiB", "8MiB" or "1GiB", or as a number of bytes',
        "10: events.most_waiting: it is 0; it must be from 1 to 1000000000",
        "9: events.duplicate_window: it must be at least 100ms",
        "11: events.colour: there is no such key; the keys are broker, format, keep, partitions, replicas, storage, "
        "max_bytes, duplicate_window, most_waiting, sync, remember",
    ]


def test_events_are_kept_for_longer_than_duplicates_are_known(reading: Reading) -> None:
    """NATS refuses a stream that forgets an event before its id."""
    _, mistakes = reading('[events]\nkeep = "1m"')
    assert mistakes == ["2: events.keep: the duplicate window is 2m, and events are kept for 1m; keep them for longer"]


def test_what_only_nats_does_is_a_mistake_without_it(reading: Reading) -> None:
    """Whoever wrote it expects it to hold."""
    _, mistakes = reading('[events]\nbroker = "embedded"\nreplicas = 3\nkeep = "1d"')
    assert mistakes == ['3: events.replicas: it has no effect, since broker = "embedded"; leave one of the two out']


def test_p12_events_are_remembered_for_as_long_as_they_may_be_delivered_again(reading: Reading) -> None:
    """An event that is forgotten before the log has forgotten it could take effect twice: the file is refused."""
    _, mistakes = reading('[events]\nkeep = "14d"\nremember = "7d"')
    assert mistakes == [
        "3: events.remember: events are kept for 14d and remembered for 7d, so that an old one could take effect "
        "twice; remember them for as long as they are kept"
    ]
    settings, mistakes = reading('[events]\nkeep = "90d"')
    assert mistakes == []
    assert settings.remember == settings.keep


def test_what_is_acknowledged_is_on_the_disk_unless_it_is_said(reading: Reading) -> None:
    """A time is chosen by name, and the plan shows it."""
    assert reading('[events]\nsync = "always"') == (EventSettings(), [])
    settings, mistakes = reading('[events]\nsync = "500ms"')
    assert mistakes == []
    assert next(event_lines(settings, "nats")).endswith("duplicates absorbed for 2m, on the disk after 500ms")
    _, mistakes = reading('[events]\nsync = "never"')
    assert mistakes == ['2: events.sync: it can\'t be "never"; write "always", or a duration such as "2m"']


def test_servers_that_are_somebody_elses_are_not_told_when_to_sync(tmp_path: Path) -> None:
    """No client can set it, and whoever wrote it expects it to hold."""
    document = Document(tmp_path / "freestone.toml", '[events]\nsync = "always"')
    read_events(document.root().table("events"), has_servers=True)
    assert [str(mistake).partition("toml:")[2] for mistake in document.mistakes] == [
        "2: events.sync: it has no effect on the servers of [nats] url; set sync_interval in their configuration, "
        "and leave this out"
    ]
