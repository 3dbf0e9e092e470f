"""Frames between workers and server: cut anywhere, put together again; headers that come again are read once and cannot be changed."""

import socket

import pytest

from pipelines.local.images.serving import frames


def test_frames_that_come_in_one_piece_and_in_parts_are_the_same_frames():
    sent = [({"content-type": "text/csv"}, b"1,2\n"), ({}, b""), ({"accept": "application/json", "x": "é"}, bytes(range(256)))]
    whole = b"".join(frames.request(head, body) for head, body in sent)
    for size in (1, 7, 300, len(whole)):
        incoming, found = frames.Incoming(), []
        for at in range(0, len(whole), size):
            incoming.feed(whole[at : at + size])
            while (frame := incoming.next()) is not None:
                found.append((dict(frame[0]), frame[1]))
        assert found == sent


def test_a_request_is_the_frame_of_its_headers_as_json():
    headers = {"content-type": "text/csv", "accept": 'a "quoted" one'}
    assert frames.request(headers, b"x") == frames.packed(headers, b"x")


def test_a_header_that_was_read_cannot_be_changed_for_the_next_frame_that_has_it():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        incoming = frames.Incoming()
        ours.sendall(frames.request({"accept": "text/csv"}, b"1") + frames.request({"accept": "text/csv"}, b"2"))
        head, body = frames.receive(theirs, incoming)
        assert body == b"1"
        with pytest.raises(TypeError):
            head["accept"] = "application/json"
        assert frames.receive(theirs, incoming) == ({"accept": "text/csv"}, b"2")
        ours.shutdown(socket.SHUT_WR)
        assert frames.receive(theirs, incoming) is None
