# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes one photo into what was requested: network input, thumbnail, preview, facts, keywords.

Decoding runs in child processes (``decoder_pool``), because the bytes of a photo come from anywhere. Pillow is loaded
only when pixels are wanted.
"""

from __future__ import annotations

from dataclasses import replace

from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest


def decode(request: DecodeRequest) -> DecodedPhoto:
    """Read one photo and make what is wanted of it.

    Thread: any, but meant for a child process: a hostile file may take minutes, all memory, or crash.

    Raises:
        PhotoError: when the photo cannot be read. Whatever the decoders raise becomes this error, with a sentence.
        PackError: when the recipe asks for something unknown.
    """
    words = None
    if request.words:
        from semantic_photos.media.keywords import read_words

        words = read_words(request.path)
        if request.recipe is None and not request.thumbnail_side and not request.preview_side:
            return DecodedPhoto(words=words)
    # Pillow and libheif cost 0.1 s and 20 MB, which the process of the window need not pay.
    from semantic_photos.media.rendering import render

    return replace(render(request), words=words)
