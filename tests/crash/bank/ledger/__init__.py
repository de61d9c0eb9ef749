"""Money that moves between accounts, and a journal of it."""

from . import witness as witness
