"""A service's configuration: a frozen record."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a service, with a default and a unit a field.

    >>> class IdentitySettings(Settings):
    ...     session_days: int = 30
    >>> IdentitySettings().session_days
    30
    """
