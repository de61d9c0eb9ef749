"""Which names and passwords learners may have."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from freestone.errors import InvalidArgument

LONGEST_NAME: Final = 40
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 256
LONGEST_EMAIL: Final = 254

_NAME = re.compile(r"[^\W_][\w .-]*")
# As browsers do: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")


def clean_name(name: str) -> str:
    """Return the name as it is kept: composed, and with single spaces between its words.

    Raises InvalidArgument if nobody may have such a name.
    """
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean:
        raise InvalidArgument("the name is empty", field="name")
    if len(clean) > LONGEST_NAME:
        raise InvalidArgument(f"the name has more than {LONGEST_NAME} characters", field="name")
    if not _NAME.fullmatch(clean):
        reason = "a name starts with a letter or digit; letters, digits, spaces and ._- may follow"
        raise InvalidArgument(reason, field="name")
    return clean


def name_key(name: str) -> str:
    """Return what two spellings of one name have in common, for any text."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def clean_email(email: str) -> str:
    """Return the address without spaces around it; empty if there is none.

    Raises InvalidArgument if it does not look like one. Whether it is the learner's, only a letter could show.
    """
    clean = email.strip()
    if len(clean) > LONGEST_EMAIL:
        raise InvalidArgument(f"the address has more than {LONGEST_EMAIL} characters", field="email")
    if clean and not _EMAIL.fullmatch(clean):
        raise InvalidArgument("this is no email address, as ada@example.org is", field="email")
    return clean


def check_password(password: str, name: str) -> None:
    """Raise InvalidArgument if nobody of that name may have such a password.

    Length is what counts, and nothing is asked of the mixture of characters: NIST SP 800-63B, section 5.1.1.2.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidArgument(f"the password has fewer than {SHORTEST_PASSWORD} characters", field="password")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidArgument(f"the password has more than {LONGEST_PASSWORD} characters", field="password")
    if name_key(password) == name_key(name):
        raise InvalidArgument("the password is the name", field="password")
