"""Athena's SQL as DuckDB says it, and the tables that it names. PURE."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UsageError

CATALOG = "awsdatacatalog"


@dataclass(frozen=True)
class TableName:
    """Name a table of the Glue catalog; all parts are in lower case, as Glue keeps them."""

    catalog: str
    database: str
    table: str

    def __str__(self) -> str:
        return f"{self.database}.{self.table}" if self.catalog == CATALOG else f"{self.catalog}.{self.database}.{self.table}"

    def spellings(self) -> tuple[str, ...]:
        """Return the names under which a file may have been given for it, the fullest first."""
        return f"{self.catalog}.{self.database}.{self.table}", f"{self.database}.{self.table}", self.table


@dataclass(frozen=True)
class Query:
    """Hold a query for DuckDB; `tables` are the tables it names, by the names that stand for them in its text.

    `columns` are the names of its columns, empty when the query leaves them to `*`.
    """

    sql: str
    tables: dict[str, TableName]
    columns: tuple[str, ...]


def translate(text: str, catalog: str, database: str) -> Query:
    """Return a query of Athena's for DuckDB; a table without catalog or database is in those given.

    Raises:
        UsageError: it is not one SELECT, or a column of its result has no name or the name of another one.
    """
    tree = _parsed(text)
    columns = _columns(tree, text)
    names = _tables(tree, catalog.lower(), database.lower())
    tree = tree.transform(_formatted)
    return Query(tree.sql(dialect="duckdb"), names, columns)


def _parsed(text: str) -> Any:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [statement for statement in sqlglot.parse(text, read="athena") if statement is not None]
    except (SqlglotError, RecursionError) as error:
        raise UsageError(f"this is not SQL{_place(error)}", where="query", got=repr(text[:200])) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UsageError(
            "this is not one SELECT", where="query", got=repr(text[:200]), expected="SELECT ... or WITH ... SELECT ..., which reads and changes nothing"
        )
    changing = statements[0].find(exp.DML, exp.DDL, exp.Command, exp.Into)
    if changing is not None and not isinstance(changing, exp.Query):
        raise UsageError("the query changes something", where="query", got=changing.sql()[:200], expected="SELECT")
    return statements[0]


def _place(error: Any) -> str:
    """Return where the parser stopped, in words; nothing when it does not say."""
    told = (getattr(error, "errors", None) or [{}])[0]
    return f" near {told['highlight']!r}, line {told['line']}, column {told['col']}" if told.get("line") else ""


def _columns(tree: Any, text: str) -> tuple[str, ...]:
    """Return the names of the result's columns; Athena stores a result in a table, so each needs a name of its own."""
    if tree.is_star:
        return ()
    if not tree.selects:
        raise UsageError("the query selects nothing", where="query", got=repr(text[:200]))
    names = [str(name).lower() for name in tree.named_selects]
    if not all(names):
        expression = next(select.sql(dialect="athena") for select, name in zip(tree.selects, names, strict=True) if not name)
        raise UsageError(
            "a column of the result has no name", where="query", got=expression[:200], hint="Give it one with AS; Athena refuses to store it otherwise."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError("two columns of the result have the same name", where="query", got=repr(twice[0]), hint="Rename one with AS.")
    return tuple(names)


def _formatted(node: Any) -> Any:
    """Say `format` as DuckDB's `printf`: its own `format` has other marks and leaves %s as it is; %s takes text only there."""
    from sqlglot import exp

    if not isinstance(node, exp.Format) or not isinstance(node.this, exp.Literal):
        return node
    marks = [mark for mark in re.findall(r"%[^a-zA-Z%]*([a-zA-Z%])", node.this.this) if mark != "%"]
    values = [exp.cast(value, "text") if mark == "s" else value for mark, value in zip(marks, node.expressions, strict=False)]
    return exp.Anonymous(this="printf", expressions=[node.this, *values, *node.expressions[len(marks) :]])


def _tables(tree: Any, catalog: str, database: str) -> dict[str, TableName]:
    """Put a plain name in place of each table and return what the names stand for."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    found: dict[TableName, str] = {}
    nodes = [source for scope in traverse_scope(tree) for source in scope.sources.values() if isinstance(source, exp.Table)]
    for node in {id(node): node for node in nodes}.values():
        if not isinstance(node.this, exp.Identifier):
            raise UsageError(
                "the query reads from something that is no table", where="query", got=node.sql(dialect="athena")[:200], expected="tables of the data catalog"
            )
        name = TableName((node.catalog or catalog).lower(), (node.db or database).lower(), node.name.lower())
        plain = found.setdefault(name, f"table_{len(found)}")
        alias = node.alias or node.name
        node.set("catalog", None)
        node.set("db", None)
        node.set("this", exp.to_identifier(plain))
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    for column in tree.find_all(exp.Column):
        column.set("catalog", None)
        column.set("db", None)
    return {plain: name for name, plain in found.items()}
