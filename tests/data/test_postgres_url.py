"""A URL of PostgreSQL is taken apart, and put together for those who read it otherwise."""

from __future__ import annotations

import string
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from freestone.data import Database
from freestone.data.postgres_url import PostgresUrl
from freestone.errors import ConfigurationError
from freestone.testing import PostgresServer

AWKWARD = "all the/keys?#@:%+&=[]\"'é"
NAMES = st.text(st.one_of(st.sampled_from(AWKWARD + string.ascii_letters), st.characters(codec="utf-8")), min_size=1)


@given(NAMES, NAMES, NAMES, st.dictionaries(st.sampled_from(["options", "sslmode", "target_session_attrs"]), NAMES))
def test_whatever_is_written_with_percent_signs_is_had_as_it_was(
    user: str, password: str, database: str, options: dict[str, str]
) -> None:
    """Put together it says the same, with nothing in it that programs read in several ways."""
    query = "&".join(f"{name}={quote(value, '')}" for name, value in options.items())
    given = f"postgresql://{quote(user, '')}:{quote(password, '')}@host:5433/{quote(database, '')}?{query}".rstrip("?")
    url = PostgresUrl.parse(given)
    assert (url.user, url.password.reveal(), url.database, url.host) == (user, password, database, "host:5433")
    assert dict(url.options) == options
    assert PostgresUrl.parse(url.reveal()) == url
    assert "+" not in url.reveal()
    assert PostgresUrl.parse(url.without_password()).password.reveal() == ""
    assert unquote(str(url)).count(":") == 2 + user.count(":") + database.count(":")


@pytest.mark.parametrize("host", ["", "host", "host:1", "[::1]", "[::1]:65535", "one:5432,two"])
def test_a_host_may_have_a_port_or_be_several(host: str) -> None:
    assert PostgresUrl.parse(f"postgresql://{host}/shop").host == host


async def test_a_server_with_awkward_names_is_used(postgres: PostgresServer, postgres_url: str) -> None:
    """The user, its password, the database and an option: the driver takes them as they were meant."""
    name = f"{AWKWARD} {postgres_url.rpartition('/')[2]}"[:60]
    quoted = name.replace('"', '""')
    async with postgres.admin() as admin:
        await admin.execute(f'CREATE DATABASE "{quoted}"')
        await admin.execute(f"""CREATE ROLE "{quoted}" LOGIN PASSWORD '{AWKWARD.replace("'", "''")}'""")
        await admin.execute(f'GRANT ALL ON DATABASE "{quoted}" TO "{quoted}"')
    options = quote("-c statement_timeout=17s -c application_name=a+b", "")
    database = Database.open(f"{postgres.url_of(name, name, AWKWARD)}?options={options}", name="shop")
    await database.start()
    try:
        async with database.transaction():
            found = await database.execute(text("SELECT current_database(), session_user"))
            assert tuple(found.one()) == (name, name)
            assert await database.scalar(text("SELECT current_setting('statement_timeout')")) == "17s"
    finally:
        await database.close()


@pytest.mark.parametrize("given", [
    "postgresql://ada@host/shop?password=hun%2Fter",
    "postgresql://host/shop?user=ada&password=hun%2Fter",
])  # fmt: skip
def test_a_password_may_be_an_option(given: str) -> None:
    """As PostgreSQL's own programs take it; it is no less secret there."""
    url = PostgresUrl.parse(given)
    assert (url.user, url.password.reveal(), url.options) == ("ada", "hun/ter", ())
    assert "hun" not in str(url) + url.without_password()


@pytest.mark.parametrize(("given", "message"), [
    ("postgresql://ada:hun/ter@host/shop", "has a / or a ? before its @; write %2F for a /, and %3F for a ?"),
    ("postgresql://ada:hu@n/ter@host/shop", "has a / or a ? before its @; write %2F for a /, and %3F for a ?"),
    ("postgresql://ada:hun?ter@host/shop", "has a / or a ? before its @; write %2F for a /, and %3F for a ?"),
    ("postgresql://ada:hun[ter@host/shop", "is no URL; write %5B for a [, and %5D for a ], in a password"),
    ("postgresql://ada:hunter@host:postgres/shop", "has a port that is no number from 1 to 65535"),
    ("postgresql://ada:hunter@[::1]:65536/shop", "has a port that is no number from 1 to 65535"),
    ("postgresql://ada:hunter@one:5432,two:0/shop", "has a port that is no number from 1 to 65535"),
    ("postgresql://ada:hun#ter@host/shop", "has a part after a #; write %23 for a # in a password"),
])  # fmt: skip
def test_what_a_password_can_not_have_as_it_is_is_named(given: str, message: str) -> None:
    """With how it is written, and without the password."""
    with pytest.raises(ConfigurationError) as raised:
        PostgresUrl.parse(given)
    assert message in str(raised.value)
    assert "hun" not in str(raised.value)
