"""Read the rows of a JSON or JSON Lines request, in the layouts that clients of SageMaker use."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Tuple

from jobkit.serving.columns_given import Known, layout, strange
from jobkit.serving.given import MANY, Given, as_table, check_plain
from jobkit.serving.refusal import RequestError

# Where a document that is no row itself keeps its rows.
LISTS = ("instances", "Input", "inputs", "data")
ROW, EXPLAIN = "features", "explain"
BODY = "the JSON body"
Row = Dict[str, Any]


def read(body: bytes, columns: Known) -> Given:
    """Return the rows of a document: one object, a list of objects or of lists, or such a list below `instances` or `Input`.

    Raises:
        RequestError: it is no JSON in UTF-8 or holds no rows, or their columns are not those of the model.
    """
    document = _parsed(body, BODY)
    explain = False
    if isinstance(document, dict) and isinstance(document.get(EXPLAIN), bool) and EXPLAIN not in columns.kinds:
        explain = document[EXPLAIN]
        document = {key: value for key, value in document.items() if key != EXPLAIN}
    items, named = _items(document, columns)
    if len(items) == 1:
        return Given([_row(items[0], columns, BODY if named is None and isinstance(document, dict) else _where(named, 0))], explain=explain)
    return _given([_row(item, columns, _where(named, place)) for place, item in enumerate(items)], columns, explain)


def read_lines(body: bytes, columns: Known) -> Given:
    """Return the rows of JSON Lines, an object or a list in each line.

    Raises:
        RequestError: see `read`.
    """
    lines = [line for line in body.split(b"\n") if line.strip()]
    try:
        items = json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        items = [_parsed(line, "line {} of the JSON Lines".format(place + 1)) for place, line in enumerate(lines)]
    if len(items) != len(lines):
        raise RequestError("the JSON Lines: {} lines hold {} values; expected one object or list in each line".format(len(lines), len(items)))
    return _given([_row(item, columns, "line {} of the JSON Lines".format(place + 1)) for place, item in enumerate(items)], columns, False)


def _given(rows: List[Row], columns: Known, explain: bool) -> Given:
    return Given(table=as_table(rows, columns), explain=explain, names=rows) if len(rows) > MANY else Given(rows, explain=explain)


def _parsed(body: bytes, where: str) -> Any:
    try:
        return json.loads(body)
    except UnicodeDecodeError:
        raise RequestError("{}: it is not UTF-8".format(where)) from None
    except RecursionError:
        raise RequestError("{}: it is nested too deeply".format(where)) from None
    except ValueError as error:
        raise RequestError("{}: this is not JSON: {}".format(where, error)) from None


def _where(named: Optional[str], place: int) -> str:
    return "{}, {}[{}]".format(BODY, named or "row ", place) if named else "{}, row {}".format(BODY, place + 1)


def _items(document: Any, columns: Known) -> Tuple[List[Any], Optional[str]]:
    """Return the rows in a document, and the member that holds them."""
    if isinstance(document, dict):
        for name in LISTS if columns.names.isdisjoint(document) else ():
            if name in document:
                return _list(document[name], "{}, {}".format(BODY, name)), name
        return [document], None
    return _list(document, BODY), None


def _list(value: Any, where: str) -> List[Any]:
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise RequestError("{}: got {}; expected an object or a list of rows".format(where, _kind(value)))
    if not value:
        raise RequestError("{}: the list of rows is empty".format(where))
    return value if isinstance(value[0], (list, dict)) else [value]


def _row(item: Any, columns: Known, where: str) -> Row:
    if isinstance(item, dict) and ROW in item and ROW not in columns.kinds and isinstance(item[ROW], (list, dict)):
        item = item[ROW]
    if isinstance(item, list):
        item = dict(zip(layout(columns, len(item), where), item))
    if not isinstance(item, dict):
        raise RequestError("{}: got {}; expected an object or a list of values".format(where, _kind(item)))
    if columns.names.isdisjoint(item):
        raise strange(columns, list(item), where)
    check_plain(item, where)
    return item


def _kind(value: Any) -> str:
    names: Mapping[type, str] = {str: "text", bool: "true or false", type(None): "null", dict: "an object", list: "a list"}
    return names.get(type(value), "a number")
