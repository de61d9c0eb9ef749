"""A plan of faults as people write it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.app import NAME, NAME_RULE, App, load
from freestone.errors import CANONICAL, ConfigurationError, ConnectionLost, DidNotHappen, Internal
from freestone.testing.faults import (
    Cut,
    Drop,
    Failure,
    Fault,
    FaultPlan,
    Latency,
    Refusal,
    Slow,
    read,
    written,
)

Write = Callable[[str], Path]

_SERVICE = """
from freestone import Contract, command, query, service


class Shop(Contract):
    @query
    async def price(self, thing: str) -> int:
        \"\"\"Return the price.\"\"\"

    @command
    async def buy(self, thing: str) -> None:
        \"\"\"Buy it.\"\"\"


@service
class ShopService(Shop):
    async def price(self, thing):
        return len(thing)

    async def buy(self, thing):
        pass
"""

_CLERK = """
from freestone import Contract, query, service
from {shop} import Shop


class Clerk(Contract):
    @query
    async def tally(self) -> int:
        \"\"\"Return a sum.\"\"\"


@service
class ClerkService(Clerk):
    shop: Shop

    async def tally(self):
        return await self.shop.price("a")
"""

_FILE = """
name = "shop"
[services]
shop = "{}:ShopService"
[topologies.split]
counter = {{ services = ["*"] }}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of faults."""

    def write(text: str) -> Path:
        path = tmp_path / "faults.toml"
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """An application of one service."""
    module = f"faulty_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(_SERVICE, "utf-8")
    (tmp_path / "freestone.toml").write_text(_FILE.format(module), "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return load(tmp_path)


@pytest.fixture
def two(app: App, tmp_path: Path) -> App:
    """An application of two services, one of which calls the other."""
    shop = f"faulty_{tmp_path.name}"
    (tmp_path / f"{shop}_clerk.py").write_text(_CLERK.format(shop=shop), "utf-8")
    (tmp_path / "freestone.toml").write_text(
        f"""
name = "shop"
[services]
shop = "{shop}:ShopService"
clerk = "{shop}_clerk:ClerkService"
[topologies.split]
counter = {{ services = ["shop"] }}
desk = {{ services = ["clerk"] }}
""",
        "utf-8",
    )
    return load(tmp_path)


def test_an_edge_on_which_nobody_calls_is_a_mistake(write: Write, two: App) -> None:
    """Nothing would go wrong, as if the application had stood it."""
    path = write("""
[faults.a]
edge = "shop -> clerk.tally"
refuse = true
[faults.b]
edge = "desk -> clerk"
refuse = true
[faults.c]
edge = "counter -> clerk"
drop = true
""")
    with pytest.raises(ConfigurationError) as caught:
        read(path, two)
    assert [str(it).removeprefix(f"{path}:") for it in caught.value.mistakes] == [
        "3: faults.a.edge: shop does not call clerk, so that nothing would go wrong; it calls no service",
        "6: faults.b.edge: desk does not call clerk, so that nothing would go wrong; it calls shop",
        "9: faults.c.edge: counter does not call clerk, so that nothing would go wrong; it calls no service",
    ]


@pytest.mark.parametrize(
    "edge", ["clerk -> shop", "desk -> shop.price", "test -> clerk", "* -> clerk", "edge -> clerk"]
)
def test_an_edge_on_which_somebody_may_call_is_none(write: Write, two: App, edge: str) -> None:
    """A gateway calls what it likes, and so does a test."""
    assert len(read(write(f'[faults.a]\nedge = "{edge}"\nrefuse = true'), two).faults) == 1


def test_every_fault_has_its_words(write: Write) -> None:
    """What is left out has a default; durations have units."""
    plan = read(
        write("""
seed = 7

[faults.late]
edge = "progress -> catalog.path"
latency = "50ms"
spread = "0.1s"
probability = 0.5
after = "10s"
until = "1m"

[faults.failing]
error = "Internal"
happened = true

[faults.refused]
edge = "edge -> *"
refuse = true

[faults.silent]
drop = true

[faults.cut]
edge = "* -> catalog"
cut = true
within = "1s"

[faults.slow]
slow = { bytes = 2, pause = "1ms" }
""")
    )
    assert plan == FaultPlan(
        (
            Fault("late", Latency(0.05, 0.1), "progress", "catalog", "path", 0.5, 10, 60),
            Fault("failing", Failure(Internal, True)),
            Fault("refused", Refusal(), caller="edge"),
            Fault("silent", Drop()),
            Fault("cut", Cut(1), service="catalog"),
            Fault("slow", Slow(2, 0.001)),
        ),
        seed=7,
    )


def test_a_seed_is_chosen_where_none_is_named(write: Write) -> None:
    """Another one each time; one that is given takes the place of the file's."""
    path = write("[faults.f]\nrefuse = true\n")
    assert read(path).seed != read(path).seed
    assert read(path, seed=5).seed == 5
    assert read(write("seed = 4\n[faults.f]\nrefuse = true\n"), seed=0).seed == 0


def test_all_mistakes_are_told_together_with_their_lines(write: Write, app: App) -> None:
    """Each with what to do."""
    path = write("""seed = -1
colour = "red"

[faults.one]
edge = "catalog"
latency = "soon"
probability = 2

[faults.two]
edge = "shop -> shp.price"
error = "Intrenal"
after = "5s"
until = "1s"

[faults.three]
edge = "nobody -> shop.prize"

[faults.four]
refuse = false
drop = true

[faults.five]
edge = "* -> shop.price"
slow = { bytes = 0, paws = 1 }

[faults.six]
error = "NotFound"
happened = true

[faults.seven]
cut = "yes"

[faults.eight]
edge = "* -> *.price"
refuse = true

[faults."the ninth"]
refuse = true
""")
    with pytest.raises(ConfigurationError) as caught:
        read(path, app)
    assert [str(it).removeprefix(f"{path}:") for it in caught.value.mistakes] == [
        "1: seed: it is negative; write an integer from 0 on, or leave it out",
        "2: colour: there is no such key; the keys are seed, faults",
        '5: faults.one.edge: "catalog" is no edge; write it as "progress -> catalog.path", "progress -> catalog" or '
        '"* -> catalog"',
        '6: faults.one.latency: it is no duration, such as "250ms", "10s", "2m" or a number of seconds',
        "7: faults.one.probability: it must be a number from 0 to 1",
        '10: faults.two.edge: there is no service "shp"; did you mean "shop"?',
        '11: faults.two.error: "Intrenal" is no error of freestone.errors; did you mean "Internal"?',
        "13: faults.two.until: it ends after 1s, before it begins after 5s; write a later time",
        "15: faults.three: it does not say what goes wrong; give it one of latency, error, refuse, drop, cut, slow",
        '16: faults.three.edge: there is no service or process "nobody"; '
        "the callers are app, counter, edge, shop, test",
        '16: faults.three.edge: Shop has no method "prize"; did you mean "price"?',
        "20: faults.four.drop: it says twice what goes wrong; give it one of latency, error, refuse, drop, cut, slow",
        "23: faults.five.edge: bytes belong to a connection, over which all methods are called; take the method out",
        "24: faults.five.slow.bytes: it is less than one, so that nothing would ever arrive",
        '24: faults.five.slow.paws: there is no such key; did you mean "pause"?',
        "28: faults.six.happened: NotFound says that it did not; name an error that says that it may have happened",
        "31: faults.seven.cut: it must be true; write cut = true, or take the fault out",
        '34: faults.eight.edge: a method is one of a service; write it as "progress -> catalog.path", '
        '"progress -> catalog" or "* -> catalog"',
        f'37: faults."the ninth": "the ninth" is no name for a fault; {NAME_RULE}',
    ]


@pytest.mark.parametrize(
    ("written", "mistakes"),
    [
        ('seed = "abc"', ["1: seed: it must be an integer, and is a text"]),
        ('[faults.f]\nlatnecy = "5ms"', ['2: faults.f.latnecy: there is no such key; did you mean "latency"?']),
        ("[fault.f]\nrefuse = true", ['1: fault: there is no such key; did you mean "faults"?']),
        ("[faults]\nf = 1", ["2: faults.f: it must be a table, and is an integer"]),
        (
            '[faults.f]\nrefuse = true\nspread = "1s"\nhappened = true\nwithin = "1s"',
            [
                "3: faults.f.spread: it belongs to latency, and says nothing of refuse; take it out",
                "4: faults.f.happened: it belongs to error and drop, and says nothing of refuse; take it out",
                "5: faults.f.within: it belongs to cut, and says nothing of refuse; take it out",
            ],
        ),
        (
            "[faults.f]\nslow = true",
            ['2: faults.f.slow: it must be a table, which says how slow; write slow = { bytes = 100, pause = "10ms" }'],
        ),
        (
            '[faults.f]\nrefuse = true\nafter = 2\nuntil = "2s"',
            ["4: faults.f.until: it ends when it begins, after 2s; write a later time"],
        ),
    ],
)
def test_a_mistake_is_told_once_and_as_what_it_is(write: Write, written: str, mistakes: list[str]) -> None:
    """A key that is misspelt is no fault that says nothing, and a key of another fault is not unknown."""
    path = write(written if written.startswith(("[fault.", "[faults")) else written + "\n[faults.g]\nrefuse = true")
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert [str(it).removeprefix(f"{path}:") for it in caught.value.mistakes] == mistakes


def test_a_file_without_faults_is_a_mistake(write: Write) -> None:
    """It would look as if the application had stood them."""
    with pytest.raises(ConfigurationError, match=r"faults: there are none; write \[faults.NAME\]"):
        read(write("seed = 1\n"))


def test_names_of_the_application_are_known(write: Write, app: App) -> None:
    """Its services and their methods; as callers also its processes, and the test; for bytes its processes."""
    plan = read(
        write("""
[faults.a]
edge = "edge -> shop.buy"
refuse = true
[faults.b]
edge = "test -> shop"
refuse = true
[faults.c]
edge = "shop -> counter"
slow = {}
"""),
        app,
    )
    assert [(it.caller, it.service, it.method) for it in plan.faults] == [
        ("edge", "shop", "buy"),
        ("test", "shop", "*"),
        ("shop", "counter", "*"),
    ]


durations = st.floats(0, 1e6)
words = st.from_regex(NAME, fullmatch=True)
errors = st.sampled_from(CANONICAL)


def _honest(failure: Failure) -> bool:
    return not (failure.happened and issubclass(failure.error, DidNotHappen))


@st.composite
def faults(draw: st.DrawFn, name: str) -> Fault:
    what = draw(
        st.one_of(
            st.builds(Latency, durations, durations),
            st.builds(Failure, errors, st.none() | st.booleans()).filter(_honest),
            st.builds(Refusal),
            st.builds(Drop, st.none() | st.booleans()),
            st.builds(Cut, durations),
            st.builds(Slow, st.integers(1, 10_000), durations),
        )
    )
    service = draw(st.just("*") | words)
    after = draw(durations)
    return Fault(
        name,
        what,
        draw(st.just("*") | words),
        service,
        "*"
        if isinstance(what, Slow) or service == "*"
        else draw(st.just("*") | st.from_regex("[a-z_]+", fullmatch=True)),
        draw(st.floats(0, 1)),
        after,
        draw(st.just(math.inf) | st.floats(after, 1e7, exclude_min=True)),
    )


@st.composite
def plans(draw: st.DrawFn) -> FaultPlan:
    names = draw(st.lists(words, min_size=1, max_size=4, unique=True))
    return FaultPlan(tuple(draw(faults(name)) for name in names), draw(st.integers(0, 2**63 - 1)))


@settings(deadline=None)  # it writes a file, and the machine may be busy
@given(plan=plans())
def test_a_plan_that_is_written_is_read_as_the_same(tmp_path_factory: pytest.TempPathFactory, plan: FaultPlan) -> None:
    """So that children get what their run was given."""
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(written(plan), "utf-8")
    assert read(path) == plan


def test_the_error_that_shares_its_code_is_known(write: Write) -> None:
    """A lost connection, too, is an error to inject."""
    [fault] = read(write('[faults.f]\nerror = "ConnectionLost"\n')).faults
    assert fault.what == Failure(ConnectionLost)
