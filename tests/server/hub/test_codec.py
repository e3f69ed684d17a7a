"""lib0's encoding: what is written can be read, and nothing else can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.hub import codec, messages
from server.hub.codec import BadMessage, Reader


@given(st.integers(0, 2**53 - 1), st.binary(max_size=300), st.text(max_size=300))
def test_what_is_written_is_read(number: int, data: bytes, words: str) -> None:
    reader = Reader(codec.uint(number) + codec.chunk(data) + codec.text(words))
    assert (reader.uint(), reader.chunk(), reader.text(), reader.done) == (number, data, words, True)


@given(st.binary(max_size=40))
def test_garbage_is_refused_and_never_read_past_its_end(data: bytes) -> None:
    for read in (Reader.uint, Reader.chunk, Reader.text):
        reader = Reader(data)
        try:
            read(reader)
        except BadMessage:
            continue
        assert len(reader.rest()) <= len(data)


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(BadMessage):
        Reader(b"\xff" * 100).uint()


@pytest.mark.parametrize("number", [2**53, 2**56, 2**63, 2**70])
def test_a_number_that_javascript_cannot_hold_is_refused(number: int) -> None:
    with pytest.raises(BadMessage):
        Reader(codec.uint(number)).uint()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_says_how_long_it_is(size: int) -> None:
    address = b"\6canvas"
    body = b"." * (size - len(address)) if size > len(address) else b""
    frame = messages.websocket_frame(address, body)
    length, start = frame[1], 2
    if length == 126:
        length, start = int.from_bytes(frame[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(frame[2:10], "big"), 10
    assert frame[0] == 0x82
    assert length == len(frame) - start
    assert frame[start:] == address + body


def test_a_frame_is_encoded_once_for_all_at_an_address() -> None:
    message = messages.change(b"update")
    assert message.frame(b"") is message.frame(b"")
    assert message.frame(b"\6canvas") is message.frame(b"\6canvas")


def test_frames_of_single_sessions_are_not_hoarded() -> None:
    message = messages.change(b"." * 1000)
    for number in range(100):
        message.frame(codec.text(f"canvas\0{number}"))
    assert len(message.frames) < 10
