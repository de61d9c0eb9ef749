"""A text that never prints."""

from __future__ import annotations

from typing import NoReturn, final


@final
class Secret:
    """Holds a text that must not be seen: a password, a key, a token.

    >>> token = Secret("hunter2")
    >>> print(token, f"{token}", [token])
    Secret(…) Secret(…) [Secret(…)]
    >>> token.reveal()
    'hunter2'
    """

    __slots__ = ("_text",)

    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, specification: str) -> str:
        return format(repr(self), specification)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not tell where two texts differ."""
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # loads OpenSSL, which a service can do without that compares no secrets

        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret is immutable")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret can't be pickled")
