"""Gather rows as columns of an Arrow table, block by block: a million rows take what their text takes, not what a million objects take."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

Cells = Mapping[str, Optional[str]]
BLOCK_ROWS = 20_000


def table(rows: Iterable[Cells], first: Sequence[str] = ()) -> Any:
    """Return a table of text with a column for every name that occurs, missing where a row lacks it; those of `first` come first, in that order."""
    import pyarrow as pa

    seen: Dict[str, None] = {}
    blocks = [_table(block, seen) for block in _blocks(rows)]
    if not blocks:
        return pa.table({})
    order = [name for name in first if name in seen] + [name for name in seen if name not in set(first)]
    whole = []
    for block in blocks:
        columns = [block.column(name) if name in block.column_names else pa.nulls(block.num_rows, pa.string()) for name in order]
        whole.append(pa.table(columns, names=order))
    return pa.concat_tables(whole)


def _blocks(rows: Iterable[Cells]) -> Iterator[List[Cells]]:
    block: List[Cells] = []
    for row in rows:
        block.append(row)
        if len(block) >= BLOCK_ROWS:
            yield block
            block = []
    if block:
        yield block


def _table(block: Sequence[Cells], seen: Dict[str, None]) -> Any:
    import pyarrow as pa

    names = list(dict.fromkeys(name for row in block for name in row))
    seen.update(dict.fromkeys(names))
    return pa.table([pa.array([row.get(name) or None for row in block], pa.string()) for name in names], names=names)


def write_csv(found: Any, path: Any) -> None:
    """Write a table as CSV with a header."""
    from pyarrow import csv

    csv.write_csv(found, str(path))
