"""``[leases]`` of the application file, and the services that take some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app import App, Host, databases, describe, monolith, render
from freestone.app.document import Document
from freestone.app.leases import LeaseSettings, read_leases
from freestone.errors import ConfigurationError

Reading = Callable[[str], tuple[LeaseSettings, list[str]]]
Loaded = Callable[..., App]

FILE = """
name = "library"

[services]
catalog = "library:CatalogService"
search  = "library:SearchService"
"""
LIBRARY = '''
from freestone import Contract, Leases, query, service

class Catalog(Contract):
    @query
    async def size(self) -> int:
        """Return how many there are."""

class Search(Contract):
    @query
    async def found(self) -> int:
        """Return how many were found."""

@service
class CatalogService(Catalog):
    leases: Leases

    async def size(self):
        return 0

@service
class SearchService(Search):
    async def found(self):
        return 0
'''
NATS = '\n[nats]\nurl = "nats://10.0.0.9:4222"\n'


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Return a function from the text of a file to what it says, and the mistakes in it."""

    def read(text: str) -> tuple[LeaseSettings, list[str]]:
        document = Document(tmp_path / "freestone.toml", text)
        settings = read_leases(document.root().table("leases"), ("catalog", "search"))
        return settings, [str(mistake).removeprefix(f"{tmp_path}/freestone.toml:") for mistake in document.mistakes]

    return read


def test_leases_are_in_the_database_of_each_service(reading: Reading) -> None:
    """Unless the file says otherwise."""
    settings, mistakes = reading("")
    assert (settings, mistakes) == (LeaseSettings(), [])
    assert settings.of("catalog") == "database"


def test_all_of_them_or_those_of_one_service_can_be_in_nats(reading: Reading) -> None:
    """What is said of a service goes first."""
    settings, mistakes = reading('[leases]\nstore = "nats"\nreplicas = 3\n[leases.services]\nsearch.store = "database"')
    assert mistakes == []
    assert (settings.of("catalog"), settings.of("search"), settings.replicas) == ("nats", "database", 3)
    settings, mistakes = reading('[leases.services.search]\nstore = "nats"')
    assert mistakes == []
    assert (settings.of("catalog"), settings.of("search")) == ("database", "nats")


def test_all_mistakes_are_told(reading: Reading) -> None:
    """Each with its line, and what to do."""
    _, mistakes = reading(
        """[leases]
store = "redis"
replicas = 3
stores = 1
[leases.services]
catalogue = { store = "nat" }
search    = { }
"""
    )
    assert mistakes == [
        '2: leases.store: it can\'t be "redis"; the choices are database, nats',
        '6: leases.services.catalogue: there is no service "catalogue"; did you mean "catalog"?',
        '6: leases.services.catalogue.store: it can\'t be "nat"; did you mean "nats"?',
        '7: leases.services.search.store: it is missing; write store = "nats" or store = "database"',
        '3: leases.replicas: it has no effect, since no leases are in NATS; leave it out, or write store = "nats"',
        '4: leases.stores: there is no such key; did you mean "store"?',
    ]
    assert reading('[leases]\nstore = "nats"\nreplicas = 7')[1] == [
        "3: leases.replicas: it is 7; it must be from 1 to 5"
    ]


def test_a_service_that_takes_none_has_none_elsewhere(mistakes: Callable[..., list[str]]) -> None:
    """What is said of its leases would be lost."""
    assert mistakes(FILE + '[leases.services]\nsearch = { store = "nats" }\n', library=LIBRARY) == [
        "freestone.toml:8: leases.services.search: SearchService takes no leases; give SearchService an attribute of "
        "the type Leases, or take this out"
    ]


@pytest.mark.parametrize(
    ("said", "shown", "described"),
    [
        ("", "leases: in the database of each service\n", "database"),
        ('[leases]\nstore = "nats"', "leases: in NATS, 1 replica\n", "nats"),
        (
            '[leases.services.catalog]\nstore = "nats"\n[leases]\nreplicas = 3',
            "leases: in the database of each service\n    catalog: in NATS, 3 replicas\n",
            "nats",
        ),
    ],
)
def test_the_plan_shows_where_they_are(loaded: Loaded, said: str, shown: str, described: str) -> None:
    """If a service takes some."""
    plan = monolith(loaded(FILE + said, library=LIBRARY))
    assert render(plan).endswith(f"\n\n{shown}")
    assert describe(plan)["leases"] == {"catalog": described}
    quiet = monolith(loaded('name = "shop"\n[services]\nprices = "shop:PricesService"\n'))
    assert "leases" not in render(quiet)


def test_a_service_has_a_database_for_its_leases_and_none_without(loaded: Loaded) -> None:
    """Whoever migrates from outside finds those that there are."""
    assert list(databases(loaded(FILE, library=LIBRARY))) == ["catalog"]
    assert list(databases(loaded(FILE + '[leases]\nstore = "nats"', library=LIBRARY))) == []


def test_leases_in_nats_need_one(loaded: Loaded) -> None:
    """A run brings it; a process that is started by itself is told."""
    plan = monolith(loaded(FILE + '[leases]\nstore = "nats"', library=LIBRARY))
    assert plan.needs_nats
    with pytest.raises(
        ConfigurationError,
        match=r"process app: it needs NATS for its leases, and nothing says where that is; write \[nats\] url",
    ):
        Host(plan, "app")
    plan = monolith(loaded(FILE + '[leases]\nstore = "nats"' + NATS, library=LIBRARY))
    assert not plan.needs_nats
    Host(plan, "app")
