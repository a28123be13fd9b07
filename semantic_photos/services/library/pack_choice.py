# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the model pack of a library; a pack is used only if it gives its known answer.

The preferred pack is the best good one. The serving pack answers: it stays the one that most photos have vectors of
until the preferred one has vectors of nearly all.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from semantic_photos.domain.errors import CatalogError, PackError
from semantic_photos.domain.messages import Notice
from semantic_photos.domain.translatable import Message
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack, verify_known_answer
from semantic_photos.ml.pack_smoke_test import try_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import Paths, resources
from semantic_photos.services.indexing.pack_change import is_ready
from semantic_photos.storage.catalog import Catalog

_log = logging.getLogger(__name__)

#: For so long after a change of the pack the vectors of the old one are kept, so that going back costs nothing.
KEEP_OLD_VECTORS_S = 30 * 24 * 3600.0

#: Where the catalog remembers which packs have given their known answer here, one a line.
_VERIFIED = "pack.verified"
_MOST_VERIFIED = 8
#: Where the catalog remembers which pack serves since when: fingerprint and epoch seconds.
_SERVING = "pack.serving"


@dataclass(frozen=True, slots=True)
class PackChoice:
    """The pack in use, and the one to prepare for use; None where there is none."""

    serving: ModelPack | None
    preparing: ModelPack | None = None


def choose_packs(
    paths: Paths,
    catalog: Catalog,
    say: Callable[[Notice], None],
    wanted: Path | None,
    *,
    read_only: bool,
    now: Callable[[], float] = time.time,
) -> PackChoice:
    """Choose among the packs that were installed or ship with the program, or take the wanted one.

    When the serving pack is not the one that photos have their current vectors of, its vectors become current.

    Args:
        paths: where installed packs lie.
        catalog: has the vectors, and remembers which pack has given its known answer here.
        say: told when a pack was refused or none is left.
        wanted: the folder of a pack that is used at once, or nothing is.
        read_only: nothing is changed or remembered in the catalog, so the pack of the current vectors serves.
        now: seconds since the epoch; a test can move it.

    Raises:
        PackError: ``wanted`` cannot be used.
    """
    found = [wanted] if wanted is not None else find_packs(paths.packs, resources() / "packs")
    troubles: list[PackError] = []
    candidates = ranked(_loaded(found, troubles))
    preferred = next((pack for pack in candidates if _is_verified(pack, catalog, troubles, read_only=read_only)), None)
    if preferred is None:
        reason = troubles[0].message if troubles else Message("No model pack is installed.")
        if wanted is not None and troubles:
            raise troubles[0]
        text = Message("{reason} Photos can be browsed, but not searched.", reason=reason)
        say(Notice("pack.none", text, Message("Reinstall the program.")))
        return PackChoice(None)
    if troubles:
        text = Message(
            "{reason} Using the model pack “{pack}” instead.", reason=troubles[0].message, pack=preferred.title
        )
        say(Notice("pack.refused", text))
    serving = _serving(candidates, preferred, catalog, read_only=read_only)
    if not read_only:
        _take_over(serving, catalog, now())
    return PackChoice(serving, preferred if serving.fingerprint != preferred.fingerprint else None)


def ranked(packs: Sequence[ModelPack]) -> list[ModelPack]:
    """Return packs, the best first: the highest version wins, and of equal ones the one that was installed.

    A pack that is no edition of a shipped one (their names differ in more than the number at the end) comes before
    all of those: a user installed it on purpose.
    """
    shipped = {_series(pack)[0] for pack in packs if _is_shipped(pack)}

    def rank(pack: ModelPack) -> tuple[bool, tuple[int, ...], int, bool]:
        name, edition = _series(pack)
        version = tuple(int(number) for number in re.findall(r"\d+", pack.version))
        return bool(shipped) and name not in shipped, version, edition, not _is_shipped(pack)

    return sorted(packs, key=rank, reverse=True)


def prune_old_packs(
    paths: Paths, catalog: Catalog, serving: ModelPack, *, now: Callable[[], float] = time.time
) -> int:  # fmt: skip
    """Delete vectors and index folders of other packs, if ``serving`` has served for ``KEEP_OLD_VECTORS_S``.

    Vectors of a photo that has none of ``serving`` yet, because its folder is offline, say, are kept.

    Returns:
        How many vectors were deleted.
    """
    fingerprint, since = _since(catalog)
    if fingerprint != serving.fingerprint or now() - since < KEEP_OLD_VECTORS_S:
        return 0
    try:
        deleted = catalog.packs.prune(fingerprint)
    except CatalogError as error:
        _log.warning("vectors of old packs are kept: %s", error)
        return 0
    if deleted:
        _log.info("deleted %d vectors of packs that are not used any more", deleted)
    for folder in paths.index.iterdir() if paths.index.is_dir() else ():
        if folder.is_dir() and folder.name != fingerprint:
            # Made again from the catalog if ever needed.
            shutil.rmtree(folder, ignore_errors=True)
    return deleted


def _loaded(folders: Sequence[Path], troubles: list[PackError]) -> list[ModelPack]:
    packs = []
    for folder in folders:
        try:
            packs.append(load_pack(folder))
        except PackError as error:
            troubles.append(error)
            _log.error("pack %s refused: %s", folder, error)
    return packs


def _serving(
    candidates: Sequence[ModelPack], preferred: ModelPack, catalog: Catalog, *, read_only: bool
) -> ModelPack:  # fmt: skip
    current = catalog.packs.current()
    if not set(current) - {preferred.fingerprint}:
        return preferred
    if not read_only and is_ready(catalog, preferred.fingerprint):
        return preferred
    # Of equal ones the first, and that is the better one.
    serving, most = preferred, _photos_of(preferred, catalog, current, read_only=read_only)
    for pack in candidates:
        photos = _photos_of(pack, catalog, current, read_only=read_only)
        if photos > most and _is_verified(pack, catalog, [], read_only=read_only):
            serving, most = pack, photos
    return serving


def _photos_of(pack: ModelPack, catalog: Catalog, current: dict[str, int], *, read_only: bool) -> int:
    """Return how many photos can be found with this pack: without writing only those that have it now."""
    if read_only:
        return current.get(pack.fingerprint, 0)
    have = catalog.packs.coverage(pack.fingerprint)
    return have.done + have.done_offline


def _take_over(serving: ModelPack, catalog: Catalog, now: float) -> None:
    if set(catalog.packs.current()) - {serving.fingerprint}:
        adopted = catalog.packs.adopt(serving.fingerprint)
        _log.info("the pack %s serves; %d photos had its vectors already", serving.id, adopted)
    if _since(catalog)[0] != serving.fingerprint:
        catalog.set_meta(_SERVING, f"{serving.fingerprint} {now:.0f}")


def _since(catalog: Catalog) -> tuple[str, float]:
    fingerprint, _, since = (catalog.meta(_SERVING) or "").partition(" ")
    return fingerprint, float(since) if since.isdigit() else 0.0


def _series(pack: ModelPack) -> tuple[str, int]:
    """Return the name of a pack without the number at its end, and that number: ``sp-small-2`` → ``sp-small``, 2."""
    name, _, number = pack.id.rpartition("-")
    return (name, int(number)) if name and number.isdecimal() else (pack.id, 0)


def _is_shipped(pack: ModelPack) -> bool:
    return resources() in pack.folder.parents


def _is_verified(pack: ModelPack, catalog: Catalog, troubles: list[PackError], *, read_only: bool) -> bool:
    try:
        _verify_once(pack, catalog, read_only=read_only)
    except PackError as error:
        troubles.append(error)
        _log.error("pack %s refused: %s", pack.folder, error)
        return False
    return True


def _verify_once(pack: ModelPack, catalog: Catalog, *, read_only: bool) -> None:
    """Check the known answer of a pack when it is first used here: checksums cannot see a wrong runtime."""
    mark = f"{pack.manifest.digest} onnxruntime {metadata.version('onnxruntime')}"
    known = (catalog.meta(_VERIFIED) or "").splitlines()
    if mark in known:
        return
    if _is_shipped(pack):
        encoder = OnnxImageEncoder(pack, 1)
        try:
            verify_known_answer(pack, encoder, WordTableEncoder(pack))
        finally:
            encoder.close()
    else:
        # An unknown network: its memory use and run time are tested in a child process.
        try_pack(pack.folder)
    if not read_only:
        catalog.set_meta(_VERIFIED, "\n".join([mark, *known][:_MOST_VERIFIED]))
