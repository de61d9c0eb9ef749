"""What is in the letters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

LONGEST_SUBJECT: Final = 120


@final
@dataclass(frozen=True, slots=True)
class Draft:
    """A letter, not yet addressed."""

    subject: str
    text: str
    html: str


@final
@dataclass(frozen=True, slots=True)
class Stopped:
    """A path in which a learner has stopped."""

    path: str
    """Its slug."""
    title: str
    done: int
    total: int


def phase_finished(
    site: str, token: str, name: str, path: str, title: str, phase: int, phase_title: str, following: str
) -> Draft:
    """Return the letter to somebody who has finished a phase of a path; ``following`` is the title of what is next."""
    return _draft(
        "phase_finished",
        f"Phase {phase} of “{title}” is finished",
        site,
        token,
        name=name,
        title=title,
        address=path_address(site, path),
        phase=phase,
        phase_title=phase_title,
        following=following,
    )


def reminder(site: str, token: str, name: str, stopped: Sequence[Stopped]) -> Draft:
    """Return the letter to somebody who has stopped in one or several paths."""
    (first, *others) = stopped
    more = f" and {len(others)} more" if others else ""
    paths = [(path, path_address(site, path.path)) for path in stopped]
    return _draft("reminder", f"“{first.title}”{more} waits for you", site, token, name=name, paths=paths)


def letter_id(*parts: str) -> str:
    """Return the id of the letter about something: the same each time, so that nobody gets it twice."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


def path_address(site: str, path: str) -> str:
    """Return where a path is on the site."""
    return f"{site.rstrip('/')}/paths/{quote(path, safe='')}"


def unsubscribe_address(site: str, token: str) -> str:
    """Return where letters are turned off, by a click or by a mail program (RFC 8058)."""
    return f"{site.rstrip('/')}/letters/off/{quote(token, safe='')}"


def subject_line(text: str) -> str:
    """Return a text as a subject: one line, without what could begin another header, and not too long."""
    line = " ".join("".join(it if it.isprintable() else " " for it in text).split())
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1].rstrip()}…"


def _draft(template: str, subject: str, site: str, token: str, **values: Any) -> Draft:
    values |= {"unsubscribe": unsubscribe_address(site, token), "subject": subject_line(subject)}
    return Draft(
        subject_line(subject),
        _ENVIRONMENT.get_template(f"{template}.txt").render(values).strip() + "\n",
        _ENVIRONMENT.get_template(f"{template}.html").render(values).strip() + "\n",
    )


_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
