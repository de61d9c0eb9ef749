"""Identity, kept in a database."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import final

from sqlalchemy import delete, select

from academy.apart import apart
from freestone import Clock, Database, Ids, Random, Settings, current, errors, service

from . import rules
from .contract import Learner, Learners, NameTaken, Session, WrongCredentials
from .passwords import Passwords
from .tables import LearnerRow, SessionRow
from .throttle import Throttle


class IdentitySettings(Settings):
    """How long sessions last, and how many guesses a name allows."""

    session_days: int = 30
    """Days after which a session ends."""
    failures: int = 10
    """Wrong passwords that a name may get within the minutes below."""
    failure_minutes: int = 5


@final
@service
class IdentityService(Learners):
    """Keeps names, email addresses, hashes of passwords, and hashes of the tokens of sessions."""

    db: Database
    clock: Clock
    random: Random
    ids: Ids
    settings: IdentitySettings

    async def start(self) -> None:
        """Make ready to hash."""
        self._passwords = Passwords()
        self._throttle = Throttle(self.settings.failures, self.settings.failure_minutes * 60)

    async def stop(self) -> None:
        """End the threads that hash."""
        self._passwords.close()

    async def sign_up(self, name: str, password: str, email: str = "") -> Session:
        clean = rules.clean_name(name)
        rules.check_password(password, clean)
        address = rules.clean_email(email)
        # Before the first use of the database, so that nobody waits for the hash with its lock.
        hashed = await self._passwords.hash(password)
        key = rules.name_key(clean)
        if await self.db.scalar(select(LearnerRow.id).where(LearnerRow.key == key)) is not None:
            raise NameTaken(f"somebody is called {clean} already", name=clean)
        row = LearnerRow(
            id=self.ids.new(), name=clean, key=key, password=hashed, created_at=self.clock.now(), email=address
        )
        self.db.add(row)
        await self.db.flush()
        return await self._begin_session(row)

    async def sign_in(self, name: str, password: str) -> Session:
        key = rules.name_key(name)
        wait = self._throttle.wait(key, self.clock.monotonic())
        if wait > 0:
            raise errors.ResourceExhausted("too many wrong passwords for this name; wait a little", retry_after=wait)
        # Counted before it is known, and taken back if it is right: guesses may come side by side.
        self._throttle.fail(key, self.clock.monotonic())
        hashed = await self._hash_of(key)
        if len(password) > rules.LONGEST_PASSWORD or not await self._passwords.verify(hashed, password):
            raise WrongCredentials("the name or the password is wrong")
        renewed = await self._passwords.hash(password) if hashed and self._passwords.is_outdated(hashed) else None
        row = await self.db.scalar(select(LearnerRow).where(LearnerRow.key == key))
        if row is None or row.password != hashed:
            raise errors.Aborted("the learner changed in the meantime; try again")
        self._throttle.succeed(key)
        row.password = renewed or row.password
        return await self._begin_session(row)

    async def session(self, token: str) -> Learner:
        row = await self.db.scalar(
            select(LearnerRow)
            .join(SessionRow, SessionRow.learner == LearnerRow.id)
            .where(SessionRow.token == _digest(token), SessionRow.expires_at > self.clock.now())
        )
        if row is None:
            raise errors.Unauthenticated("the session has ended; sign in again")
        return _learner(row)

    async def learner(self, learner: str) -> Learner:
        return _learner(await self._row(learner))

    async def set_email(self, learner: str, email: str) -> Learner:
        context = current()
        if context is not None and context.identity is not None and context.identity.subject != learner:
            raise errors.PermissionDenied("where letters go is only for the learner to say")
        address = rules.clean_email(email)
        row = await self._row(learner)
        row.email = address
        return _learner(row)

    async def sign_out(self, token: str) -> None:
        await self.db.execute(delete(SessionRow).where(SessionRow.token == _digest(token)))

    async def _row(self, learner: str) -> LearnerRow:
        row = await self.db.get(LearnerRow, learner)
        if row is None:
            raise errors.NotFound(f"there is no learner {learner}")
        return row

    async def _hash_of(self, key: str) -> str | None:
        """Return the hash of a name's password, in a transaction that is over before the password is verified."""

        async def read() -> str | None:
            async with self.db.transaction():
                return await self.db.scalar(select(LearnerRow.password).where(LearnerRow.key == key))

        return await apart(read())

    async def _begin_session(self, row: LearnerRow) -> Session:
        now = self.clock.now()
        token = self.random.randbytes(32).hex()
        expires_at = now + timedelta(days=self.settings.session_days)
        # Sessions that are over are of no use to anybody; here is where new ones come from, so they can't pile up.
        await self.db.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
        self.db.add(SessionRow(token=_digest(token), learner=row.id, created_at=now, expires_at=expires_at))
        return Session(token=token, learner=_learner(row), expires_at=expires_at)


def _learner(row: LearnerRow) -> Learner:
    return Learner(id=row.id, name=row.name, email=row.email)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
