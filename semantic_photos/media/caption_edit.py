# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a caption and a rating into a file's metadata, in the decoder child, and leaves all other fields alone.

``dc:description`` is a text in several languages, of which ``x-default`` is shown; ``xmp:Rating`` goes from -1 to 5.
Both as digiKam and Lightroom write them. Older fields that say the same are not made, but those that are there are kept
in step, because Windows and old programs read them first: ``MicrosoftPhoto:Rating`` in percent, IPTC's caption, EXIF's
description (only when it is the old caption: many cameras put their name there) and its two ratings.
"""

from __future__ import annotations

from typing import Any

import exiv2

from semantic_photos.domain.tags import MOST_CAPTION, clean_text
from semantic_photos.media.keywords import CAPTION, IPTC_CAPTION, RATING, remark_of

_PERCENT = "Xmp.MicrosoftPhoto.Rating"
_EXIF_CAPTION, _EXIF_RATING, _EXIF_PERCENT = (
    "Exif.Image.ImageDescription", "Exif.Image.Rating", "Exif.Image.RatingPercent",
)  # fmt: skip
_CHARACTER_SET = "Iptc.Envelope.CharacterSet"
#: Longest caption of the old IPTC block, in bytes.
_IPTC_MOST = 2000
#: Windows' percentages of no to five stars.
_PERCENTS = (0, 1, 25, 50, 75, 99)

RATING_FIELDS = frozenset({RATING, _PERCENT, _EXIF_RATING, _EXIF_PERCENT})
CAPTION_FIELDS = frozenset({CAPTION, IPTC_CAPTION, _EXIF_CAPTION})

_Remark = tuple[int | None, str]


def clean_remark(image: Any) -> _Remark:
    """Return rating and caption of an image as the program shows them."""
    rating, caption = remark_of(image)
    return rating, clean_caption(caption)


def clean_caption(text: str) -> str:
    """Return a caption as the program shows it."""
    return clean_text(text, MOST_CAPTION, lines=True)


def missing(now: _Remark, rating: int | None, caption: str | None) -> tuple[int | None, str | None]:
    """Return the rating and caption that the file does not have yet; None for what stays."""
    return (
        rating if rating is not None and rating != (now[0] or 0) else None,
        caption if caption is not None and caption != now[1] else None,
    )


def languages(image: Any) -> dict[str, str]:
    """Return the caption in every language but the default one.

    Raises:
        UnicodeDecodeError: when one is no text.
    """
    texts = _languages(image.xmpData())
    default = texts.pop("x-default", None)
    # Some programs write the default a second time, under its own language.
    return {language: text for language, text in texts.items() if text != default}


def put_remark(image: Any, rating: int | None, caption: str | None, *, sidecar: bool) -> None:
    """Set what is given; a rating of 0 and an empty caption are taken out of the fields that are there."""
    if rating is not None:
        _put_rating(image, rating, sidecar=sidecar)
    if caption is not None:
        _put_caption(image, caption, sidecar=sidecar)


def _put_rating(image: Any, rating: int, *, sidecar: bool) -> None:
    xmp = image.xmpData()
    percent = _PERCENTS[max(rating, 0)]
    xmp[RATING] = str(rating)
    if _PERCENT in xmp:
        xmp[_PERCENT] = str(percent)
    if not sidecar:
        exif = image.exifData()
        for key, value in ((_EXIF_RATING, max(rating, 0)), (_EXIF_PERCENT, percent)):
            if key in exif:
                exif[key] = exiv2.UShortValue([value])


def _put_caption(image: Any, caption: str, *, sidecar: bool) -> None:
    xmp = image.xmpData()
    before = remark_of(image)[1]
    kept = languages(image)
    texts = ({"x-default": caption} if caption else {}) | kept
    if CAPTION in xmp:
        del xmp[CAPTION]
    if texts:
        value = exiv2.LangAltValue()
        for language, text in texts.items():
            value[language] = text
        xmp[CAPTION] = value
    if not sidecar:
        _put_iptc(image, caption)
        exif = image.exifData()
        if _EXIF_CAPTION in exif and before and _text_of(exif[_EXIF_CAPTION]) == before.strip():
            if caption:
                exif[_EXIF_CAPTION] = caption
            else:
                del exif[_EXIF_CAPTION]


def _put_iptc(image: Any, caption: str) -> None:
    data = image.iptcData()
    if not any(str(datum.key()) == IPTC_CAPTION for datum in data):
        return
    unicode = any(str(datum.key()) == _CHARACTER_SET and bytes(datum.value().data()) == b"\x1b%G" for datum in data)
    raw = caption.encode("utf-8")
    kept = exiv2.IptcData()
    for datum in data:
        if str(datum.key()) != IPTC_CAPTION:
            kept.add(datum)
    # An old text that cannot be replaced there would contradict the caption, so it is removed.
    if raw and len(raw) <= _IPTC_MOST and (unicode or caption.isascii()):
        value = exiv2.DataValue(raw, exiv2.ByteOrder.invalidByteOrder, exiv2.TypeId.string)
        kept.add(exiv2.Iptcdatum(exiv2.IptcKey(IPTC_CAPTION), value))
    image.setIptcData(kept)


def _languages(xmp: Any) -> dict[str, str]:
    for datum in xmp:
        if str(datum.key()) == CAPTION:
            value = datum.value()
            if isinstance(value, exiv2.LangAltValue):
                return {str(language): str(text) for language, text in value.items()}
            return {"x-default": str(datum.toString())}
    return {}


def _text_of(datum: Any) -> str:
    try:
        return str(datum.toString()).strip("\0 \t\r\n")
    except UnicodeDecodeError:
        return ""
