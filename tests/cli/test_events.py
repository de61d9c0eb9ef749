"""``freestone events``, while the application runs and while it does not: a desk announces, and a clerk listens."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from freestone.cli.choosing import moment
from freestone.cli.failure import UsageMistake
from freestone.clock import SystemClock
from freestone.data import Database
from freestone.events import Envelope, Source, State
from freestone.events.inbox import TABLES, Inbox
from freestone.events.kept import Failure, Shelf

from .conftest import PATIENCE, Running

if TYPE_CHECKING:
    from .conftest import Start, Words

FILE = """
name = "office"

[services]
desk  = "office.service:DeskService"
clerk = "office.service:ClerkService"

[topologies.whole]
all = { services = ["*"] }

[topologies.cut]
desk  = { services = ["desk"] }
clerk = { services = ["clerk"] }
"""

CONTRACT = '''
from freestone import Contract, Event, command, query


class Desk(Contract):
    class Put(Event, key="drawer"):
        drawer: str
        thing: str

    @command
    async def put(self, drawer: str, thing: str) -> None:
        """Put something into a drawer. Publishes Put."""


class Clerk(Contract):
    @query
    async def seen(self) -> tuple[str, ...]:
        """Return what was put, as far as the clerk knows."""
'''

SERVICE = """
from pathlib import Path

from sqlalchemy import text

from freestone import Database, Publisher, service, subscribe

from office.contract import Clerk, Desk


@service
class DeskService(Desk):
    events: Publisher

    async def put(self, drawer, thing):
        await self.events.send(Desk.Put(drawer=drawer, thing=thing))


@service
class ClerkService(Clerk):
    db: Database

    async def start(self):
        async with self.db.transaction():
            await self.db.execute(text("CREATE TABLE IF NOT EXISTS seen (thing TEXT)"))

    async def seen(self):
        return tuple(await self.db.scalars(text("SELECT thing FROM seen ORDER BY rowid")))

    @subscribe(Desk.Put, start="beginning", tries=1)
    async def note(self, event):
        if event.thing == "elephant" and not Path("big-drawer").exists():
            raise ValueError("it is too big")
        await self.db.execute(text("INSERT INTO seen VALUES (:thing)"), {"thing": event.thing})
"""


def make_office(directory: Path) -> Path:
    (directory / "office").mkdir(parents=True)
    (directory / "office" / "__init__.py").touch()
    (directory / "office" / "contract.py").write_text(CONTRACT, "utf-8")
    (directory / "office" / "service.py").write_text(SERVICE, "utf-8")
    (directory / "freestone.toml").write_text(FILE, "utf-8")
    return directory


@pytest.fixture
def office(tmp_path: Path) -> Path:
    return make_office(tmp_path / "application")


@pytest.fixture(scope="module")
def running_office(tmp_path_factory: pytest.TempPathFactory, freestone: Words) -> Iterator[Running]:
    """Run the application in one process, with an event set aside and another behind it."""
    directory = make_office(tmp_path_factory.mktemp("office") / "application")
    with closing(Running(directory, "whole")) as running:
        running.until_said("office runs as whole")
        put(freestone, directory, "left", "pen")
        put(freestone, directory, "right", "elephant")
        put(freestone, directory, "right", "paper")
        until(freestone, directory, ("lag", "--json"), lambda found: [each["aside"] for each in found] == [1])
        until(freestone, directory, ("lag", "--json"), lambda found: [each["behind"] for each in found] == [0])
        yield running


def put(freestone: Words, directory: Path, drawer: str, thing: str) -> None:
    done = freestone("call", "desk.put", f"drawer={drawer}", f"thing={thing}", cwd=directory)
    assert done.returncode == 0, done.stderr


def seen(freestone: Words, directory: Path) -> list[str]:
    found: list[str] = json.loads(freestone("call", "clerk.seen", cwd=directory).stdout)
    return found


def until(freestone: Words, directory: Path, words: tuple[str, ...], enough: Callable[[Any], bool]) -> Any:
    """Ask until the answer is enough."""
    end = time.monotonic() + PATIENCE
    while True:
        shown = freestone("events", *words, cwd=directory)
        assert shown.returncode in (0, 1), shown.stderr
        found = json.loads(shown.stdout)
        if enough(found):
            return found
        assert time.monotonic() < end, shown.stdout


def _kept(lag: dict[str, Any]) -> int:
    """Return how many events a subscription has yet to handle of those that it has taken in, or has set aside."""
    return int(lag["retrying"] + lag["waiting"] + lag["aside"])


def table(text: str) -> list[list[str]]:
    """Return the cells of a table, without its headings."""
    return [re.split(r" {2,}", line) for line in text.splitlines()[1:]]


def test_tail_shows_the_latest_events(running_office: Running, freestone: Words) -> None:
    """With their fields; as many as are asked for, of one type, key or time."""
    directory = running_office.directory
    rows = table(freestone("events", "tail", cwd=directory).stdout)
    assert [row[1:3] for row in rows] == [["desk.Put", "left"], ["desk.Put", "right"], ["desk.Put", "right"]]
    assert json.loads(rows[0][4]) == {"drawer": "left", "thing": "pen"}
    assert len(table(freestone("events", "tail", "-n", "1", cwd=directory).stdout)) == 1
    of_key = freestone("events", "tail", "--key", "left", "--type", "Put", "--since", "1h", cwd=directory).stdout
    assert [row[2] for row in table(of_key)] == ["left"]
    assert freestone("events", "tail", "--type", "ut", cwd=directory).stdout == (
        "no event was announced that is meant here\n"
    )


def test_programs_read_cloud_events(running_office: Running, freestone: Words) -> None:
    """One a line."""
    lines = freestone("events", "tail", "--json", cwd=running_office.directory).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["data"]["thing"] for each in found] == ["pen", "elephant", "paper"]
    assert {each["specversion"] for each in found} == {"1.0"}
    assert found[0]["source"] == "/office/desk"


def test_what_failed_is_listed_with_its_error(running_office: Running, freestone: Words) -> None:
    """One that is named by the beginning of its id is shown in full, with the trace of its error."""
    directory = running_office.directory
    [row] = table(freestone("events", "aside", cwd=directory).stdout)
    subscription, kind, key, id_, tries, _, error = row
    assert [subscription, kind, key, tries] == ["clerk.note", "desk.Put", "right", "1"]
    assert "ValueError" in error
    assert "it is too big" in error
    shown = freestone("events", "aside", id_[:30], cwd=directory).stdout
    assert '"thing":"elephant"' in shown
    assert "in note" in shown
    [described] = json.loads(freestone("events", "aside", "--json", cwd=directory).stdout)
    assert (described["service"], described["subscription"], described["key"]) == ("clerk", "note", "right")
    missing = freestone("events", "aside", "ffff", cwd=directory)
    assert (missing.returncode, missing.stdout) == (1, "no event is set aside that is meant here\n")


def test_what_waits_is_pending(running_office: Running, freestone: Words) -> None:
    """The event behind the one that was set aside; what was set aside itself is not."""
    directory = running_office.directory
    [row] = table(freestone("events", "pending", cwd=directory).stdout)
    assert row[:4] == ["clerk.note", "waits behind another", "desk.Put", "right"]
    [described] = json.loads(freestone("events", "pending", "--json", cwd=directory).stdout)
    assert described["state"] == "waits behind another"
    assert freestone("events", "pending", "--key", "left", cwd=directory).stdout == (
        "nothing waits that is meant here\n"
    )


def test_lag_counts_what_each_subscription_has_to_do(running_office: Running, freestone: Words) -> None:
    """What it has not taken in, and what it keeps."""
    directory = running_office.directory
    [row] = table(freestone("events", "lag", cwd=directory).stdout)
    assert row == ["clerk.note", "desk.Put", "0", "-", "0", "1", "1"]
    [described] = json.loads(freestone("events", "lag", "--service", "clerk", "--json", cwd=directory).stdout)
    assert described == {
        "service": "clerk", "subscription": "note", "type": "desk.Put", "application": "office", "behind": 0,
        "oldest": None, "retrying": 0, "waiting": 1, "aside": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("retry",), "name the events to retry: by their ids, by --subscription"),
        (("drop",), "name the events to drop"),
        (("tail", "--service", "nobody"), 'there is no service "nobody"'),
        (("tail", "--since", "yesterday"), '"yesterday" is no time; write how long ago'),
        (("republish", "--since", "1h"), "no broker carries the events of office"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(
    running_office: Running, freestone: Words, words: tuple[str, ...], sentence: str
) -> None:
    """And the exit status of a wrong command line."""
    refused = freestone("events", *words, cwd=running_office.directory)
    assert refused.returncode == 2, refused.stderr
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_nothing_that_is_meant_is_an_exit_status(running_office: Running, freestone: Words) -> None:
    """A script that retries what is not there should know."""
    nothing = freestone("events", "retry", "ffff", cwd=running_office.directory)
    assert nothing.returncode == 1
    assert "there is no such event; see `freestone events aside`" in nothing.stderr


def test_a_subscription_that_is_no_more_is_forgotten(office: Path, freestone: Words) -> None:
    """With what it keeps, if a person says so; one that the code has is not."""
    asyncio.run(_hear_as_before(office / ".freestone" / "data" / "clerk.db"))
    [row] = table(freestone("events", "aside", cwd=office).stdout)
    assert row[0] == "clerk.jot"
    refused = freestone("events", "forget", "clerk.jot", answer="n\n", cwd=office)
    assert (refused.returncode, refused.stdout.splitlines()[0]) == (
        1,
        "clerk.jot keeps 1 event that it has not handled.",
    )
    done = freestone("events", "forget", "clerk.jot", "--yes", cwd=office)
    assert (done.returncode, done.stdout) == (0, "clerk.jot is forgotten\n")
    assert freestone("events", "lag", cwd=office).stdout == "no subscription has been started yet\n"
    assert freestone("events", "aside", cwd=office).stdout == "no event is set aside\n"
    for name, status, sentence in (
        ("clerk.jot", 1, "clerk remembers no subscription jot; see `freestone events lag`"),
        ("clerk.note", 2, "clerk hears events as note: take that @subscribe away first"),
        ("note", 2, '"note" names no subscription; write its service and its name, as clerk.note'),
        ("nobody.note", 2, 'there is no service "nobody"'),
    ):
        wrong = freestone("events", "forget", name, cwd=office)
        assert wrong.returncode == status
        assert sentence in wrong.stderr


async def _hear_as_before(file: Path) -> None:
    """Leave what a subscription of the clerk leaves behind that once was there."""
    file.parent.mkdir(parents=True)
    database = Database.open(file, name="clerk")
    await database.start()
    async with database.separate("the test") as transaction:
        await transaction.prepare(TABLES)
    now = datetime.now(UTC)
    inbox = Inbox(database, "jot", SystemClock(), 1)
    await inbox.begin("desk.Put", Source("office", "desk"), None)
    event = Envelope(id="1", type="desk.Put", source="/office/desk", subject="left", time=now, version=1, data=b"{}")
    async with database.separate("the test") as transaction:
        assert await inbox.take(transaction, "1")
        await Shelf("jot", "wait").keep(transaction, event, State.ASIDE, now, tries=1, failure=Failure("ValueError"))
    await database.close()


def test_without_an_application_that_ever_ran_there_is_nothing(office: Path, freestone: Words) -> None:
    """No database is made for a look."""
    assert freestone("events", "tail", cwd=office).stdout == "no event was announced\n"
    assert freestone("events", "aside", cwd=office).stdout == "no event is set aside\n"
    assert freestone("events", "pending", cwd=office).stdout == "nothing waits\n"
    assert freestone("events", "lag", cwd=office).stdout == "no subscription has been started yet\n"
    follows = freestone("events", "tail", "--follow", cwd=office)
    assert follows.returncode == 2
    assert "no service of office has a database yet, so there is nothing to follow: start it" in follows.stderr
    assert not (office / ".freestone" / "data").exists()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_event_that_was_set_aside_is_tried_again_or_dropped(start: Start, freestone: Words, office: Path) -> None:
    """Retried while the application runs, and dropped while it does not; what waited behind goes on each time."""
    running = start(office, "whole")
    running.until_said("office runs as whole")
    put(freestone, office, "right", "elephant")
    put(freestone, office, "right", "paper")
    until(freestone, office, ("lag", "--json"), lambda found: (found[0]["aside"], found[0]["waiting"]) == (1, 1))
    (office / "big-drawer").touch()
    retried = freestone("events", "retry", "--subscription", "note", cwd=office)
    assert retried.stdout == "clerk: 1 event will be tried again\n"
    until(freestone, office, ("lag", "--json"), lambda found: _kept(found[0]) == 0)
    assert seen(freestone, office) == ["elephant", "paper"]

    (office / "big-drawer").unlink()
    put(freestone, office, "right", "elephant")
    put(freestone, office, "right", "pen")
    until(freestone, office, ("lag", "--json"), lambda found: (found[0]["aside"], found[0]["waiting"]) == (1, 1))
    running.close()
    refused = freestone("events", "drop", "--key", "right", answer="n\n", cwd=office)
    assert refused.returncode == 1
    assert "Drop these, and all others that are meant, for good? [y/N]" in refused.stdout
    dropped = freestone("events", "drop", "--key", "right", answer="y\n", cwd=office)
    assert dropped.stdout.endswith("clerk: 1 event dropped\n")
    running = start(office, "whole")
    running.until_said("office runs as whole")
    until(freestone, office, ("lag", "--json"), lambda found: _kept(found[0]) == 0)
    assert seen(freestone, office) == ["elephant", "paper", "pen"]


@pytest.mark.slow
def test_tail_follows_what_comes(running_office: Running, freestone: Words) -> None:
    """Until it is told to end."""
    directory = running_office.directory
    with closing(Running(directory, "tail", "--follow", "-n", "0", "--json", command="events")) as following:
        end = time.monotonic() + PATIENCE
        while not any('"follows"' in line for line in following.lines):
            # Again and again: it begins where the log ends when it first looks.
            put(freestone, directory, "left", "follows")
            assert time.monotonic() < end
        following.process.terminate()


@pytest.mark.parametrize(
    ("written", "ago"), [("10m", timedelta(minutes=10)), ("2h", timedelta(hours=2)), ("3d", timedelta(days=3))]
)
def test_a_time_is_written_as_how_long_ago(written: str, ago: timedelta) -> None:
    """Or as a day, with or without a time, in UTC or elsewhere."""
    now = datetime(2030, 1, 31, 12, tzinfo=UTC)
    assert moment(written, now) == now - ago
    assert moment("2030-01-31T06:00") == datetime(2030, 1, 31, 6, tzinfo=UTC)
    assert moment("2030-01-31T06:00+02:00") == datetime(2030, 1, 31, 4, tzinfo=UTC)
    assert moment("2030-01-31") == datetime(2030, 1, 31, tzinfo=UTC)
    with pytest.raises(UsageMistake, match='"soon" is no time'):
        moment("soon")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_what_a_broker_may_have_lost_is_sent_again(start: Start, freestone: Words, office: Path) -> None:
    """In two processes, with the NATS server of the run. Whoever had an event already absorbs it."""
    running = start(office, "cut")
    running.until_said("office runs as cut")
    for number in range(5):
        put(freestone, office, f"drawer-{number}", f"thing-{number}")
    until(freestone, office, ("pending", "--json"), lambda found: not found)
    until(freestone, office, ("lag", "--json"), lambda found: bool(found) and found[0]["behind"] == 0)
    running.close()

    again = freestone("events", "republish", "--since", "1h", "--topology", "cut", cwd=office)
    assert again.returncode == 0, again.stderr
    assert again.stdout == "desk: 5 events will be sent again\n"
    waiting = json.loads(freestone("events", "pending", "--topology", "cut", "--json", cwd=office).stdout)
    assert [each["state"] for each in waiting] == ["waits for the broker"] * 5
    assert {each["where"] for each in waiting} == {"the outbox of desk"}
    nothing = freestone("events", "republish", "--since", "1h", "--service", "desk", "--topology", "cut", cwd=office)
    assert nothing.stdout.startswith("no event was announced since ")

    running = start(office, "cut")
    running.until_said("office runs as cut")
    until(freestone, office, ("pending", "--json"), lambda found: not found)
    put(freestone, office, "drawer-0", "last")
    until(freestone, office, ("lag", "--json"), lambda found: found[0]["behind"] == 0)
    assert sorted(seen(freestone, office)) == ["last", *(f"thing-{number}" for number in range(5))]
