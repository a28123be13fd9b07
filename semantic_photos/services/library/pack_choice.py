# SPDX-License-Identifier: GPL-3.0-or-later
"""Which model pack a library uses: the wanted one, else the first good one, and none without its known answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.messages import Notice
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack, verify_known_answer
from semantic_photos.ml.pack_smoke_test import try_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import Paths, resources
from semantic_photos.storage.catalog import Catalog

_log = logging.getLogger(__name__)

_VERIFIED = "pack.verified"


def choose_pack(
    paths: Paths, catalog: Catalog, say: Callable[[Notice], None], wanted: Path | None, *, read_only: bool
) -> ModelPack | None:
    """Load the wanted pack, else the first good one of those that were installed or ship with the program.

    Args:
        paths: where installed packs lie.
        catalog: remembers which pack has given its known answer here.
        say: told when a pack was refused or none is left.
        wanted: the folder of a pack that is used or nothing.
        read_only: nothing is remembered in the catalog.

    Raises:
        PackError: ``wanted`` cannot be used.
    """
    candidates = [wanted] if wanted is not None else find_packs(paths.packs, resources() / "packs")
    troubles = []
    for candidate in candidates:
        try:
            pack = load_pack(candidate)
            _verify_once(pack, catalog, read_only=read_only)
        except PackError as error:
            troubles.append(error)
            _log.error("pack %s refused: %s", candidate, error)
            continue
        if troubles:
            say(Notice("pack.refused", f"{troubles[0]} The pack “{pack.title}” is used instead."))
        return pack
    reason = str(troubles[0]) if troubles else "No model pack is installed."
    if wanted is not None and troubles:
        raise troubles[0]
    say(Notice("pack.none", f"{reason} Photos can be browsed but not searched.", "Install the program again."))
    return None


def _verify_once(pack: ModelPack, catalog: Catalog, *, read_only: bool) -> None:
    """Check the known answer of a pack when it is first used here: checksums cannot see a wrong runtime."""
    mark = f"{pack.manifest.digest} onnxruntime {metadata.version('onnxruntime')}"
    if catalog.meta(_VERIFIED) == mark:
        return
    if resources() in pack.folder.parents:
        encoder = OnnxImageEncoder(pack, 1)
        try:
            verify_known_answer(pack, encoder, WordTableEncoder(pack))
        finally:
            encoder.close()
    else:
        # Somebody else's network: what it allocates and how long it computes is found out in a child process.
        try_pack(pack.folder)
    if not read_only:
        catalog.set_meta(_VERIFIED, mark)
