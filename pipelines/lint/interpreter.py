"""Walk over a script in the order in which Python runs it, and keep for every variable what is known of it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping

from pipelines.lint.columns import UNKNOWN, only
from pipelines.lint.expressions import evaluate
from pipelines.lint.facts import Facts, Made
from pipelines.lint.names import constant, dotted, imported
from pipelines.lint.values import ENTIRE, NOTHING, Part, Thing, Value, flat, listed, part_of_name

DEEPEST = 8
# So many calls of a script's own functions are followed; then what they return is unknown.
MOST_CALLS = 2_000
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Interpreter:
    """Hold the state of a walk: names in scope, imports, functions and what was found."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.facts = Facts()
        self.scopes: list[dict[str, Value]] = [{}]
        self.aliases: dict[str, str] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.called: set[ast.AST] = set()
        self.stack: list[str] = []
        self.returned: list[list[Value]] = []
        self.seeded: set[str] = set()
        self.calls = 0
        self.roots = itertools.count(1)

    def root(self) -> frozenset[int]:
        """Return the identity of a table that is new."""
        return frozenset({next(self.roots)})

    def lookup(self, name: str) -> Value | None:
        """Return what a name stands for, None when it is not known."""
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def script(self, tree: ast.Module) -> Facts:
        """Walk over a whole script: what it runs, then the functions and methods that it only defines."""
        self.block(tree.body)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "/opt/ml/processing" in node.value:
                self.facts.processing = True
        for body in [tree.body, *(each.body for each in self.classes.values())]:
            self._uncalled(body)
        return self.facts

    def _uncalled(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, Function) and node not in self.called:
                self.call(node, self._guessed(node))

    def _guessed(self, node: Function) -> dict[str, Value]:
        """Return what the parameters of a function hold by their names."""
        parts, given = self.root(), {}
        for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            part = part_of_name(each.arg)
            if part is Part.none and ENTIRE.match(each.arg):
                part = Part.whole
            if part is not Part.none and not each.arg.lower().endswith(("path", "dir", "file", "size", "ratio", "uri", "fraction", "name")):
                given[each.arg] = Value(part=part, roots=self.root() if part is Part.whole else parts)
        return given

    def call(self, node: Function, given: Mapping[str, Value]) -> Value:
        """Walk over a function with these arguments and return what it returns."""
        self.called.add(node)
        self.calls += 1
        if node.name in self.stack or len(self.stack) >= DEEPEST or self.calls > MOST_CALLS:
            return NOTHING
        self.stack.append(node.name)
        self.scopes.append(dict(given))
        self.returned.append([])
        self.block(node.body)
        self.scopes.pop()
        self.stack.pop()
        return joined(self.returned.pop())

    def lambda_(self, node: ast.Lambda, given: Mapping[str, Value]) -> Value:
        """Walk over a lambda with these arguments, nothing known of others, and return what it returns."""
        if len(self.scopes) > MOST_CALLS:
            return NOTHING
        self.scopes.append({**{each.arg: NOTHING for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}, **given})
        value = evaluate(self, node.body)
        self.scopes.pop()
        return value

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Walk over statements."""
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """Walk over a statement."""
        method = getattr(self, f"on_{type(node).__name__}", None)
        if method is not None:
            method(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                evaluate(self, child)

    def on_Import(self, node: ast.Import) -> None:
        """Note what names stand for."""
        self.aliases |= imported(node)

    def on_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Note what names stand for."""
        self.aliases |= imported(node)

    def on_FunctionDef(self, node: Function) -> None:
        """Note a function; it is walked over where it is called."""
        self.scopes[-1][node.name] = Value(function=node)

    on_AsyncFunctionDef = on_FunctionDef

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        """Note a class: with a method `transform` its objects are transformers."""
        self.classes[node.name] = node

    def on_Return(self, node: ast.Return) -> None:
        """Keep what a function returns."""
        value = evaluate(self, node.value) if node.value is not None else NOTHING
        if self.returned:
            self.returned[-1].append(value)

    def on_Assign(self, node: ast.Assign) -> None:
        """Bind names."""
        value = evaluate(self, node.value)
        for target in node.targets:
            self.bind(target, value)

    def on_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Bind a name."""
        if node.value is not None:
            self.bind(node.target, evaluate(self, node.value))

    def on_AugAssign(self, node: ast.AugAssign) -> None:
        """Bind a name to what it was and more."""
        self.bind(node.target, evaluate(self, ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)))

    def on_Delete(self, node: ast.Delete) -> None:
        """Forget a name, or drop a column."""
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(constant(target.slice), str):
                value = evaluate(self, target.value)
                self.replace(target.value, value.having(columns=value.columns.without([str(constant(target.slice))])))

    def on_If(self, node: ast.If) -> None:
        """Walk over both branches, each from the same start, and join what they leave."""
        evaluate(self, node.test)
        before = dict(self.scopes[-1])
        self.block(node.body)
        first = self.scopes[-1]
        self.scopes[-1] = before
        self.block(node.orelse)
        second = self.scopes[-1]
        self.scopes[-1] = {name: joined([each[name] for each in (first, second) if name in each]) for name in {**first, **second}}

    def on_For(self, node: ast.For | ast.AsyncFor) -> None:
        """Walk over a loop's body once with an item."""
        self.bind(node.target, item(evaluate(self, node.iter)))
        self.block(node.body)
        self.block(node.orelse)

    on_AsyncFor = on_For

    def on_While(self, node: ast.While) -> None:
        """Walk over a loop's body once."""
        evaluate(self, node.test)
        self.block([*node.body, *node.orelse])

    def on_With(self, node: ast.With | ast.AsyncWith) -> None:
        """Walk over the body."""
        for each in node.items:
            value = evaluate(self, each.context_expr)
            if each.optional_vars is not None:
                self.bind(each.optional_vars, value)
        self.block(node.body)

    on_AsyncWith = on_With

    def on_Try(self, node: ast.Try) -> None:
        """Walk over everything in order."""
        handled: Iterator[ast.stmt] = itertools.chain.from_iterable(handler.body for handler in node.handlers)
        self.block([*node.body, *handled, *node.orelse, *node.finalbody])

    def on_Match(self, node: ast.Match) -> None:
        """Walk over every case."""
        evaluate(self, node.subject)
        for case in node.cases:
            self.block(case.body)

    def bind(self, target: ast.expr, value: Value) -> None:
        """Bind a target: a name, names, a column of a table, an attribute."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for place, each in enumerate(target.elts):
                whole = value.items is None or isinstance(each, ast.Starred)
                self.bind(each.value if isinstance(each, ast.Starred) else each, item(value) if whole else _at(value, place))
        elif isinstance(target, ast.Subscript):
            self._column(target, value)
        else:
            name = dotted(target)
            if name is not None:
                self.set(name, self._named(name, target, value))

    def set(self, name: str, value: Value) -> None:
        """Bind a name where it is known (`self.x` in the outermost scope, so that methods share it), else in the innermost scope."""
        self.scopes[0 if "." in name else -1][name] = value

    def _named(self, name: str, node: ast.expr, value: Value) -> Value:
        """Return a value as a variable of this name holds it: rows chosen for `train` are a split by hand."""
        part = part_of_name(name.rpartition(".")[2])
        if value.chosen and part is not Part.none and value.part is Part.whole:
            self.facts.split(node, [value.having(mask=frozenset())])
            return value.having(part=part, chosen=False, mask=frozenset())
        if (value.chosen or (value.read and value.part is Part.whole)) and part is not Part.none and value.part is not Part.none:
            value = value.having(part=part)
        if value.is_data:
            value = value.having(chosen=False, learned=value.learned | value.mask, mask=frozenset())
        self.facts.see(value)
        return value

    def _column(self, target: ast.Subscript, value: Value) -> None:
        """Put a column into a table."""
        table = evaluate(self, target.value)
        name = constant(target.slice)
        if isinstance(name, str) and not table.is_data:
            self.replace(target.value, table.having(fields={**table.fields, name: value}))
        if not table.is_data:
            return
        place = target.slice.elts[-1] if isinstance(target.slice, ast.Tuple) and target.slice.elts else target.slice
        column = constant(place)
        if isinstance(column, str):
            self._made(table, column, value, target)
            table = table.having(columns=table.columns.joined(only([column])))
        self.replace(target.value, table.taught(value))

    def _made(self, table: Value, column: str, value: Value, node: ast.AST) -> None:
        if value.columns.known and not value.columns.inverted and value.roots & table.roots:
            self.facts.made.append(Made(table.roots, column, value.columns, node))

    def replace(self, target: ast.expr, value: Value) -> None:
        """Bind the variable behind an expression such as `frame.loc` to what was done to it in place."""
        name = dotted(target)
        if name is not None and self.lookup(name) is not None:
            scope = next(scope for scope in reversed(self.scopes) if name in scope)
            scope[name] = value
            self.facts.see(value)
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            base = evaluate(self, target.value)
            self.replace(target.value, base.taught(value))

    def instance(self, name: str) -> Thing | None:
        """Return an object of a class of the script's own."""
        node = self.classes.get(name)
        if node is None:
            return None
        methods = {each.name for each in node.body if isinstance(each, Function)}
        return Thing("transformer" if "transform" in methods else "model", name)


def _at(value: Value, place: int) -> Value:
    items = value.items or ()
    return items[place] if place < len(items) else NOTHING


def item(value: Value) -> Value:
    """Return one item of what is looped over."""
    if value.items:
        return joined(value.items)
    if value.is_data:
        return value.having(columns=UNKNOWN, chosen=False)
    return NOTHING if value.names or value.texts else value


def joined(values: Iterable[Value]) -> Value:
    """Return what is known of a name that is one of these: the first with rows, and what was learned for any."""
    every = list(values)
    if not every:
        return NOTHING
    lists = [value for value in every if value.items is not None]
    if lists and len({len(value.items or ()) for value in lists}) == 1:
        return listed(tuple(joined(each) for each in zip(*(value.items or () for value in lists), strict=True)))
    first = next((value for value in every if value.is_data or value.thing is not None), every[-1])
    same = all(value.columns == first.columns for value in flat(every) if value.is_data)
    return first.taught(*every) if same else first.taught(*every).having(columns=UNKNOWN)
