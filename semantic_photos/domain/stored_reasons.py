# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons of failures, stored or sent between processes as English text, and translated when shown.

The catalog keeps why a photo cannot be read, or written to, as a code and an English sentence. ``message`` finds
template and values again, so that the interface can translate sentences of every catalog, old ones too.
"""

from __future__ import annotations

from semantic_photos.domain.translatable import N_, Message, read_back

IO_ERROR = N_("The file cannot be read from the disk: {reason}.")
TOO_MANY_PIXELS = N_(
    "The picture is too large: {width:,} × {height:,} pixels ({megapixels:,} megapixels, the limit is {limit:,})."
)
UNSUPPORTED = N_("Unsupported file type: {kind}.")
TOO_SLOW = N_("Decoding took longer than {seconds} seconds.")
NOT_DECODED = N_("The photo could not be decoded ({kind}).")
NOT_EMBEDDABLE = N_("Keywords cannot be written safely into this file: {reason}.")
HARD_LINK = N_("{name} has hard links, which would keep the old content. It was left unchanged.")
NO_SPACE = N_("No space left on the disk of {folder}.")
QUOTA = N_("Disk quota exceeded in {folder}.")
READ_ONLY = N_("The disk of {folder} is read-only.")
NO_PERMISSION = N_("No permission to write to {folder}.")
FOLDER_GONE = N_("The folder {folder} no longer exists.")
LONG_NAME = N_("The name of {name} is too long for a file beside it.")
NOT_WRITTEN = N_("{path} could not be written: {reason}.")
ANNOY_CRASHED = N_("Annoy was built for another processor or is damaged (signal {signal}).")

_TEMPLATES = (
    IO_ERROR, TOO_MANY_PIXELS, UNSUPPORTED, TOO_SLOW, NOT_DECODED, NOT_EMBEDDABLE, HARD_LINK, NO_SPACE, QUOTA,
    READ_ONLY, NO_PERMISSION, FOLDER_GONE, LONG_NAME, NOT_WRITTEN, ANNOY_CRASHED,
)  # fmt: skip

#: For sentences that earlier versions wrote: what their code means.
_BY_CODE = {
    "photo.missing": Message("The file no longer exists."),
    "photo.no-permission": Message("No permission to read this file."),
    "photo.io-error": Message("The file cannot be read from the disk."),
    "photo.not-a-file": Message("Not a regular file."),
    "photo.empty": Message("The file is empty."),
    "photo.too-large": Message("The photo is too large."),
    "photo.truncated": Message("The file is incomplete: the end of the picture is missing."),
    "photo.damaged": Message("The file is damaged: the picture cannot be decoded."),
    "photo.not-an-image": Message("Not a picture, despite its name."),
    "photo.unsupported": Message("Unsupported file type."),
    "photo.unreadable": Message("The photo could not be decoded."),
    "photo.too-slow": Message("Decoding took too long."),
    "photo.out-of-memory": Message("Decoding needs more memory than allowed for one photo."),
    "photo.crashed-decoder": Message("Decoding crashed: the file may be damaged, possibly on purpose."),
    "photo.crash": Message("The program crashed more than once while reading this photo."),
    "photo.bad-embedding": Message("The image encoder returned no usable vector."),
    "write.gone": Message("The photo no longer exists."),
    "write.changed": Message("The file changed during writing and was left unchanged."),
    "write.too-large": Message("The file is too large to write to."),
    "write.unreadable": Message("The photo contains unreadable data and was left unchanged."),
    "write.refused": Message("Nothing was written: the file could not be changed safely."),
    "write.not-embeddable": Message("Keywords cannot be written safely into this file."),
    "write.hard-link": Message("The file has hard links and was left unchanged."),
    "write.no-space": Message("No space left on the disk."),
    "write.read-only": Message("The disk is read-only."),
    "write.no-permission": Message("No permission to write to the folder."),
    "write.name": Message("The file name is too long for a file beside it."),
    "write.io-error": Message("The file could not be written."),
}


def message(text: str) -> Message:
    """Return the message that a stored English text was, with its values where its template is known."""
    for template in _TEMPLATES:
        found = read_back(template, text)
        if found is not None:
            values = {name: _plain(value) if name in ("kind", "reason") else value for name, value in found.items()}
            return Message.filled(template, text, values)
    return _plain(text)


def _plain(text: str) -> Message:
    return Message.filled(text, text, {})


def of_code(code: str) -> Message | None:
    """Return what a code means when its sentence is not known any more."""
    return _BY_CODE.get(code)
