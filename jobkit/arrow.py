"""Arrow arrays as NumPy arrays, and the distinct values of an array: without pandas, which pyarrow and pandas users import for it, 0.15 s in every job."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

BITS_OF_BYTE = 8


def values_of(array: Any) -> np.ndarray:
    """Return an Arrow array or chunked array of numbers or booleans as NumPy's, shape (rows,), of the same type.

    With missing values it is float64 with NaN for them, as `to_numpy` gives it.
    """
    if hasattr(array, "chunks"):
        return np.concatenate([values_of(chunk) for chunk in array.chunks]) if array.num_chunks else np.empty(0, _dtype(array.type))
    dtype = _dtype(array.type)
    valid, data = array.buffers()
    if not len(array):
        return np.empty(0, dtype)
    values = _bits(data, array) if dtype == np.bool_ else np.frombuffer(data, dtype, len(array), array.offset * dtype.itemsize)
    return np.where(_bits(valid, array), values, np.nan) if array.null_count else values


def matrix_of(table: Any) -> np.ndarray:
    """Return an Arrow table of numbers as float32, shape (rows, columns), NaN where missing."""
    return np.column_stack([values_of(column) for column in table.columns]).astype(np.float32, copy=False)


def text_scalar(value: str) -> Any:
    """Return text as an Arrow scalar; `pyarrow.scalar`, which a plain str is given to as well, imports pandas."""
    import pyarrow as pa

    return pa.array([value], pa.string())[0]


def _bits(buffer: Any, array: Any) -> np.ndarray:
    """Return the array's part of a bitmap, bool of shape (rows,)."""
    first, shift = divmod(array.offset, BITS_OF_BYTE)
    packed = np.frombuffer(buffer, np.uint8, -(-(shift + len(array)) // BITS_OF_BYTE), first)
    return np.unpackbits(packed, bitorder="little")[shift : shift + len(array)].astype(np.bool_)


def _dtype(kind: Any) -> np.dtype:
    name = str(kind)
    return np.dtype({"bool": "bool", "halffloat": "float16", "float": "float32", "double": "float64"}.get(name, name))


def factorize(values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return for each value the place among the distinct ones (int64, shape (rows,), -1 for NaN), and these in the order in which they first occur.

    `values` are numbers, shape (rows,). 0.0 and -0.0 are one value, 0.0.
    """
    import pyarrow as pa

    floats = values.dtype.kind == "f"
    with np.errstate(invalid="ignore"):  # a NaN may be a signalling one
        plain = np.ascontiguousarray(values + 0.0 if floats else values)
    encoded = pa.Array.from_buffers(pa.from_numpy_dtype(plain.dtype), len(plain), [None, pa.py_buffer(plain)]).dictionary_encode()
    codes, found = values_of(encoded.indices).astype(np.int64), values_of(encoded.dictionary)
    missing = np.isnan(found) if floats else None
    if missing is None or not missing.any():
        return codes, found
    places = np.where(missing, -1, np.cumsum(~missing) - 1)
    return places[codes], found[~missing]
