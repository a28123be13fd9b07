# SPDX-License-Identifier: GPL-3.0-or-later
"""The decoder protocol: frames of JSON and raw bytes through pipes, no pickle.

A frame is two lengths (uint32 JSON, uint64 payload, big-endian), the JSON, and the payload: square, thumbnail and
preview behind each other. The answer comes from a process that has just read hostile bytes, so the program believes
none of it: lengths are limited before they are allocated, shapes must be those that were asked for, and facts must
have their types.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from semantic_photos.domain import stored_reasons
from semantic_photos.domain.errors import PackError, PhotoError, UserFacingError
from semantic_photos.domain.photo import ImageRecipe, PhotoFacts
from semantic_photos.domain.ports import ByteArray
from semantic_photos.media import decoder_protocol_keywords
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.decoder_protocol_keywords import ProtocolError as ProtocolError
from semantic_photos.media.keyword_edit_values import EditedFile, EditRequest

HEADER = struct.Struct(">IQ")
MAX_JSON = 1_000_000
#: A preview of 10,000 x 10,000 pixels, the largest that is requested.
MAX_PAYLOAD = 300_000_000
#: What a child says when it takes up a photo: from then on its death may be the photo's fault.
BEGUN = {"begun": True}
_MAX_TEXT = 1000


def frame(head: dict[str, Any], *parts: bytes | memoryview) -> list[bytes | memoryview]:
    """Return the pieces of a frame, to be written one after the other."""
    text = json.dumps(head, allow_nan=False).encode()
    return [HEADER.pack(len(text), sum(len(part) for part in parts)), text, *parts]


def lengths(header: bytes | bytearray) -> tuple[int, int]:
    """Return the lengths of JSON and payload that a header announces.

    Raises:
        ProtocolError: when they are larger than anything that is ever sent.
    """
    text, payload = HEADER.unpack(header)
    if text > MAX_JSON or payload > MAX_PAYLOAD:
        raise ProtocolError(f"a frame of {text} + {payload} bytes")
    return text, payload


def parse(text: bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object of a frame.

    Raises:
        ProtocolError: when it is none.
    """
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"no JSON: {error}") from error
    if not isinstance(head, dict):
        raise ProtocolError("no object")
    return head


def request_frame(request: DecodeRequest | EditRequest) -> list[bytes | memoryview]:
    """Return the request frame for a photo. The path goes as bytes: file names need not be text."""
    path = os.path.abspath(os.fsencode(request.path))
    if isinstance(request, EditRequest):
        asked = {name: getattr(request, name) for name in ("sidecar", "exists", "want", "drop", "rating", "caption")}
        return frame({"path": path.hex(), "edit": asked})
    recipe = dataclasses.asdict(request.recipe) if request.recipe is not None else None
    return frame(
        {"path": path.hex(), "recipe": recipe, "thumbnail": request.thumbnail_side, "preview": request.preview_side,
         "words": request.words}
    )  # fmt: skip


def read_request(head: dict[str, Any]) -> DecodeRequest | EditRequest:
    """Return the request of a frame (in the child; the program is trusted)."""
    if "edit" in head:
        asked = head["edit"]
        want, drop = tuple(asked["want"]), tuple(asked["drop"])
        place = Path(os.fsdecode(bytes.fromhex(head["path"])))
        remark = {"rating": asked["rating"], "caption": asked["caption"]}
        return EditRequest(place, bool(asked["sidecar"]), bool(asked["exists"]), want, drop, **remark)
    recipe = ImageRecipe(**head["recipe"]) if head["recipe"] is not None else None
    path = Path(os.fsdecode(bytes.fromhex(head["path"])))
    return DecodeRequest(path, recipe, head["thumbnail"], head["preview"], head["words"])


def answer_frame(decoded: DecodedPhoto) -> list[bytes | memoryview]:
    """Return the frame with a decoded photo."""
    square, preview = decoded.square, decoded.preview
    thumbnail = decoded.thumbnail or b""
    words = decoder_protocol_keywords.packed(decoded.words)
    head = {
        "facts": dataclasses.asdict(decoded.facts),
        "square": list(square.shape) if square is not None else None,
        "thumbnail": len(thumbnail),
        "preview": list(preview.shape) if preview is not None else None,
        "words": len(words),
    }
    return frame(head, _view(square), thumbnail, _view(preview), words)


def error_frame(error: UserFacingError) -> list[bytes | memoryview]:
    """Return the frame with the reason why there is no photo."""
    kind = "pack" if isinstance(error, PackError) else "photo"
    retry = isinstance(error, PhotoError) and error.retry
    return frame({"error": str(error), "code": error.code, "kind": kind, "retry": retry})


def read_answer(head: dict[str, Any], payload: bytearray, request: DecodeRequest) -> DecodedPhoto:
    """Return the photo of an answer, after checking it against the request.

    Raises:
        PhotoError: the child's verdict on the photo.
        PackError: the child's verdict on the recipe.
        ProtocolError: the answer is none.
    """
    _raise_verdict(head)
    side = request.recipe.side if request.recipe is not None else None
    square_shape = _shape(head.get("square"), side, exact=True)
    preview_shape = _shape(head.get("preview"), request.preview_side, exact=False)
    length = head.get("thumbnail")
    if type(length) is not int or not 0 <= length <= len(payload) or (length > 0) != bool(request.thumbnail_side):
        raise ProtocolError("a thumbnail that nobody asked for, or none")
    last = head.get("words")
    if type(last) is not int or not 0 <= last <= len(payload) or (last > 0) != request.words:
        raise ProtocolError("words that nobody asked for, or none")
    first, second = math.prod(square_shape or (0,)), math.prod(preview_shape or (0,))
    if first + length + second + last != len(payload):
        raise ProtocolError("a payload of another length")
    view = memoryview(payload)
    thumbnail = bytes(view[first : first + length])
    if length and not thumbnail.startswith(b"\xff\xd8\xff"):
        raise ProtocolError("a thumbnail that is no JPEG")
    return DecodedPhoto(
        facts=_facts(head.get("facts")),
        square=_array(view[:first], square_shape),
        thumbnail=thumbnail or None,
        preview=_array(view[first + length : first + length + second], preview_shape),
        words=decoder_protocol_keywords.unpacked(view[first + length + second :]) if last else None,
    )


def read_edited(head: dict[str, Any], payload: bytearray) -> EditedFile:
    """Return the edited file of an answer.

    Raises:
        PhotoError: the child's verdict.
        ProtocolError: the answer is none.
    """
    _raise_verdict(head)
    return decoder_protocol_keywords.edited(head, payload)


def _raise_verdict(head: dict[str, Any]) -> None:
    if "error" in head:
        message, code = _text(head["error"]), _text(head.get("code", ""))
        if head.get("kind") == "pack":
            raise PackError(stored_reasons.message(message), code=code)
        raise PhotoError(stored_reasons.message(message), code=code or None, retry=head.get("retry") is True)


def _view(array: ByteArray | None) -> memoryview | bytes:
    return b"" if array is None else np.ascontiguousarray(array).data.cast("B")


def _array(view: memoryview, shape: tuple[int, int, int] | None) -> ByteArray | None:
    if shape is None:
        return None
    array = np.frombuffer(view, dtype=np.uint8).reshape(shape)
    array.flags.writeable = False
    return array


def _shape(value: Any, side: int | None, *, exact: bool) -> tuple[int, int, int] | None:
    if (value is None) != (not side):
        raise ProtocolError("a picture that nobody asked for, or none")
    if value is None or side is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or any(type(n) is not int for n in value) or value[2] != 3:
        raise ProtocolError("a shape that is none")
    height, width = value[0], value[1]
    if not (0 < height <= side and 0 < width <= side) or (exact and (height, width) != (side, side)):
        raise ProtocolError("a picture of another size")
    return height, width, 3


def _facts(values: Any) -> PhotoFacts:
    if not isinstance(values, dict):
        raise ProtocolError("no facts")
    kept: dict[str, Any] = {}
    for field in dataclasses.fields(PhotoFacts):
        value = values.get(field.name)
        if field.name in ("latitude", "longitude"):
            kept[field.name] = value if type(value) is float and math.isfinite(value) else None
        elif type(field.default) is int:
            kept[field.name] = value if type(value) is int and 0 <= value < 2**31 else 0
        else:
            kept[field.name] = _text(value)
    return PhotoFacts(**kept)


def _text(value: Any) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
