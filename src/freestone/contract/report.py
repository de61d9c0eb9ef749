"""The mistakes of one declaration, collected so that they are reported together."""

from __future__ import annotations

from typing import final

from freestone.errors import DeclarationError, Mistake

from .place import FindPlace, Place


@final
class Report:
    """Collects mistakes; raises them as one error."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def __len__(self) -> int:
        return len(self.mistakes)

    def add(self, subject: str, problem: str, advice: str, place: FindPlace = Place) -> None:
        """Note a mistake. The place is looked up now."""
        found = place()
        self.mistakes.append(Mistake(subject, problem, advice, found.file, found.line))

    def raise_if_any(self) -> None:
        """Raise DeclarationError with all that was noted, in the order of the source; do nothing if all is well."""
        if self.mistakes:
            raise DeclarationError(sorted(self.mistakes, key=lambda mistake: (mistake.file, mistake.line)))
