"""A call of a method, with what is known of what it is called on and of its arguments."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.lint.values import NOTHING, Value

if TYPE_CHECKING:
    from pipelines.lint.interpreter import Interpreter


@dataclass(frozen=True)
class Call:
    """Hold a call of a method."""

    walk: Interpreter
    node: ast.Call
    base: Value
    args: list[Value]
    keywords: dict[str, Value]

    @property
    def target(self) -> ast.expr:
        """Return the expression that the method is called on."""
        assert isinstance(self.node.func, ast.Attribute)
        return self.node.func.value

    @property
    def name(self) -> str:
        """Return the method's name."""
        assert isinstance(self.node.func, ast.Attribute)
        return self.node.func.attr

    @property
    def values(self) -> list[Value]:
        """Return every argument."""
        return [*self.args, *self.keywords.values()]

    def argument(self, place: int, name: str) -> Value:
        """Return an argument by place or name."""
        return self.keywords.get(name, self.args[place] if place < len(self.args) else NOTHING)
