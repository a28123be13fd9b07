# SPDX-License-Identifier: GPL-3.0-or-later
"""The program believes a decoder nothing: answers that are not what was asked for are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semantic_photos.domain.errors import PackError, PhotoError
from semantic_photos.domain.photo import ImageRecipe, PhotoFacts
from semantic_photos.media import decoder_protocol
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest

REQUEST = DecodeRequest(Path("/photos/a.jpg"), ImageRecipe(4), 320, 10)
ANSWER = DecodedPhoto(
    PhotoFacts(width=9, height=5, format="JPEG", taken="2020-01-01T00:00:00", latitude=1.5, longitude=-2.5),
    np.arange(48, dtype=np.uint8).reshape(4, 4, 3),
    b"\xff\xd8\xff thumbnail",
    np.full((5, 10, 3), 7, np.uint8),
)


def through(pieces: list[bytes | memoryview]) -> tuple[dict[str, Any], bytearray]:
    data = b"".join(bytes(piece) for piece in pieces)
    text, payload = decoder_protocol.lengths(data[: decoder_protocol.HEADER.size])
    start = decoder_protocol.HEADER.size
    assert len(data) == start + text + payload
    return decoder_protocol.parse(data[start : start + text]), bytearray(data[start + text :])


def test_an_answer_arrives_as_it_was_sent() -> None:
    head, payload = through(decoder_protocol.answer_frame(ANSWER))
    got = decoder_protocol.read_answer(head, payload, REQUEST)
    assert got.facts == ANSWER.facts
    assert got.thumbnail == ANSWER.thumbnail
    assert (got.square == ANSWER.square).all()
    assert (got.preview == ANSWER.preview).all()
    assert got.square is not None
    assert not got.square.flags.writeable


@pytest.mark.parametrize("name", [b"a.jpg", b"\xff\xfe.jpg", "ü\n‮.jpg".encode()])
def test_a_request_arrives_as_it_was_sent(name: bytes) -> None:
    request = DecodeRequest(Path(os.fsdecode(b"/photos/" + name)), ImageRecipe(128, "crop", "box"), None, 2000)
    head, _ = through(decoder_protocol.request_frame(request))
    assert decoder_protocol.read_request(head) == request


def test_errors_arrive_as_they_were_raised() -> None:
    head, payload = through(decoder_protocol.error_frame(PhotoError("No.", code="photo.io-error", retry=True)))
    with pytest.raises(PhotoError, match=r"No\.") as caught:
        decoder_protocol.read_answer(head, payload, REQUEST)
    assert caught.value.code == "photo.io-error"
    assert caught.value.retry
    head, payload = through(decoder_protocol.error_frame(PackError("Bad pack.")))
    with pytest.raises(PackError):
        decoder_protocol.read_answer(head, payload, REQUEST)


@pytest.mark.parametrize(
    "change",
    [
        {"square": [5, 4, 3]},
        {"square": [4, 4, 4]},
        {"square": [True, 4, 3]},
        {"square": None},
        {"square": "4x4"},
        {"preview": [11, 10, 3]},
        {"preview": [-5, -10, 3]},
        {"preview": [0, 0, 3]},
        {"preview": [4, 10, 3]},
        {"thumbnail": 10**12},
        {"thumbnail": -1},
        {"thumbnail": 0},
        {"thumbnail": 3.0},
        {"facts": None},
        {"facts": []},
    ],
)
def test_answers_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    head, payload = through(decoder_protocol.answer_frame(ANSWER))
    with pytest.raises(decoder_protocol.ProtocolError):
        decoder_protocol.read_answer({**head, **change}, payload, REQUEST)


def test_pictures_that_nobody_asked_for_are_refused() -> None:
    head, payload = through(decoder_protocol.answer_frame(ANSWER))
    for request in (
        DecodeRequest(REQUEST.path, None, 320, 10),
        DecodeRequest(REQUEST.path, ImageRecipe(4), None, 10),
        DecodeRequest(REQUEST.path, ImageRecipe(4), 320, None),
        DecodeRequest(REQUEST.path, ImageRecipe(5), 320, 10),
    ):
        with pytest.raises(decoder_protocol.ProtocolError):
            decoder_protocol.read_answer(head, payload, request)


def test_facts_of_another_type_are_left_out() -> None:
    head, payload = through(decoder_protocol.answer_frame(ANSWER))
    head["facts"] = {"width": "9", "height": 2**40, "taken": 5, "camera": "c" * 10_000, "latitude": 1e999, "more": 1}
    facts = decoder_protocol.read_answer(head, payload, REQUEST).facts
    assert (facts.width, facts.height, facts.taken, facts.latitude) == (0, 0, "", None)
    assert len(facts.camera) == 1000


def test_a_thumbnail_that_is_no_jpeg_is_refused() -> None:
    head, payload = through(decoder_protocol.answer_frame(ANSWER))
    payload[48] = 0
    with pytest.raises(decoder_protocol.ProtocolError):
        decoder_protocol.read_answer(head, payload, REQUEST)


def test_lengths_are_limited_before_anything_is_allocated() -> None:
    with pytest.raises(decoder_protocol.ProtocolError):
        decoder_protocol.lengths(decoder_protocol.HEADER.pack(2**32 - 1, 0))
    with pytest.raises(decoder_protocol.ProtocolError):
        decoder_protocol.lengths(decoder_protocol.HEADER.pack(0, 2**63))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, json.dumps("x").encode()])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(decoder_protocol.ProtocolError):
        decoder_protocol.parse(text)
