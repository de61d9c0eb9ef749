"""Names fit for an address, made of titles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 80


def slug(title: str) -> str:
    """Return the title in lower case, without accents, its words joined by hyphens; "" if it has no letter or digit.

    Letters of every script are kept: a browser shows them, and percent-encodes them where it must.

    >>> slug("Café: the “best” practices!")
    'cafe-the-best-practices'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", title.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", plain))
    return "-".join(words)[:LONGEST].rstrip("-")


def unique_slugs(titles: Iterable[str]) -> list[str]:
    """Return a slug for each title; one that an earlier title has taken gets a number.

    >>> unique_slugs(["Design", "Practice", "Design"])
    ['design', 'practice', 'design-2']
    """
    taken: set[str] = set()
    result: list[str] = []
    for title in titles:
        plain = slug(title)
        candidate, number = plain, 1
        while candidate in taken:
            number += 1
            candidate = f"{plain}-{number}"
        taken.add(candidate)
        result.append(candidate)
    return result
