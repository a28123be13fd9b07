# SPDX-License-Identifier: GPL-3.0-or-later
"""The personalization service: fits, proves, applies and removes a map from the user's confirmations."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.messages import CancelToken, Notice
from semantic_photos.domain.personalization import Evidence, Measured, Outcome, personalize
from semantic_photos.domain.personalization_map import PersonalizationMap, as_text, from_text
from semantic_photos.domain.ports import TagModel, TextEncoder
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.services.concepts.personalization_evidence import EvidenceReader
from semantic_photos.services.concepts.personalized_words import Personalized, PersonalizedPack, PersonalizedWords
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.relevance_feedback import VoteStore
from semantic_photos.storage.tags import TagStore

_log = logging.getLogger(__name__)

#: Key of the catalog for the personalization map.
KEY = "adapt.correction"
_NOTICE = "adapt.trouble"
ADVICE = Message("Personalize again from your confirmations, or turn personalization off.")


@dataclass(frozen=True, slots=True)
class PersonalizationState:
    """How things stand.

    Attributes:
        active: whether a map is in use.
        trouble: why a stored one is not, as a sentence; empty if there is none or it is used.
        confirmations: how many the map in use was fitted on.
        figures: what was measured then, on confirmations it had not seen.
        made: epoch seconds; 0 when unknown.
        moved: words that it moves.
    """

    active: bool
    trouble: Message = NO_MESSAGE
    confirmations: int = 0
    figures: tuple[Measured, ...] = ()
    made: float = 0.0
    moved: tuple[str, ...] = ()


class Personalization:
    """Fits, applies and removes the personalization map.

    The vectors of photos, the index and the pack stay as they are: what changes is what words are compared with. So
    a map holds from one query to the next, and nothing has to be computed again.

    Thread: any; blocking (catalog).

    Args:
        catalog: where it is kept.
        confirmations: what people said; None without a pack.
        personalized: where it is used; None without a pack.
        pack: fingerprint of the pack.
        bus: where notices go.
    """

    def __init__(
        self,
        catalog: Catalog,
        confirmations: EvidenceReader | None,
        personalized: Personalized | None,
        pack: str,
        bus: EventBus,
    ) -> None:
        self._catalog, self._confirmations, self._personalized = catalog, confirmations, personalized
        self._pack, self._bus = pack, bus
        self._changed: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._trouble = NO_MESSAGE

    def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` whenever the map in use has changed."""
        self._changed = changed

    def load(self) -> None:
        """Use the stored map, if there is one for this pack; report it if there is one that cannot be used.

        Raises:
            CatalogError: the catalog cannot be read.
        """
        text = self._catalog.meta(KEY)
        if not text or self._personalized is None:
            return
        try:
            personalization_map = from_text(text)
        except ValueError as error:
            _log.warning("the stored correction is not used: %s", error)
            self._say(Message("Personalization is off: its data is damaged ({reason}).", reason=error))
            return
        if personalization_map.pack != self._pack or personalization_map.dim != self._personalized.dim:
            self._say(Message("Personalization is off: it was made for another model pack."))
            return
        self._personalized.use(personalization_map)

    def state(self) -> PersonalizationState:
        """Return whether a map is in use, and its measured figures."""
        personalization_map = self._personalized.personalization_map if self._personalized is not None else None
        if personalization_map is None:
            return PersonalizationState(active=False, trouble=self._trouble)
        return _told(personalization_map)

    def evidence(self, token: CancelToken | None = None) -> Evidence:
        """Return the available evidence.

        Raises:
            UserFacingError: there is no pack.
            CancelledError, CatalogError: as ``fit``.
        """
        if self._confirmations is None:
            raise UserFacingError(Message("No usable model pack: personalization is not possible."), code="pack.none")
        return self._confirmations.evidence(token)

    def fit(
        self, *, token: CancelToken | None = None, progress: Callable[[float], None] = lambda _: None
    ) -> Outcome:  # fmt: skip
        """Fit a map to all confirmations and prove it on held-out ones; nothing is changed by it.

        Args:
            token: to give up.
            progress: told the share that is done, 0 to 1, on the caller's thread.

        Raises:
            UserFacingError: there is no pack.
            CancelledError: when the token says so.
            CatalogError: the catalog cannot be read.
        """
        evidence = self.evidence(token)
        progress(0.05)
        return personalize(evidence, token=token, progress=lambda share: progress(0.05 + 0.95 * share))

    def apply(self, outcome: Outcome) -> PersonalizationState:
        """Use what was fitted from now on, and at every start.

        Raises:
            UserFacingError: it was not better, or there is no pack.
            CatalogError: it cannot be stored; then it is not used either.
        """
        if self._personalized is None:
            raise UserFacingError(Message("No usable model pack: personalization is not possible."), code="pack.none")
        if not outcome.better:
            raise UserFacingError(outcome.reason, code="adapt.not-better")
        report = {
            "made": time.time(),
            "moved": outcome.moved,
            "figures": [[one.name, one.before, one.after, one.count] for one in outcome.figures],
        }
        text = as_text(PersonalizationMap(self._pack, outcome.shift, outcome.confirmations, json.dumps(report)))
        with self._lock:
            self._catalog.set_meta(KEY, text)
            # As it was stored, so that the next start answers in the same way.
            self._personalized.use(from_text(text))
            self._say(NO_MESSAGE)
        self._changed()
        return self.state()

    def undo(self) -> bool:
        """Remove the map, also one that is not in use; return whether there was one.

        Raises:
            CatalogError: the catalog cannot be written; then it stays.
        """
        with self._lock:
            had = bool(self._catalog.meta(KEY))
            if had:
                self._catalog.set_meta(KEY, "")
            if self._personalized is not None:
                self._personalized.use(None)
            self._say(NO_MESSAGE)
        if had:
            self._changed()
        return had

    def _say(self, text: Message) -> None:
        if text or self._trouble:
            self._bus.publish(Notice(_NOTICE, text, ADVICE if text else NO_MESSAGE))
        self._trouble = text


@dataclass(frozen=True, slots=True)
class AdaptedWords:
    """Words and tags of a library with and without personalization.

    Attributes:
        personalization: fits, applies and removes the map.
        plain: the words as they are in the pack; None without a pack, as the others.
        words: the words with personalization applied.
        tags: the automatic tags with personalization applied.
    """

    personalization: Personalization
    plain: TextEncoder | None = None
    words: TextEncoder | None = None
    tags: TagModel | None = None


def personalized(
    pack: ModelPack | None,
    plain: TextEncoder | None,
    catalog: Catalog,
    store: TagStore,
    votes: VoteStore,
    bus: EventBus,
) -> AdaptedWords:
    """Return the words and tags of a library, with its stored personalization applied.

    Args:
        pack: the pack, or None.
        plain: its words, or None without a pack.
        catalog: where the map is stored.
        store: tags, which are evidence for it.
        votes: votes likewise.
        bus: where notices go.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    if pack is None or plain is None:
        return AdaptedWords(Personalization(catalog, None, None, "", bus))
    personalized = Personalized(pack)
    confirmations = EvidenceReader(catalog, store, votes, pack, plain)
    personalization = Personalization(catalog, confirmations, personalized, pack.fingerprint, bus)
    personalization.load()
    return AdaptedWords(
        personalization, plain, PersonalizedWords(plain, personalized), PersonalizedPack(pack, personalized)
    )


def _told(personalization_map: PersonalizationMap) -> PersonalizationState:
    try:
        report: Any = json.loads(personalization_map.report)
        figures = tuple(Measured(str(n), float(b), float(a), int(c)) for n, b, a, c in report["figures"])
        made, moved = float(report["made"]), tuple(map(str, report["moved"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return PersonalizationState(active=True, confirmations=personalization_map.confirmations)
    return PersonalizationState(
        active=True, confirmations=personalization_map.confirmations, figures=figures, made=made, moved=moved
    )
