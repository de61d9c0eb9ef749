"""How letters are sent, and when."""

from __future__ import annotations

from datetime import time
from email.utils import parseaddr
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from freestone import Secret, Settings
from freestone.errors import ConfigurationError, Mistake

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final = get_args(Weekday)
"""In the order of ``datetime.weekday()``."""


class NotificationsSettings(Settings):
    """How letters are sent, and when."""

    site: str = "http://127.0.0.1:8000"
    """The address of the web site, for the links in letters."""
    smtp_host: str = ""
    """The mail server. Without one no letter leaves the house: each is shown to its learner at ``/letters``."""
    smtp_port: int = 587
    smtp_starttls: bool = True
    """Whether to encrypt the connection; then nothing is sent over one that can't be."""
    smtp_user: str = ""
    """Who signs in at the mail server; empty for nobody."""
    smtp_password: Secret = Secret("")
    smtp_seconds: float = 15.0
    """How long the mail server may take for a step of its protocol."""
    sender: str = "Academy <academy@localhost>"
    """Whom letters are from."""
    weekday: Weekday = "monday"
    """When those who stopped are reminded."""
    time: str = "09:00"
    timezone: str = "UTC"
    """As ``Europe/Berlin``."""
    idle_days: int = 7
    """After how many days without progress somebody has stopped."""
    reminders: int = 4
    """How many reminders in a row somebody gets who does not come back; 0 for none at all."""
    keep_days: int = 90
    """After how many days a letter is forgotten."""

    @property
    def moment(self) -> time:
        """The time of the day. Raises ValueError."""
        return time.fromisoformat(self.time)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone. Raises an error if there is none of that name."""
        return ZoneInfo(self.timezone)

    @property
    def domain(self) -> str:
        """The domain of the sender, in which the letters' ids are unique."""
        return parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"


def check(settings: NotificationsSettings) -> None:
    """Raise ConfigurationError with everything that is wrong in the settings."""
    mistakes: list[Mistake] = []

    def note(field: str, problem: str, advice: str) -> None:
        mistakes.append(Mistake(f"settings.notifications.{field}", problem, advice))

    try:
        _ = settings.moment
    except ValueError:
        note("time", f"“{settings.time}” is no time of the day", "write it as 09:00")
    try:
        _ = settings.zone
    except (ValueError, OSError, KeyError):
        note("timezone", f"there is no time zone “{settings.timezone}”", "write it as Europe/Berlin")
    if "@" not in parseaddr(settings.sender)[1] or any(it < " " for it in settings.sender):
        note("sender", f"“{settings.sender}” is no sender", "write it as Academy <academy@example.org>")
    if not settings.site.startswith(("http://", "https://")):
        note("site", f"“{settings.site}” is no address of a web site", "write it as https://academy.example.org")
    if settings.smtp_user and not settings.smtp_starttls:
        note("smtp_starttls", "a password would be sent in plain text", "leave out smtp_user, or set it to true")
    if mistakes:
        raise ConfigurationError(mistakes)
