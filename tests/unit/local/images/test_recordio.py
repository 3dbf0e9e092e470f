"""RecordIO-wrapped protobuf: what is written is what is read, what others write is read too, and bad bytes are refused by file and record."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.recordio import HEADER, MAGIC, read, write

TENSORS = {"Float32Tensor": ("TYPE_FLOAT", 2), "Float64Tensor": ("TYPE_DOUBLE", 3), "Int32Tensor": ("TYPE_INT32", 7)}
FIELD = descriptor_pb2.FieldDescriptorProto


@pytest.fixture(scope="module")
def record_class():
    """Amazon's Record as the protobuf package itself makes it, an implementation that shares nothing with ours."""
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="aialgs.data", syntax="proto2")
    value = descriptor_pb2.DescriptorProto(name="Value", oneof_decl=[descriptor_pb2.OneofDescriptorProto(name="value")])
    for name, (kind, number) in TENSORS.items():
        tensor = file.message_type.add(name=name)
        for field, what, place in (("values", kind, 1), ("keys", "TYPE_UINT64", 2), ("shape", "TYPE_UINT64", 3)):
            tensor.field.add(name=field, number=place, label=FIELD.LABEL_REPEATED, type=getattr(FIELD, what)).options.packed = True
        snake = name.replace("Tensor", "_tensor").lower()
        value.field.add(name=snake, number=number, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_MESSAGE, type_name=f".aialgs.data.{name}", oneof_index=0)
    value.field.add(name="bytes", number=9, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_BYTES, oneof_index=0)
    file.message_type.append(value)
    record = file.message_type.add(name="Record")
    for name, number in (("features", 1), ("label", 2)):
        entry = record.nested_type.add(name=f"{name.title()}Entry", options=descriptor_pb2.MessageOptions(map_entry=True))
        entry.field.add(name="key", number=1, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_STRING)
        entry.field.add(name="value", number=2, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_MESSAGE, type_name=".aialgs.data.Value")
        nested = f".aialgs.data.Record.{name.title()}Entry"
        record.field.add(name=name, number=number, label=FIELD.LABEL_REPEATED, type=FIELD.TYPE_MESSAGE, type_name=nested)
    for name, number in (("uid", 3), ("metadata", 4), ("configuration", 5)):
        record.field.add(name=name, number=number, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_STRING)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("aialgs.data.Record"))


@pytest.fixture(scope="module")
def sdk():
    """The SDK's own reader and writer of frames; importing the SDK warns of its own strings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sagemaker.core.serializers import utils
    return utils


def frame(body: bytes, flag: int = 0) -> bytes:
    return HEADER.pack(MAGIC, flag << 29 | len(body)) + body + bytes(-len(body) % 4)


def refusal(path, body: bytes) -> str:
    path.write_bytes(body)
    with pytest.raises(CustomerError) as refused:
        read([path])
    return str(refused.value)


TABLES = st.tuples(st.integers(1, 8), st.integers(1, 9)).flatmap(lambda shape: npst.arrays(np.float32, shape, elements=st.floats(width=32)))


@settings(deadline=None, max_examples=60)
@given(TABLES, st.booleans(), st.booleans())
def test_what_is_written_is_read_back(tmp_path_factory, table, labelled, sparse):
    path = tmp_path_factory.mktemp("r") / "a.pbr"
    labels = np.arange(len(table), dtype=np.float32) - 2 if labelled else None
    write(path, scipy.sparse.csr_matrix(table) if sparse else table, labels)
    features, found = read([path])
    assert scipy.sparse.issparse(features) == sparse and features.dtype == np.float32
    np.testing.assert_array_equal(features.toarray() if sparse else features, table)
    if labelled:
        np.testing.assert_array_equal(found, labels)
    else:
        assert found is None


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_broken_bytes_are_refused_and_nothing_else_is_raised(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("r")
    write(folder / "good", scipy.sparse.csr_matrix(np.eye(3)) if data.draw(st.booleans()) else np.ones((3, 2)), np.zeros(3))
    body = bytearray((folder / "good").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    (folder / "bad").write_bytes(bytes(body[: data.draw(st.integers(0, len(body)))]))
    try:
        read([folder / "bad"])
    except CustomerError as refused:
        assert "bad" in str(refused)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.integers(0, 3))
def test_any_bytes_in_a_frame_are_read_or_refused(tmp_path_factory, bodies, flag):
    path = tmp_path_factory.mktemp("r") / "bad"
    path.write_bytes(b"".join(frame(body, flag) for body in bodies))
    try:
        read([path])
    except CustomerError as refused:
        assert "bad, record" in str(refused)


def test_lengths_are_not_believed(tmp_path):
    """A file of some bytes that says it has half a gigabyte, or a row of 2**62 columns, takes no memory."""
    huge = b"\x0a" + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
    write(tmp_path / "s", scipy.sparse.csr_matrix(np.eye(2)))
    wide = (tmp_path / "s").read_bytes().replace(b"\x1a\x01\x02", b"\x1a\x01\x7f")
    tracemalloc.start()
    assert "but the file has 4 more" in refusal(tmp_path / "a", HEADER.pack(MAGIC, 2**29 - 1) + b"abcd")
    assert "cut off" in refusal(tmp_path / "b", frame(huge))
    (tmp_path / "c").write_bytes(wide)
    assert read([tmp_path / "c"])[0].shape == (2, 127)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_errors_name_the_file_and_the_record(tmp_path):
    write(tmp_path / "good", np.ones((2, 3)))
    write(tmp_path / "other", np.ones((1, 4)))
    good, other = (tmp_path / "good").read_bytes(), (tmp_path / "other").read_bytes()
    assert "train.pbr, record 3: got magic number 0x6e6f6e73" in refusal(tmp_path / "train.pbr", good + b"snonsense")
    assert "record 2: a length of" in refusal(tmp_path / "train.pbr", good[:-4])
    assert "record 3: 4 columns; expected 3" in refusal(tmp_path / "train.pbr", good + other)
    assert "record 3: the file ends within a frame's header" in refusal(tmp_path / "train.pbr", good + good[:6])
    assert "no records" in refusal(tmp_path / "train.pbr", b"")


def test_rows_that_do_not_belong_together_are_refused(tmp_path):
    write(tmp_path / "dense", np.ones((1, 3)))
    write(tmp_path / "sparse", scipy.sparse.csr_matrix(np.eye(3)))
    write(tmp_path / "labelled", np.ones((1, 3)), [1])
    for other, words in (("sparse", "mixed"), ("labelled", "some have none")):
        with pytest.raises(CustomerError, match=f"{other}, record 1: .*{words}"):
            read([tmp_path / "dense", tmp_path / other])


def test_a_key_outside_the_shape_is_refused(tmp_path, record_class):
    record = record_class()
    tensor = record.features["values"].float32_tensor
    tensor.values.extend([1.0])
    tensor.keys.extend([7])
    tensor.shape.extend([7])
    assert "key 7 is out of the shape 7" in refusal(tmp_path / "a", frame(record.SerializeToString()))
    tensor.shape[0] = 2**62
    assert "a sparse row of shape" in refusal(tmp_path / "a", frame(record.SerializeToString()))
    tensor.ClearField("shape")
    assert "a sparse row of shape None" in refusal(tmp_path / "a", frame(record.SerializeToString()))


def test_a_sparse_row_of_zeros_has_a_shape_only(tmp_path, record_class):
    empty, one = record_class(), record_class()
    empty.features["values"].float32_tensor.shape.append(4)
    one.features["values"].float32_tensor.values.append(2)
    one.features["values"].float32_tensor.keys.append(3)
    one.features["values"].float32_tensor.shape.append(4)
    (tmp_path / "a").write_bytes(frame(empty.SerializeToString()) + frame(one.SerializeToString()))
    np.testing.assert_array_equal(read([tmp_path / "a"])[0].toarray(), [[0, 0, 0, 0], [0, 0, 0, 2]])


def test_bytes_are_no_numbers(tmp_path, record_class):
    record = record_class()
    record.features["values"].bytes = b"a picture"
    assert "a value of bytes" in refusal(tmp_path / "a", frame(record.SerializeToString()))


@pytest.mark.parametrize("kind", ["float32_tensor", "float64_tensor", "int32_tensor"])
def test_records_of_the_protobuf_package_are_read(tmp_path, record_class, kind):
    table = np.array([[1, -2, 300000], [0, 5, -70000]])
    bodies = []
    for number, row in enumerate(table):
        record = record_class(uid="u", metadata="m")
        getattr(record.features["values"], kind).values.extend(row.tolist())
        getattr(record.label["values"], kind).values.append(number)
        bodies.append(record.SerializeToString())
    (tmp_path / "a").write_bytes(b"".join(map(frame, bodies)))
    features, labels = read([tmp_path / "a"])
    np.testing.assert_array_equal(features, table)
    np.testing.assert_array_equal(labels, [0, 1])


def test_what_is_written_is_read_by_the_protobuf_package_through_the_frames_of_the_sdk(tmp_path, record_class, sdk):
    """SDK 3.27 has the framing only: its writers of tensors raise NotImplementedError."""
    table = scipy.sparse.csr_matrix(([1.5, -2, 3], ([0, 0, 1], [3, 200, 70000])), shape=(2, 70001))
    write(tmp_path / "s", table, [0, 1])
    write(tmp_path / "d", [[0.25, -1], [2, 3]] @ np.eye(2), [5, 6])
    sparse, dense = ([record_class.FromString(body) for body in sdk.read_recordio(io.BytesIO((tmp_path / name).read_bytes()))] for name in "sd")
    assert [list(record.features["values"].float32_tensor.keys) for record in sparse] == [[3, 200], [70000]]
    assert [list(record.features["values"].float32_tensor.values) for record in sparse] == [[1.5, -2], [3]]
    assert [list(record.features["values"].float32_tensor.shape) for record in sparse] == [[70001], [70001]]
    assert [list(record.features["values"].float32_tensor.values) for record in dense] == [[0.25, -1], [2, 3]]
    assert [record.label["values"].float32_tensor.values[0] for record in dense] == [5, 6]


def test_the_frames_of_the_sdk_are_read(tmp_path, record_class, sdk):
    record = record_class()
    record.features["values"].float32_tensor.values.extend([1, 2, 3])
    with open(tmp_path / "a", "wb") as file:
        for _ in range(3):
            sdk._write_recordio(file, record.SerializeToString())
    np.testing.assert_array_equal(read([tmp_path / "a"])[0], [[1, 2, 3]] * 3)


def test_a_record_in_parts_is_put_together(tmp_path):
    """MXNet cuts a record at every magic number in it."""
    value = np.frombuffer(struct.pack("<I", MAGIC), "<f4")[0]
    write(tmp_path / "whole", np.array([[1, value, 3]]))
    body = (tmp_path / "whole").read_bytes()
    first, _, last = body[8 : 8 + HEADER.unpack_from(body)[1]].partition(struct.pack("<I", MAGIC))
    (tmp_path / "parts").write_bytes(frame(first, 1) + frame(last, 3))
    np.testing.assert_array_equal(read([tmp_path / "parts"])[0], read([tmp_path / "whole"])[0])
    assert "part flag 3 is out of order" in refusal(tmp_path / "bad", frame(last, 3))
    assert "ends within a record of several parts" in refusal(tmp_path / "bad", frame(first, 1))


def test_twenty_thousand_rows_are_read_in_about_a_second(tmp_path):
    write(tmp_path / "a", np.ones((20_000, 50)), np.ones(20_000))
    started = time.process_time()
    features, _ = read([tmp_path / "a"])
    assert features.shape == (20_000, 50)
    assert time.process_time() - started < 3
