"""What identity promises.

A learner signs up or in with a name and a password, and gets a session; its token proves who the learner is
until the session expires or is ended. Names are compared without regard to case, and to spaces around them.
"""

from __future__ import annotations

from datetime import datetime

from freestone import Contract, Message, command, errors, query


class Learner(Message):
    """A person who learns."""

    id: str
    """The name that programs use; it never changes."""
    name: str
    """The name that people use, as it was given at sign-up."""
    email: str = ""
    """Where to write to; empty if the learner has not said. Nobody has checked that it is the learner's."""


class Session(Message):
    """Proof that somebody signed in."""

    token: str
    """A secret; keep it where scripts can't read it."""
    learner: Learner
    expires_at: datetime


class NameTaken(errors.AlreadyExists):
    """Somebody else has that name."""

    name: str


class WrongCredentials(errors.Unauthenticated):
    """The name or the password is wrong."""


class Learners(Contract):
    """Who the learners are, and whether they are signed in."""

    @command(raises=[NameTaken])
    async def sign_up(self, name: str, password: str, email: str = "") -> Session:
        """Make a learner, signed in.

        The name has 1 to 40 characters and starts with a letter or digit; then letters, digits, spaces and
        ``._-`` may follow. The password has 8 to 256 characters and is not the name. The email address may be
        left out. Raises InvalidArgument with the field ``name``, ``password`` or ``email``, or NameTaken.
        """
        ...

    @command(raises=[WrongCredentials])
    async def sign_in(self, name: str, password: str) -> Session:
        """Start a session.

        Raises WrongCredentials, the same whether the name or the password is wrong; or ResourceExhausted,
        with the seconds to wait in ``retry_after``, after too many failures for that name.
        """
        ...

    @query
    async def session(self, token: str) -> Learner:
        """Return whose session it is. Raises Unauthenticated if there is none, or it has ended."""
        ...

    @query
    async def learner(self, learner: str) -> Learner:
        """Return the learner with that id, for another service. Raises NotFound."""
        ...

    @command
    async def set_email(self, learner: str, email: str) -> Learner:
        """Have letters to the learner go to that address; to none, if it is empty.

        Raises InvalidArgument with the field ``email``, NotFound for the learner, or PermissionDenied on behalf of
        another one.
        """
        ...

    @command
    async def sign_out(self, token: str) -> None:
        """End the session. Does nothing if there is none."""
        ...
