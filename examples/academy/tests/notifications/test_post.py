"""A letter on its way to a real mail server: one that takes it, refuses it, is slow, or is away."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from academy.notifications.post import Refused, hand_over, mail
from academy.notifications.settings import NotificationsSettings
from freestone.errors import Unavailable

from .mailserver import MailServer, nowhere

AT = datetime(2026, 3, 7, 12, tzinfo=UTC)
OFF = "https://academy.example.org/letters/off/key"


def settings(port: int, seconds: float = 10.0) -> NotificationsSettings:
    return NotificationsSettings(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_starttls=False,
        smtp_seconds=seconds,
        sender="Academy <academy@example.org>",
    )


def letter(name: str = "Ada", subject: str = "Größe", at: str = "ada@example.org", port: int = 0) -> EmailMessage:
    return mail(
        "0123", subject, "Dear Ada,\n\nwell done — ✓\n", "<p>Dear Ada</p>\n", (name, at), AT, OFF, settings(port)
    )


async def test_a_letter_arrives_whole(server: MailServer) -> None:
    """In plain text and HTML, with its id, and with what turns letters off by one click (RFC 8058)."""
    await hand_over(letter(), settings(server.port))
    (mail,) = server.received
    assert server.recipients == ["ada@example.org"]
    assert mail["Message-ID"] == "<0123@example.org>"
    assert mail["Subject"] == "Größe"
    assert mail["From"] == "Academy <academy@example.org>"
    assert mail["To"] == "Ada <ada@example.org>"
    assert mail["Date"] == "Sat, 07 Mar 2026 12:00:00 +0000"
    assert mail["List-Unsubscribe"] == f"<{OFF}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert plain.get_content().splitlines() == ["Dear Ada,", "", "well done — ✓"]
    assert html.get_content().splitlines() == ["<p>Dear Ada</p>"]


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Ada\r\nBcc: all@example.org", "Hello"),
        ("Ada", "Hello\r\nBcc: all@example.org\r\n\r\nbody"),
        ('Ada" <eve@example.org>', "Hello"),
        ("Ada, eve@example.org", "Hello"),
        ("Ada", "Hello\x85\u2028\0Bcc: x"),
        ("Ada Größe 茶" * 3, "茶" * 400),
    ],
)
async def test_neither_a_name_nor_a_subject_adds_a_header_or_a_recipient(
    server: MailServer, name: str, subject: str
) -> None:
    """They are text, whatever is in them."""
    await hand_over(letter(name, subject), settings(server.port))
    (mail,) = server.received
    assert server.recipients == ["ada@example.org"]
    assert mail["Bcc"] is None
    assert [it.addr_spec for it in mail["To"].addresses] == ["ada@example.org"]
    assert {it.lower() for it in mail} >= {"subject", "to", "from"}
    assert "\n" not in mail["Subject"]


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_letter_that_is_refused_for_good_is_not_sent_again(server: MailServer, step: str) -> None:
    """What the server said is kept."""
    server.answers[step] = ["550 5.1.1 no such user"]
    with pytest.raises(Refused, match=r"550 5\.1\.1 no such user"):
        await hand_over(letter(), settings(server.port))
    assert server.received == []


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_server_that_is_busy_may_take_it_later(server: MailServer, step: str) -> None:
    """As greylisting wants it."""
    server.answers[step] = ["451 4.7.1 come back later"]
    with pytest.raises(Unavailable, match=r"451 4\.7\.1 come back later"):
        await hand_over(letter(), settings(server.port))
    await hand_over(letter(), settings(server.port))
    assert len(server.received) == 1


async def test_a_server_that_is_too_slow_may_take_it_later(server: MailServer) -> None:
    """Nobody waits for ever."""
    server.hangs = True
    with pytest.raises(Unavailable, match="did not take the letter"):
        await hand_over(letter(), settings(server.port, seconds=0.3))


async def test_a_server_that_is_away_may_be_back_later() -> None:
    """The error says which it is."""
    port = nowhere()
    with pytest.raises(Unavailable, match=f"the mail server 127.0.0.1:{port} did not take the letter"):
        await hand_over(letter(), settings(port))


async def test_a_lost_answer_leads_to_the_same_letter_twice(server: MailServer) -> None:
    """At least once: the second has the first one's id, by which a mailbox knows it."""
    server.loses_answers = 1
    with pytest.raises(Unavailable):
        await hand_over(letter(), settings(server.port))
    await hand_over(letter(), settings(server.port))
    first, second = server.received
    assert first["Message-ID"] == second["Message-ID"]


async def test_where_encryption_is_wanted_nothing_is_sent_without(server: MailServer) -> None:
    """A server that does not offer it, or somebody in between who takes the offer out, gets no letter."""
    wanted = NotificationsSettings(smtp_host="127.0.0.1", smtp_port=server.port, smtp_starttls=True)
    with pytest.raises(Unavailable):
        await hand_over(letter(), wanted)
    assert (server.received, server.asked) == ([], 0)
