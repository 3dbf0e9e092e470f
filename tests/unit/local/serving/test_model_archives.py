"""Unpacking a model: what a training leaves, and everything that could harm the machine."""

from __future__ import annotations

import gzip
import io
import resource
import tarfile
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.faults import ClientFault
from pipelines.local.serving import archive


def packed(*members, mode="w:gz"):
    """Return an archive of (name, content or TarInfo)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content
                tar.addfile(entry)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_files_and_folders_are_written(tmp_path, mode):
    archive.unpack(packed(("model", b"1"), ("code/a/b.py", b"2"), ("./code/c.py", b"3"), ("empty", (tarfile.DIRTYPE, "")), mode=mode), tmp_path)
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"model": b"1", "code/a/b.py": b"2", "code/c.py": b"3"}
    assert (tmp_path / "empty").is_dir()


HARMFUL = {
    "absolute": ("/tmp/harm", b"x"),
    "up": ("../harm", b"x"),
    "up inside": ("a/../../harm", b"x"),
    "up folder": ("../harm", (tarfile.DIRTYPE, "")),
    "link": ("link", (tarfile.SYMTYPE, "/etc/passwd")),
    "link inside": ("link", (tarfile.SYMTYPE, "model")),
    "hard link": ("link", (tarfile.LNKTYPE, "model")),
    "device": ("null", (tarfile.CHRTYPE, "")),
    "block device": ("disk", (tarfile.BLKTYPE, "")),
    "pipe": ("pipe", (tarfile.FIFOTYPE, "")),
}


@pytest.mark.parametrize("kind", HARMFUL)
def test_what_leads_out_or_is_no_file_is_refused(tmp_path, kind):
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(ClientFault, match="expected files and folders only"):
        archive.unpack(packed(("model", b"1"), HARMFUL[kind]), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_a_link_that_is_there_already_is_not_followed(tmp_path):
    """The folder is empty before; but one member must not be able to prepare the way for another."""
    with pytest.raises(ClientFault):
        archive.unpack(packed(("a", (tarfile.SYMTYPE, "..")), ("a/harm", b"x")), tmp_path / "model")
    assert not (tmp_path / "harm").exists()


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    with pytest.raises(ClientFault, match="cannot be unpacked"):
        archive.unpack(packed(("a", b"1"), ("a/b", b"2")), tmp_path)


@pytest.mark.slow
def test_a_bomb_is_not_written(tmp_path):
    """A member of 1e9 zeros, one megabyte when packed."""
    file = tmp_path / "bomb.tar.gz"
    with gzip.open(file, "wb", compresslevel=9) as packing:
        entry = tarfile.TarInfo("zeros")
        entry.size = 10**9
        packing.write(entry.tobuf())
        for _ in range(1000):
            packing.write(bytes(10**6))
    with pytest.raises(ClientFault, match="grows beyond"):
        archive.unpack(file, tmp_path / "model")
    assert sum(path.stat().st_size for path in (tmp_path / "model").rglob("*")) == 0


def test_too_many_files_are_a_bomb_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 5)
    with pytest.raises(ClientFault, match="grows beyond"):
        archive.unpack(packed(*((f"f{number}", b"") for number in range(6))), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_without_measure_is_not_read_into_memory(tmp_path, kind):
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, 200 * 2**20
    body = gzip.compress(entry.tobuf() + bytes(200 * 2**20), 1)
    tracemalloc.start()
    with pytest.raises(ClientFault, match="cannot be unpacked"):
        archive.unpack(body, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("wrong", [b"", b"no tar", b"\x1f\x8b", gzip.compress(b"no tar at all" * 100, mtime=0), bytes(100), b"PK\x03\x04" + bytes(600)])
def test_what_is_no_archive_says_so(tmp_path, wrong):
    with pytest.raises(ClientFault, match="cannot be unpacked"):
        archive.unpack(wrong, tmp_path)


def test_a_truncated_archive_says_so(tmp_path):
    whole = packed(("model", bytes(range(256)) * 1000))
    for wrong in (whole[: len(whole) // 2], whole[:-10], whole[:-8] + bytes(8)):
        with pytest.raises(ClientFault, match="cannot be unpacked"):
            archive.unpack(wrong, tmp_path)


WHOLE = packed(("model", b"a" * 3000), ("code/inference.py", b"b" * 500))
PLAIN = packed(("model", b"a" * 3000), ("code/inference.py", b"b" * 500), mode="w")


@given(st.sampled_from([WHOLE, PLAIN]), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_archive_is_unpacked_or_refused(tmp_path_factory, whole, changes):
    body = bytearray(whole)
    for place, value in changes:
        body[place % len(body)] = value
    outer = tmp_path_factory.mktemp("damaged")
    try:
        archive.unpack(bytes(body), outer / "model")
    except ClientFault:
        pass
    assert {path.name for path in outer.iterdir()} <= {"model"}


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ClientFault, match="cannot be unpacked"):
            archive.unpack(packed(("model", b"a" * 5000)), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
