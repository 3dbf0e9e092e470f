"""RecordIO-wrapped protobuf (`application/x-recordio-protobuf`): tables of numbers as the built-in algorithms read and write them.

A file is a sequence of RecordIO frames (MXNet's format: magic, length with a part flag in its upper three bits, padding to four bytes), each of which
holds one `aialgs.data.Record` (AWS developer guide, "Common data formats for training"). The few rules of protobuf's wire format that it takes are here,
so that no protobuf package is needed. What is read is bounded by the size of the files: no length in them is trusted before it is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.recordio_frames import HEADER, MAGIC, framed

LENGTH_BITS = 29
WHOLE_RECORD, FIRST_PART, MIDDLE_PART, LAST_PART = 0, 1, 2, 3
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
FEATURES, LABEL = 1, 2
MAP_KEY, MAP_VALUE = 1, 2
FLOAT32_TENSOR, FLOAT64_TENSOR, INT32_TENSOR, BYTES = 2, 3, 7, 9
VALUES, KEYS, SHAPE = 1, 2, 3
FIXED_WIDTH_BYTES = {FIXED64: 8, FIXED32: 4}
FLOATS = {FLOAT32_TENSOR: (FIXED32, "<f4"), FLOAT64_TENSOR: (FIXED64, "<f8")}
MAX_WIDTH = 2**31 - 1


class _Malformed(Exception):
    """Say what is wrong with one record."""


class _Tensor(NamedTuple):
    """Hold a record's numbers (float32); `keys` (int64) are their columns when the row is sparse, `width` the number of columns when stated."""

    values: Any
    keys: Any
    width: int | None


def read(files: Sequence[Path]) -> tuple[Any, Any]:
    """Return features, (rows, columns) float32, as an array or for sparse records as scipy's csr_matrix, and labels, (rows,) float32, or None.

    Raises:
        CustomerError: a file is no RecordIO, is cut off, or its records do not make a table.
    """
    features: list[_Tensor] = []
    labels: list[Any] = []
    for path in files:
        _read_file(path, features, labels)
    if not features:
        raise CustomerError(f"RecordIO: no records in {', '.join(path.name for path in files) or 'no files'}. Give at least one record.")
    table = _dense(features) if features[0].keys is None else _sparse(features)
    return table, None if labels[0] is None else numpy.array(labels, dtype=numpy.float32)


def _read_file(path: Path, features: list[_Tensor], labels: list[Any]) -> None:
    """Append the rows of a file.

    Raises:
        CustomerError: a record is malformed, or does not fit the ones before it.
    """
    number = 1
    try:
        for data, start, end in _frames(path.read_bytes()):
            row, label = _record(data, start, end)
            if features:
                _check_alike(features[0], labels[0], row, label)
            features.append(row)
            labels.append(label)
            number += 1
    except _Malformed as fault:
        raise CustomerError(f"RecordIO: {path.name}, record {number}: {fault}. Write the file anew as application/x-recordio-protobuf.") from None


def _check_alike(first: _Tensor, first_label: Any, row: _Tensor, label: Any) -> None:
    if (first.keys is None) != (row.keys is None):
        raise _Malformed("dense and sparse records are mixed; expected one kind")
    if first.width != row.width:
        raise _Malformed(f"{row.width} columns; expected {first.width} as in the first record")
    if (first_label is None) != (label is None):
        raise _Malformed("some records have a label and some have none; expected all or none")


def _dense(rows: list[_Tensor]) -> Any:
    return numpy.concatenate([row.values for row in rows]).reshape(len(rows), -1)


def _sparse(rows: list[_Tensor]) -> Any:
    import scipy.sparse

    ends = numpy.cumsum([0, *(len(row.keys) for row in rows)])
    parts = numpy.concatenate([row.values for row in rows]), numpy.concatenate([row.keys for row in rows]), ends
    return scipy.sparse.csr_matrix(parts, shape=(len(rows), rows[0].width), dtype=numpy.float32)


# Frames.


def _frames(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield where each record is: a buffer, and the record's first and last byte in it; parts of a record are put together."""
    at, parts = 0, list[bytes]()
    while at < len(body):
        flag, start, end = _frame(body, at)
        at = end + -end % 4
        if flag == WHOLE_RECORD and not parts:
            yield body, start, end
            continue
        if (flag == FIRST_PART) == bool(parts) or flag > LAST_PART or flag == WHOLE_RECORD:
            raise _Malformed(f"part flag {flag} is out of order")
        parts.append(body[start:end])
        if flag == LAST_PART:
            # The writer takes a magic number out of the record wherever it cuts it.
            joined = struct.pack("<I", MAGIC).join(parts)
            parts = []
            yield joined, 0, len(joined)
    if parts:
        raise _Malformed("the file ends within a record of several parts")


def _frame(body: bytes, at: int) -> tuple[int, int, int]:
    """Return a frame's part flag and where its data is."""
    start = at + HEADER.size
    if start > len(body):
        raise _Malformed(f"the file ends within a frame's header, at byte {at}")
    magic, word = HEADER.unpack_from(body, at)
    if magic != MAGIC:
        raise _Malformed(f"got magic number 0x{magic:08x} at byte {at}, expected 0x{MAGIC:08x}")
    flag, length = word >> LENGTH_BITS, word & (1 << LENGTH_BITS) - 1
    if start + length > len(body):
        raise _Malformed(f"a length of {length} bytes at byte {at}, but the file has {len(body) - start} more")
    return flag, start, start + length


# The wire format of protobuf.


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise _Malformed("a number of more than 64 bits")
    raise _Malformed("a number is cut off")


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the fields of a message: number, wire type, and where the payload is."""
    at = start
    while at < end:
        tag, at = _varint(data, at, end)
        wire = tag & 7
        if wire == DELIMITED:
            size, first = _varint(data, at, end)
            at = first + size
        elif wire == VARINT:
            first = at
            _, at = _varint(data, at, end)
        elif wire in FIXED_WIDTH_BYTES:
            first = at
            at += FIXED_WIDTH_BYTES[wire]
        else:
            raise _Malformed(f"wire type {wire} is not one of this format")
        if at > end:
            raise _Malformed(f"field {tag >> 3} is cut off: it has {at - first} bytes, and {end - first} are left")
        yield tag >> 3, wire, first, at


def _varints(data: bytes, start: int, end: int) -> Any:
    """Return the packed numbers in a stretch of bytes, (n,) uint64."""
    packed = numpy.frombuffer(data, numpy.uint8, end - start, start)
    last = numpy.flatnonzero(packed < 0x80)
    if len(packed) and (not len(last) or last[-1] != len(packed) - 1):
        raise _Malformed("a list of numbers is cut off")
    if len(last) == len(packed):
        return packed.astype(numpy.uint64)
    first = numpy.concatenate([[0], last[:-1] + 1])
    if (last - first).max() > 9:
        raise _Malformed("a number of more than 64 bits")
    place = numpy.arange(len(packed)) - numpy.repeat(first, last - first + 1)
    return numpy.add.reduceat((packed & 0x7F).astype(numpy.uint64) << (place * 7).astype(numpy.uint64), first)


# Amazon's Record.


def _record(data: bytes, start: int, end: int) -> tuple[_Tensor, Any]:
    """Return a record's row and its label, or None."""
    features: dict[bytes, _Tensor] = {}
    labels: dict[bytes, _Tensor] = {}
    entries = {FEATURES: features, LABEL: labels}
    for number, wire, first, last in _fields(data, start, end):
        if number in entries and wire == DELIMITED:
            key, tensor = _entry(data, first, last)
            entries[number][key] = tensor
    row = _the_one(features, "feature")
    if row is None:
        raise _Malformed("no features; expected a tensor named 'values'")
    label = _the_one(labels, "label")
    if label is not None and len(label.values) != 1:
        raise _Malformed(f"{len(label.values)} labels; expected 1")
    return _shaped(row), None if label is None else label.values[0]


def _the_one(tensors: dict[bytes, _Tensor], what: str) -> _Tensor | None:
    if len(tensors) > 1 and b"values" not in tensors:
        raise _Malformed(f"{len(tensors)} {what} tensors, none of them named 'values'; expected one")
    return tensors.get(b"values") or next(iter(tensors.values()), None)


def _shaped(row: _Tensor) -> _Tensor:
    """Return a row whose width is known, and whose keys, if any, are within it.

    A sparse row of zeros has a shape and neither keys nor values: the protobuf package writes no empty lists.
    """
    if row.keys is None and row.width is not None and not len(row.values):
        row = row._replace(keys=numpy.zeros(0, numpy.uint64))
    if row.keys is None:
        if not len(row.values):
            raise _Malformed("no values; expected one or more")
        if row.width not in (None, len(row.values)):
            raise _Malformed(f"{len(row.values)} values with shape {row.width}; expected as many, or keys")
        return row._replace(width=len(row.values))
    if row.width is None or not 1 <= row.width <= MAX_WIDTH:
        raise _Malformed(f"a sparse row of shape {row.width}; expected 1 to {MAX_WIDTH}")
    if len(row.keys) != len(row.values):
        raise _Malformed(f"{len(row.keys)} keys for {len(row.values)} values; expected as many")
    if len(row.keys) and row.keys.max() >= row.width:
        raise _Malformed(f"key {row.keys.max()} is out of the shape {row.width}")
    if len(numpy.unique(row.keys)) != len(row.keys):
        raise _Malformed("a key is there twice")
    return row._replace(keys=row.keys.astype(numpy.int64))


def _entry(data: bytes, start: int, end: int) -> tuple[bytes, _Tensor]:
    """Return name and tensor of a map's entry."""
    key, tensor = b"", _Tensor(numpy.zeros(0, numpy.float32), None, None)
    for number, wire, first, last in _fields(data, start, end):
        if number == MAP_KEY and wire == DELIMITED:
            key = data[first:last]
        elif number == MAP_VALUE and wire == DELIMITED:
            tensor = _value(data, first, last)
    return key, tensor


def _value(data: bytes, start: int, end: int) -> _Tensor:
    """Return the tensor that a Value holds; of several the last one counts."""
    found = None
    for number, wire, first, last in _fields(data, start, end):
        if number == BYTES:
            raise _Malformed("a value of bytes; expected numbers")
        if wire == DELIMITED and (number in FLOATS or number == INT32_TENSOR):
            found = _tensor(data, first, last, number)
    if found is None:
        raise _Malformed("a value without numbers; expected a float32, float64 or int32 tensor")
    return found


def _tensor(data: bytes, start: int, end: int, kind: int) -> _Tensor:
    lists: dict[int, list[Any]] = {VALUES: [], KEYS: [], SHAPE: []}
    for number, wire, first, last in _fields(data, start, end):
        if number == VALUES:
            lists[VALUES].append(_numbers(data, wire, first, last, kind))
        elif number in lists:
            lists[number].append(_whole_numbers(data, wire, first, last))
    shape = _joined(lists[SHAPE])
    if len(shape) > 1:
        raise _Malformed(f"a tensor of {len(shape)} dimensions; expected a row")
    return _Tensor(_joined(lists[VALUES]), _joined(lists[KEYS]) if lists[KEYS] else None, int(shape[0]) if len(shape) else None)


def _joined(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    return numpy.concatenate(parts) if parts else numpy.zeros(0, numpy.float32)


def _whole_numbers(data: bytes, wire: int, start: int, end: int) -> Any:
    if wire not in (DELIMITED, VARINT):
        raise _Malformed(f"keys or shape of wire type {wire}; expected whole numbers")
    return _varints(data, start, end)


def _numbers(data: bytes, wire: int, start: int, end: int, kind: int) -> Any:
    """Return a tensor's values, (n,) float32, packed or one by one."""
    if kind == INT32_TENSOR:
        # Only the lower 32 bits count: a negative number has its sign in all 64.
        return _whole_numbers(data, wire, start, end).astype(numpy.uint32).view(numpy.int32).astype(numpy.float32)
    single, dtype = FLOATS[kind]
    size = FIXED_WIDTH_BYTES[single]
    if wire not in (DELIMITED, single) or (end - start) % size:
        raise _Malformed(f"{end - start} bytes of values with wire type {wire}; expected packed numbers of {size} bytes")
    values = numpy.frombuffer(data, dtype, (end - start) // size, start)
    with numpy.errstate(all="ignore"):
        return values.astype(numpy.float32)


# Writing.


def write(path: Path, features: Any, labels: Any = None) -> None:
    """Write features, (rows, columns), as float32, dense or for a scipy matrix sparse, with labels, (rows,), when given.

    A record is one frame, as the SDK's writer makes it.

    Raises:
        CustomerError: there are not as many labels as rows, or the features are no table.
    """
    if len(features.shape) != 2 or (labels is not None and len(labels) != features.shape[0]):
        told = "none" if labels is None else len(labels)
        raise CustomerError(f"RecordIO: features of shape {features.shape} with labels: {told}; expected a table and a label a row")
    with open(path, "wb") as file:
        for number, row in enumerate(_rows(features)):
            label = b"" if labels is None else _map_entry(LABEL, _packed(VALUES, numpy.asarray(labels[number], "<f4").tobytes()))
            record = _map_entry(FEATURES, row) + label
            file.write(framed(record))


def _rows(features: Any) -> Iterator[bytes]:
    """Yield every row as a tensor's bytes."""
    if hasattr(features, "tocsr"):
        table = features.tocsr()
        shape = _packed(SHAPE, _to_varint(table.shape[1]))
        for first, last in zip(table.indptr[:-1], table.indptr[1:], strict=True):
            keys = b"".join(_to_varint(int(key)) for key in table.indices[first:last])
            yield _packed(VALUES, table.data[first:last].astype("<f4").tobytes()) + _packed(KEYS, keys) + shape
    else:
        for row in numpy.asarray(features, "<f4"):
            yield _packed(VALUES, row.tobytes())


def _map_entry(number: int, tensor: bytes) -> bytes:
    return _packed(number, _packed(MAP_KEY, b"values") + _packed(MAP_VALUE, _packed(FLOAT32_TENSOR, tensor)))


def _packed(number: int, payload: bytes) -> bytes:
    return _to_varint(number << 3 | DELIMITED) + _to_varint(len(payload)) + payload


def _to_varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
