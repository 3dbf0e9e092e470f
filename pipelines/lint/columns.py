"""Which columns a value holds, as far as the text of a script tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LAST = "<last column>"


@dataclass(frozen=True)
class Columns:
    """Hold a set of column names: these (`inverted` false), or all of a table but these; nothing is known where `known` is false."""

    names: frozenset[str] = frozenset()
    inverted: bool = True
    known: bool = True

    def holds(self, name: str) -> bool:
        """Tell whether a column is certainly among these."""
        return self.known and (name in self.names) != self.inverted

    def certainly_only(self, names: Iterable[str]) -> bool:
        """Tell whether there is a column here and none but these."""
        return self.known and not self.inverted and bool(self.names) and self.names <= frozenset(names)

    @property
    def single(self) -> str | None:
        """Return the name of the only column, None when there are more or it is not known."""
        return next(iter(self.names)) if self.known and not self.inverted and len(self.names) == 1 else None

    def without(self, names: Iterable[str]) -> Columns:
        """Return these columns without some."""
        gone = frozenset(names)
        return Columns(self.names | gone if self.inverted else self.names - gone, self.inverted, self.known)

    def joined(self, other: Columns) -> Columns:
        """Return these columns and others."""
        if not (self.known and other.known):
            return UNKNOWN
        if self.inverted and other.inverted:
            return Columns(self.names & other.names)
        if self.inverted or other.inverted:
            most, few = (self, other) if self.inverted else (other, self)
            return Columns(most.names - few.names)
        return Columns(self.names | other.names, inverted=False)


ALL = Columns()
UNKNOWN = Columns(known=False)


def only(names: Iterable[str]) -> Columns:
    """Return these columns and no other."""
    return Columns(frozenset(names), inverted=False)
