"""What a walk over a script collects: what was learned where, which rows were split where, and what is found at once."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.lint.columns import Columns
from pipelines.lint.values import HELD_OUT, Learned, Part, Value, flat


@dataclass(frozen=True, eq=False)
class Found:
    """Hold a finding: the rule's code, the place, and what the rule's message tells."""

    rule: str
    node: ast.AST
    told: dict[str, object]


@dataclass(frozen=True, eq=False)
class Pair:
    """Hold features and label that were given to something together; `certain` is false where the label may yet be dropped."""

    features: Value
    label: Value
    node: ast.AST
    certain: bool


@dataclass(frozen=True, eq=False)
class Made:
    """Hold a column that a script makes of others."""

    roots: frozenset[int]
    name: str
    sources: Columns
    node: ast.AST


@dataclass
class Facts:
    """Collect what a script does."""

    found: list[Found] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    reached: dict[Learned, int] = field(default_factory=dict)
    split_lines: dict[int, int] = field(default_factory=dict)
    dropped_later: set[str] = field(default_factory=set)
    transformers: list[tuple[ast.AST, str]] = field(default_factory=list)
    scores: list[tuple[ast.AST, Value]] = field(default_factory=list)
    saves: bool = False
    processing: bool = False
    aligned: bool = False

    def report(self, rule: str, node: ast.AST, **told: object) -> None:
        """Keep a finding."""
        self.found.append(Found(rule, node, told))

    def split(self, node: ast.AST, values: Iterable[Value], *, folds: bool = False, shuffled: bool = False) -> None:
        """Note that rows are split here: what was learned from the same rows on their way is learned too early."""
        line = getattr(node, "lineno", 0)
        for value in [each for each in flat(values) if each.roots]:
            for learned in value.learned | value.mask:
                if learned.roots & value.roots and (learned.part is Part.whole or (learned.part is value.part and not folds)):
                    self.reached.setdefault(learned, line)
            for root in value.roots:
                self.split_lines.setdefault(root, line)
            if shuffled and value.ordered and not any(found.rule == "SW501" and found.node is node for found in self.found):
                self.report("SW501", node)

    def see(self, value: Value) -> None:
        """Look at rows of one split: nothing that was learned from all rows, or from held-out ones, may have reached them."""
        for each in flat([value]):
            if each.part in (Part.none, Part.whole) or each.index:
                continue
            for learned in each.learned | each.mask:
                if not learned.roots & each.roots:
                    continue
                lines = [self.split_lines[root] for root in learned.roots & each.roots if root in self.split_lines]
                if learned.part is Part.whole and lines:
                    self.reached.setdefault(learned, min(lines))
                elif learned.part is each.part and each.part in HELD_OUT and learned.rule == "SW105":
                    self.report("SW102", learned.node, what=learned.what, part=learned.part.value)
