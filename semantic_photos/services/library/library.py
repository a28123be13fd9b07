# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens one library and wires its services: the only object that window and command line hold."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.messages import FoldersChanged, IndexChanged, Notice, PhotosChanged
from semantic_photos.domain.photo import Counts, FailedPhoto, Folder, FolderId, Photo, PhotoId
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.settings import Settings
from semantic_photos.domain.tags import KEPT
from semantic_photos.domain.translatable import Message
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.thumbnails import ThumbnailStore
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import Paths
from semantic_photos.services.concepts.concept_words import ConceptWords
from semantic_photos.services.concepts.custom_concepts import CustomConcepts
from semantic_photos.services.concepts.personalization import personalized
from semantic_photos.services.explain.explanation import Explainer
from semantic_photos.services.explain.salient_words import SalientWords
from semantic_photos.services.explain.thumbnail_explanation import ThumbnailExplainer
from semantic_photos.services.indexing.indexer import Indexer
from semantic_photos.services.indexing.pack_change import PackChange
from semantic_photos.services.indexing.scanner import Scanner, require_folder
from semantic_photos.services.indexing.watcher import Watcher
from semantic_photos.services.library.catalog_copies import back_up_if_due, recover_catalog
from semantic_photos.services.library.pack_choice import choose_packs, prune_old_packs
from semantic_photos.services.library.photo_images import PhotoImages
from semantic_photos.services.metadata.keyword_files import KeywordFiles
from semantic_photos.services.metadata.user_data import UserDataTransfer
from semantic_photos.services.search.completion import Completions
from semantic_photos.services.search.relevance_feedback import RelevanceFeedback
from semantic_photos.services.search.search_service import SearchService
from semantic_photos.services.search.vocabulary import Vocabulary
from semantic_photos.services.tags.automatic_tagging import AutoTagger
from semantic_photos.services.threads.concurrency import EventBus, Lanes
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from semantic_photos.storage.library_lock import LibraryLock
from semantic_photos.storage.settings_file import load_settings, save_settings

_log = logging.getLogger(__name__)

#: Dimension used when no pack can be loaded: the index then holds nothing.
_NO_DIM = 1
#: A photo that is missing for so long is forgotten.
KEEP_MISSING_S = 30 * 24 * 3600.0


class Library:
    """A user's photo library: constructs, wires and closes; the work is done by its parts.

    Thread: every method may be called from any thread. Except ``bus``, ``lanes``, ``indexer`` and ``settings``,
    all of it may block on disk, database, index or network, so the window calls it on a lane.

    Attributes:
        bus: messages about changes.
        lanes: threads for work.
        indexer: the background worker.
        search: answers queries.
        vocabulary: tags and words.
        salient_words: what a photo shows, as a few different things.
        explainer: why a photo was found.
        thumbnail_explainer: the same for many thumbnails, quickly.
        completions: what may come next in the search field.
        tags: the tags and remarks of photos, and everything a user does to them.
        tagging: automatic tags.
        keywords: keywords in photo files and sidecars.
        user_data: user data out and in.
        custom_concepts: custom concepts.
        personalization: what words mean to this user, from what they confirmed.
        pack: the model pack that answers, or None when none can be used (a notice says why).
        pack_change: prepares a better pack, if there is one.
    """

    def __init__(
        self,
        paths: Paths,
        database: Database,
        lock: LibraryLock | None,
        *,
        pack_folder: Path | None = None,
        watch: bool = False,
        processes: int | None = None,
    ) -> None:
        self.paths, self._database, self._lock = paths, database, lock
        self.read_only = lock is None
        self.settings: Settings = load_settings(paths.settings)
        self.bus, self.lanes = EventBus(), Lanes()
        self._notices: dict[str, Notice] = {}
        self._notice_lock = threading.Lock()
        self.bus.subscribe(Notice, self._keep_notice)
        self.catalog = Catalog(database)
        packs = choose_packs(paths, self.catalog, self.bus.publish, pack_folder, read_only=self.read_only)
        self.pack = packs.serving
        threads = self.settings.encoder_threads or max(1, (os.cpu_count() or 2) // 2)
        self.encoder = OnnxImageEncoder(self.pack, threads) if self.pack is not None else None
        self.tags, votes = self.catalog.tags, self.catalog.feedback
        self._table = WordTableEncoder(self.pack) if self.pack is not None else None
        seen = personalized(self.pack, self._table, self.catalog, self.tags, votes, self.bus)
        self.personalization, self.words = seen.personalization, seen.words
        self.decoders = DecoderPool(processes or self.settings.decode_processes or min(4, os.cpu_count() or 2))
        self.thumbnails = ThumbnailStore(paths.thumbnails, self.settings.thumbnail_cache_mb * 1_000_000)
        self._pictures = PhotoImages(self.decoders, self.thumbnails, keep=not self.read_only)
        self.index = self._open_index()
        scanner = Scanner(self.catalog, skip=(paths.data, paths.cache, paths.config, paths.logs))
        self.indexer = Indexer(
            self.catalog, self.index, self.encoder, self.decoders, self.thumbnails, self.bus, scanner=scanner
        )
        other = OnnxImageEncoder(packs.preparing) if packs.preparing is not None else None
        self.pack_change = PackChange(
            self.catalog, other, self.decoders, self.bus,
            idle=lambda: not self.indexer.is_paused and self.indexer.wait_until_idle(0),
        )  # fmt: skip
        self.custom_concepts = custom_concepts = CustomConcepts(self.catalog, self.tags, self.pack, self.words)
        self.personalization.follow(custom_concepts.forget)
        text = (
            ConceptWords(self.words, custom_concepts.names, custom_concepts.direction)
            if self.words is not None
            else None
        )
        self.search = SearchService(
            self.catalog, self.index, text, self.encoder, self.decoders,
            counts=lambda: self.indexer.progress.counts if self.indexer.progress.counts.total else self.counts(),
            background=self.pack.background if self.pack is not None else None,
            limit=lambda: self.settings.result_limit, feedback=RelevanceFeedback(votes, self.index),
            cutoff=self.pack.cutoff if self.pack is not None else None,
        )  # fmt: skip
        self.tagging = AutoTagger(
            self.catalog, self.tags, seen.tags, seen.plain, self.bus, colours=lambda: self.settings.tag_colours
        )
        self.keywords = KeywordFiles(self.catalog, self.catalog.metadata, self.decoders, self.bus)
        self.user_data = UserDataTransfer(self.catalog, self.catalog.user_data, self.bus)
        self.vocabulary = Vocabulary(
            self.catalog,
            self.index,
            seen.tags,
            self.words,
            store=self.tags,
            tree=self.tagging.tree,
            matches=self.search.matches,
            submit=self.lanes.pool.submit,
        )
        self.salient_words = SalientWords(seen.tags)
        self.explainer = Explainer(
            self.search.examples, text, self.salient_words, self.search.sample, self._keywords_of,
            text.custom_concepts if text is not None else lambda _: (), self.search.matches.probability,
        )  # fmt: skip
        self.thumbnail_explainer = ThumbnailExplainer(self.explainer, self.encoder, self.thumbnail)
        self.completions = Completions(self.catalog, self.vocabulary)
        self._watcher: Watcher | None = None
        self._closed = False
        if self._table is not None:
            self.lanes.pool.submit(self._table.prepare)
        if not self.read_only:
            self._begin(watch=watch)

    @classmethod
    def open(
        cls,
        paths: Paths,
        *,
        pack_folder: Path | None = None,
        watch: bool = False,
        processes: int | None = None,
        read_only: bool = False,
    ) -> Library:
        """Open the library that lives in ``paths``, made anew if there is none.

        Args:
            paths: where it lives.
            pack_folder: a model pack to use instead of the installed ones.
            watch: watch the folders and index what changes; otherwise nothing is scanned until asked.
            processes: decoder processes; None takes the setting.
            read_only: open beside another program that has the library: searching only.

        Raises:
            BusyError: another program has the library open for writing.
            CatalogError: the catalog cannot be used; ``recover_catalog`` is the way on if it is damaged.
            UserFacingError: a folder of ``paths`` cannot be made.
        """
        paths.create()
        lock = None if read_only else LibraryLock.acquire(paths.data / "library.lock")
        try:
            database = Database.open(paths.catalog, read_only=read_only)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return cls(paths, database, lock, pack_folder=pack_folder, watch=watch, processes=processes)

    @staticmethod
    def recover_catalog(paths: Paths) -> Message:
        """Set a damaged catalog aside (renamed, not deleted) and bring back the last good copy, if there is one.

        Returns:
            What was done, as a sentence. Without a copy the next ``open`` starts a new catalog.

        Raises:
            BusyError: another program has the library open.
            CatalogError: nothing could be renamed or copied.
        """
        return recover_catalog(paths)

    # Folders

    def folders(self) -> list[Folder]:
        """Return the watched roots."""
        return self.catalog.folders.all()

    def add_folder(self, path: Path) -> Folder:
        """Watch a folder and index it; one that is already watched is compared again.

        Raises:
            FolderError: when it is no folder, cannot be read, or overlaps with another root.
        """
        # Not resolved through links: the user sees and means the path that was given.
        path = Path(os.path.abspath(path.expanduser()))
        require_folder(path)
        folder = self.catalog.folders.add(path)
        self.bus.publish(FoldersChanged((folder.id,)))
        if self._watcher is not None:
            self._watcher.watch(self.folders())
        self.indexer.scan([folder])
        return folder

    def remove_folder(self, folder_id: FolderId) -> None:
        """Stop watching a folder and forget its photos; the files stay as they are."""
        ids = self.catalog.folders.remove(folder_id)
        self.index.remove([int(i) for i in ids])
        if self._watcher is not None:
            self._watcher.watch(self.folders())
        # Once more on the worker's thread: a batch that was committed just before may enter the index after it.
        self.indexer.forget(folder_id, ids)
        for kind in ("offline", "unreadable"):
            self.bus.publish(Notice(f"folder.{kind}.{folder_id}"))
        self.bus.publish(FoldersChanged((folder_id,)))
        self.bus.publish(PhotosChanged(removed=tuple(ids)))

    def rescan(self) -> None:
        """Compare all folders with the catalog."""
        self.indexer.scan(self.folders())
        self.keywords.check()

    def retry_failed(self, ids: Sequence[PhotoId] | None = None) -> None:
        """Try photos that were set aside once more; None means all of them."""
        self.catalog.queue.retry(ids)
        self.indexer.refresh()

    # What is known

    def announce(self, photo_ids: Sequence[PhotoId]) -> None:
        """Notify listeners that tags, captions or ratings of these photos changed, set by a part without the bus."""
        self.bus.publish(PhotosChanged(updated=tuple(photo_ids)))

    def photos(self, ids: Sequence[PhotoId]) -> dict[PhotoId, Photo]:
        """Return these photos with their facts; unknown ids are left out."""
        return self.catalog.photos.get(ids)

    def failures(self) -> list[FailedPhoto]:
        """Return the photos that were set aside, with their reasons."""
        return self.catalog.queue.failures()

    def counts(self) -> Counts:
        """Return how many photos stand where."""
        return self.catalog.photos.counts(self.pack.fingerprint if self.pack is not None else "")

    def notices(self) -> list[Notice]:
        """Return what a user should know now."""
        with self._notice_lock:
            return list(self._notices.values())

    def engine(self) -> IndexChanged:
        """Return how searches are answered, and why not by Annoy."""
        segment, delta, _ = self.index.sizes
        return IndexChanged(self.index.engine, segment, delta, self.index.reason)

    # Pictures

    def thumbnail(self, photo: Photo) -> bytes | None:
        """Return the thumbnail of a photo as JPEG, as ``PhotoImages.thumbnail``."""
        return self._pictures.thumbnail(photo)

    def preview(self, path: Path, side: int) -> ByteArray:
        """Return a photo as upright sRGB pixels, as ``PhotoImages.preview``."""
        return self._pictures.preview(path, side)

    # Life

    def save_settings(self, settings: Settings) -> None:
        """Take over and store settings.

        Raises:
            UserFacingError: when they cannot be written; they hold until the end of the program then.
        """
        self.settings = settings
        if not self.read_only:
            save_settings(self.paths.settings, settings)

    def close(self) -> None:
        """Stop all threads and child processes and close the catalog. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # Callers before what they call: nothing may call into a closed part.
        if self._watcher is not None:
            self._watcher.close()
        self.pack_change.close()
        self.indexer.close()
        self.tagging.close()
        self.keywords.close()
        self.decoders.close()
        self.lanes.close()
        if self.encoder is not None:
            self.encoder.close()
        self.index.close()
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Library:
        """Return the open library."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the library."""
        self.close()

    # Wiring

    def _begin(self, *, watch: bool) -> None:
        forgotten = self.catalog.files.purge_missing(KEEP_MISSING_S)
        if forgotten:
            _log.info("forgot %d photos that were missing for long", forgotten)
        self.tagging.follow()
        self.keywords.follow()
        self.indexer.start()
        self.lanes.pool.submit(back_up_if_due, self._database, self.catalog, self.paths)
        if self.pack is not None and not self.pack_change.is_needed:
            self.lanes.pool.submit(prune_old_packs, self.paths, self.catalog, self.pack)
        if not watch:
            return
        self.pack_change.start()
        watcher = self._watcher = Watcher(
            on_paths=self.indexer.look_at,
            on_rescan=self._rescan_root,
            on_notice=self.bus.publish,
            rescan_s=self.settings.rescan_minutes * 60.0,
        )
        reports = self.indexer.last_reports
        self.indexer.on_compared = lambda: watcher.tell_coverage(
            {folder.path: reports[folder.id].folders for folder in self.folders() if folder.id in reports}
        )
        self._watcher.start()
        self._watcher.watch(self.folders())
        self.rescan()

    def _rescan_root(self, root: Path) -> None:
        self.indexer.scan([folder for folder in self.folders() if folder.path == root])
        self.keywords.check()

    def _keywords_of(self, photo_id: PhotoId) -> list[str]:
        # What the network suggests stands nowhere: only what the user or a file says is a keyword.
        return [line.tag for line in self.tags.lines([photo_id]).get(photo_id, ()) if line.standing in KEPT]

    def _keep_notice(self, notice: Notice) -> None:
        with self._notice_lock:
            if notice.text:
                self._notices[notice.code] = notice
            else:
                self._notices.pop(notice.code, None)

    def _open_index(self) -> HybridIndex:
        fingerprint = self.pack.fingerprint if self.pack is not None else "none"
        dim = self.pack.dim if self.pack is not None else _NO_DIM
        index = HybridIndex(self.paths.index / fingerprint, dim, fingerprint, read_only=self.read_only)
        index.load(
            ids_now=lambda: self.catalog.vectors.searchable_ids(fingerprint),
            vectors_for=lambda ids: self.catalog.vectors.get(fingerprint, ids),
            changed_since=lambda generation: self.catalog.vectors.changed_since(fingerprint, generation),
            generation=lambda: self.catalog.vectors.generation(fingerprint),
        )
        return index


__all__ = ["KEEP_MISSING_S", "Library", "UserFacingError"]
