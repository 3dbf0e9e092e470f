"""Targets, bodies and the bytes of requests."""

from __future__ import annotations

import pytest

from pipelines.errors import UsageError
from pipelines.loadtest.requests import Bodies, bodies, packed, target


def test_a_name_and_a_runtime_make_the_path_of_the_service():
    found = target("my shop/x", "http://127.0.0.1:8080/")
    assert found.url == "http://127.0.0.1:8080/endpoints/my%20shop%2Fx/invocations"
    assert target("https://host/invocations?x=1", None).url == "https://host:443/invocations?x=1"
    assert target("http://[::1]:8080/invocations", None).url == "http://[::1]:8080/invocations"


@pytest.mark.parametrize("name", ["shop", "ftp://x/", "http://", "http://h:99999/", "http://h:x/"])
def test_what_is_no_target_is_refused(name):
    with pytest.raises(UsageError):
        target(name, None)


def test_lines_of_csv_are_bodies_and_other_files_are_whole(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\r\n1,2\r\n\n3,4\n5,6\n")
    (tmp_path / "one.json").write_text('{"x": 1}\n')
    found = bodies([tmp_path / "rows.csv"], rows=2, header=True)
    assert (found.bodies, found.content_type) == ([b"1,2\n3,4\n", b"5,6\n"], "text/csv")
    assert bodies([tmp_path / "one.json"]) == Bodies([b'{"x": 1}\n'], "application/json")


def test_nothing_to_send_and_files_that_are_not_there_are_errors(tmp_path):
    (tmp_path / "empty.csv").write_text("\n")
    for name in ("empty.csv", "none.csv"):
        with pytest.raises(UsageError, match="--payload"):
            bodies([tmp_path / name])
    with pytest.raises(UsageError, match="No such file or directory, expected a file with rows"):
        bodies([tmp_path / "none.csv"])


def test_a_request_is_whole_and_a_header_cannot_end_it():
    where = target("http://h:8080/invocations", None)
    (request,) = packed(where, Bodies([b"1,2\n"], "text/csv"), None, [("X-A", "b")])
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /invocations HTTP/1.1\r\nHost: h:8080\r\n") and b"X-A: b" in head and b"Content-Length: 4" in head and body == b"1,2\n"
    with pytest.raises(UsageError, match="--header: .*expected NAME=VALUE"):
        packed(where, Bodies([b""], "text/csv\r\nX: y"), None)
