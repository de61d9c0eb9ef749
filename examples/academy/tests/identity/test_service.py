"""Identity, on a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from academy.identity.contract import Learners, NameTaken, WrongCredentials
from academy.identity.passwords import Passwords
from academy.identity.service import IdentityService, IdentitySettings
from academy.identity.tables import Base, LearnerRow, SessionRow
from freestone import Identity, acting_as, errors, local
from freestone.app import Local
from freestone.data import drift
from freestone.testing import FakeClock, fake_random

PASSWORD = "correct horse"
DAY = 24 * 60 * 60


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def application(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Local]:
    """Identity alone, with quick hashes."""
    settings = {"identity": IdentitySettings(session_days=7, failures=3, failure_minutes=5)}
    async with local(
        directory=tmp_path, clock=clock, random=fake_random(1), settings=settings, identity=IdentityService
    ) as application:
        service: IdentityService = application.service("identity")
        service._passwords.close()
        service._passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield application


@pytest.fixture
def learners(application: Local) -> Learners:
    return application.client(Learners)


async def test_a_learner_signs_up_and_is_signed_in(learners: Learners, clock: FakeClock) -> None:
    """Signing up gives a session, which tells who the learner is."""
    session = await learners.sign_up(" Ada  Lovelace", PASSWORD)
    assert session.learner.name == "Ada Lovelace"
    assert session.expires_at == clock.now() + timedelta(days=7)
    assert len(session.token) == 64
    assert await learners.session(session.token) == session.learner


async def test_a_learner_signs_in_with_any_spelling_of_the_name(learners: Learners) -> None:
    """Each session has a token of its own; the learner is the same."""
    first = await learners.sign_up("Ada", PASSWORD)
    second = await learners.sign_in(" ADA ", PASSWORD)
    assert second.learner == first.learner
    assert second.token != first.token
    assert await learners.session(first.token) == await learners.session(second.token)


async def test_a_name_belongs_to_one_learner(learners: Learners) -> None:
    """Another spelling of the name is the same name."""
    await learners.sign_up("Ada", PASSWORD)
    with pytest.raises(NameTaken, match="somebody is called ada already") as caught:
        await learners.sign_up("ada", "another password")
    assert caught.value.name == "ada"


async def test_of_two_who_want_a_name_at_once_one_gets_it(learners: Learners) -> None:
    """The other is told that it is taken."""
    both = await asyncio.gather(
        learners.sign_up("Ada", PASSWORD), learners.sign_up("ada", PASSWORD), return_exceptions=True
    )
    assert sorted(type(it).__name__ for it in both) == ["NameTaken", "Session"]


@pytest.mark.parametrize(("name", "password", "field"), [("", PASSWORD, "name"), ("Ada", "short", "password")])
async def test_a_wrong_name_or_password_is_named(learners: Learners, name: str, password: str, field: str) -> None:
    """What breaks a rule is refused before anything else."""
    with pytest.raises(errors.InvalidArgument) as caught:
        await learners.sign_up(name, password)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "password"), [("Ada", "wrong horse"), ("Bob", PASSWORD), ("Ada", "x" * 300), ("", "")]
)
async def test_an_error_does_not_tell_which_names_there_are(learners: Learners, name: str, password: str) -> None:
    """A wrong name and a wrong password have the same answer."""
    await learners.sign_up("Ada", PASSWORD)
    with pytest.raises(WrongCredentials) as caught:
        await learners.sign_in(name, password)
    assert str(caught.value) == "the name or the password is wrong"


async def test_guessing_is_slowed_down(learners: Learners, clock: FakeClock) -> None:
    """After too many failures even the right password has to wait; then it is right again."""
    await learners.sign_up("Ada", PASSWORD)
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            await learners.sign_in("Ada", "wrong horse")
    with pytest.raises(errors.ResourceExhausted, match="too many wrong passwords for this name") as caught:
        await learners.sign_in("ADA", PASSWORD)
    assert caught.value.retry_after == 300
    clock.advance(300)
    await learners.sign_in("Ada", PASSWORD)


async def test_guesses_side_by_side_are_slowed_down(learners: Learners) -> None:
    """Many guesses at once are no way around the limit."""
    await learners.sign_up("Ada", PASSWORD)
    guesses = await asyncio.gather(
        *(learners.sign_in("Ada", f"wrong horse {number}") for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(it, WrongCredentials) for it in guesses) == 3
    assert sum(isinstance(it, errors.ResourceExhausted) for it in guesses) == 7


async def test_a_session_ends_with_its_time(learners: Learners, clock: FakeClock) -> None:
    """A session lasts as many days as the settings say, and not a moment longer."""
    session = await learners.sign_up("Ada", PASSWORD)
    clock.advance(7 * DAY - 1)
    await learners.session(session.token)
    clock.advance(1)
    with pytest.raises(errors.Unauthenticated, match="the session has ended; sign in again"):
        await learners.session(session.token)


async def test_a_session_ends_when_the_learner_signs_out(learners: Learners) -> None:
    """Other sessions of the learner go on; to sign out again does nothing."""
    first = await learners.sign_up("Ada", PASSWORD)
    second = await learners.sign_in("Ada", PASSWORD)
    for _ in range(2):
        await learners.sign_out(first.token)
    with pytest.raises(errors.Unauthenticated):
        await learners.session(first.token)
    await learners.session(second.token)


@pytest.mark.parametrize("token", ["", "nonsense", "0" * 64, "\ud800"])
async def test_a_token_that_was_never_given_is_nobodys(application: Local, token: str) -> None:
    """Anything may be sent as a token."""
    with pytest.raises(errors.Unauthenticated):
        await application.client(Learners).session(token)


async def test_neither_passwords_nor_tokens_are_kept(application: Local, learners: Learners) -> None:
    """Who reads the database can't sign in with what is there."""
    session = await learners.sign_up("Ada", PASSWORD)
    db = application.service("identity").db
    async with db.transaction():
        learner = (await db.scalars(select(LearnerRow))).one()
        kept = (await db.scalars(select(SessionRow))).one()
    assert learner.password.startswith("$argon2id$")
    assert PASSWORD not in learner.password
    assert kept.token != session.token
    with pytest.raises(errors.Unauthenticated):
        await learners.session(kept.token)


async def test_sessions_that_are_over_are_removed(application: Local, learners: Learners, clock: FakeClock) -> None:
    """The table of sessions does not grow with those that nobody can use."""
    await learners.sign_up("Ada", PASSWORD)
    clock.advance(8 * DAY)
    session = await learners.sign_in("Ada", PASSWORD)
    db = application.service("identity").db
    async with db.transaction():
        assert len((await db.scalars(select(SessionRow))).all()) == 1
    await learners.session(session.token)


async def test_an_outdated_hash_is_renewed_at_sign_in(application: Local, learners: Learners) -> None:
    """When the parameters rise, passwords follow as their learners come back."""
    await learners.sign_up("Ada", PASSWORD)
    service: IdentityService = application.service("identity")
    service._passwords.close()
    service._passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    await learners.sign_in("Ada", PASSWORD)
    async with service.db.transaction():
        assert "t=2" in (await service.db.scalars(select(LearnerRow.password))).one()
    await learners.sign_in("Ada", PASSWORD)


async def test_nobody_waits_for_a_hash_with_the_databases_lock(application: Local, learners: Learners) -> None:
    """While one password is verified, others can sign out: no transaction is open meanwhile."""
    session = await learners.sign_up("Ada", PASSWORD)
    service: IdentityService = application.service("identity")
    verifying, go_on = asyncio.Event(), asyncio.Event()
    verify = service._passwords.verify

    async def slowly(hashed: str | None, password: str) -> bool:
        verifying.set()
        await go_on.wait()
        return await verify(hashed, password)

    service._passwords.verify = slowly  # type: ignore[method-assign]
    signing_in = asyncio.create_task(learners.sign_in("Ada", PASSWORD))
    await verifying.wait()
    await asyncio.wait_for(learners.sign_out(session.token), 5)
    go_on.set()
    assert (await signing_in).learner == session.learner


async def test_has_the_tables_that_its_migrations_make(application: Local) -> None:
    """Migrations and tables agree."""
    assert await drift(application.service("identity").db, Base.metadata) == []


async def test_a_learner_may_say_where_to_write_to(learners: Learners) -> None:
    """At sign-up or later; another service asks by id."""
    session = await learners.sign_up("Ada", PASSWORD, " ada@example.org ")
    assert session.learner.email == "ada@example.org"
    assert await learners.learner(session.learner.id) == session.learner
    changed = await learners.set_email(session.learner.id, "lovelace@example.org")
    assert changed.email == "lovelace@example.org"
    assert (await learners.session(session.token)).email == "lovelace@example.org"
    assert (await learners.set_email(session.learner.id, "")).email == ""


async def test_where_to_write_to_is_only_the_learners_to_say(learners: Learners) -> None:
    """Nobody redirects the letters of another; what is no address is refused with its field."""
    ada, bob = [(await learners.sign_up(name, PASSWORD)).learner.id for name in ("Ada", "Bob")]
    with acting_as(Identity(bob)), pytest.raises(errors.PermissionDenied):
        await learners.set_email(ada, "bob@example.org")
    with acting_as(Identity(ada)), pytest.raises(errors.InvalidArgument) as caught:
        await learners.set_email(ada, "nowhere")
    assert caught.value.field == "email"
    with pytest.raises(errors.InvalidArgument):
        await learners.sign_up("Eve", PASSWORD, "nowhere")
    with pytest.raises(errors.NotFound):
        await learners.set_email("nobody", "")
    with pytest.raises(errors.NotFound):
        await learners.learner("nobody")
