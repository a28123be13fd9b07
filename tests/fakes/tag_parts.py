# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the library that behaves: tags, automatic tagging, keywords in files, the person's work, subjects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from semantic_photos.domain.errors import CancelledError, UserFacingError
from semantic_photos.domain.messages import CancelToken, PhotosChanged
from semantic_photos.domain.personalization import Measured, Outcome
from semantic_photos.domain.personalization_map import Shift
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import (
    KEPT,
    Act,
    Remark,
    Standing,
    TagCount,
    TaggingProgress,
    TagLine,
    after,
    clean_name,
)
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.services.concepts.concept_evaluation import HoldOutResult
from semantic_photos.services.concepts.custom_concepts import LEAST_EXAMPLES, NOTHING, RemovedConcept, TrainedConcept
from semantic_photos.services.concepts.personalization import PersonalizationState
from semantic_photos.services.metadata.keyword_changes import FileChange, WriteReport
from semantic_photos.services.metadata.user_data import ImportReport
from semantic_photos.services.tags.automatic_tagging import TaggingRun
from semantic_photos.services.tags.tag_preview import TagPreview
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.keyword_sync import FailedWrite
from semantic_photos.storage.tags import Change, RemarkRow, TagRow

Guard = Callable[[str], None]


class FakeTags:
    """Tags and remarks in a dictionary, by the real rules."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._names: list[str] = []
        self.rows: dict[tuple[int, int], tuple[Standing, float | None]] = {}
        self.said: dict[int, Remark] = {}

    def _tag_id(self, name: str) -> int:
        for number, known in enumerate(self._names):
            if known.casefold() == name.casefold():
                return number
        self._names.append(name)
        return len(self._names) - 1

    def lines(self, ids: Sequence[int], *, rejected: bool = False) -> dict[PhotoId, list[TagLine]]:
        self._guard("lines")
        wanted = {int(i) for i in ids}
        found: dict[PhotoId, list[TagLine]] = {}
        rows = sorted(self.rows.items(), key=lambda row: (row[1][0] is Standing.AUTOMATIC, -(row[1][1] or 0)))
        for (photo, tag), (standing, confidence) in rows:
            if photo in wanted and (rejected or standing is not Standing.REJECTED):
                found.setdefault(PhotoId(photo), []).append(TagLine(self._names[tag], standing, confidence))
        return found

    def counts(self) -> list[TagCount]:
        self._guard("tag counts")
        found: dict[str, dict[Standing, int]] = {}
        for (_, tag), (standing, _) in list(self.rows.items()):
            photos = found.setdefault(self._names[tag], {})
            photos[standing] = photos.get(standing, 0) + 1
        return [TagCount(name, photos) for name, photos in sorted(found.items())]

    def photos_with(
        self, tag: str, standings: Iterable[Standing] = (), least: float = 0.0
    ) -> list[tuple[PhotoId, TagLine]]:
        self._guard("photos_with")
        wanted = list(standings) or [s for s in Standing if s is not Standing.REJECTED]
        found = [
            (PhotoId(photo), TagLine(self._names[number], standing, confidence))
            for (photo, number), (standing, confidence) in self.rows.items()
            if self._names[number].casefold() == tag.casefold() and standing in wanted
            and (standing is not Standing.AUTOMATIC or (confidence or 0) >= least)
        ]  # fmt: skip
        return sorted(found, key=lambda one: (one[1].standing is Standing.AUTOMATIC, -(one[1].confidence or 0), one[0]))

    def remarks(self, ids: Sequence[int]) -> dict[PhotoId, Remark]:
        self._guard("remarks")
        return {PhotoId(i): self.said[int(i)] for i in ids if int(i) in self.said}

    def act(self, act: Act, ids: Sequence[int], tag: str) -> Change:
        self._guard("act")
        name = clean_name(tag)
        if not name:
            return Change()
        number = self._tag_id(name)
        return self._set([(int(i), number, after(self._standing(int(i), number), act)) for i in ids])

    def _standing(self, photo: int, number: int) -> Standing | None:
        return self.rows.get((photo, number), (None, None))[0]

    def _set(self, moves: Sequence[tuple[int, int, Standing | None]], confidence: float | None = None) -> Change:
        rows = []
        for photo, number, then in moves:
            before, old = self.rows.get((photo, number), (None, None))
            new = confidence if confidence is not None else old
            if (before, old) == (then, new):
                continue
            if then is None:
                self.rows.pop((photo, number), None)
            else:
                self.rows[photo, number] = then, new
            rows.append(TagRow(photo, number, before, old, 0.0, then, new))
        return Change(tuple(rows))

    def suggest(self, found: dict[int, dict[str, float]]) -> Change:
        rows: list[TagRow] = []
        for photo, tags in found.items():
            for tag, confidence in tags.items():
                number = self._tag_id(tag)
                then = after(self._standing(photo, number), Act.SUGGEST)
                if then is Standing.AUTOMATIC:
                    rows += self._set([(photo, number, then)], confidence).tags
        return Change(tuple(rows))

    def remove_automatic(self) -> Change:
        gone = [(*key, None) for key, (standing, _) in self.rows.items() if standing is Standing.AUTOMATIC]
        return self._set(gone)

    def remark(
        self, ids: Sequence[int], *, rating: int | None = None, favourite: bool | None = None,
        caption: str | None = None,
    ) -> Change:  # fmt: skip
        self._guard("remark")
        rows = []
        for photo in map(int, ids):
            old = self.said.get(photo, Remark())
            new = Remark(
                old.rating if rating is None else rating,
                old.favourite if favourite is None else favourite,
                old.caption if caption is None else caption,
            )
            if new != old:
                self.said[photo] = new
                rows.append(RemarkRow(photo, old, new))
        return Change(remarks=tuple(rows))

    def revert(self, change: Change) -> Change:
        self._guard("revert")
        back: list[TagRow] = []
        for row in change.tags:
            if self._standing(row.photo_id, row.tag_id) == row.after:
                back += self._set([(row.photo_id, row.tag_id, row.before)], row.confidence_before).tags
        remarks = []
        for one in change.remarks:
            if self.said.get(one.photo_id, Remark()) == one.after:
                self.said[one.photo_id] = one.before
                remarks.append(RemarkRow(one.photo_id, one.after, one.before))
        return Change(tuple(back), tuple(remarks))


class FakeTagging:
    """Gives each photo the tag ``guess`` on a thread, ``step`` photos at a time."""

    def __init__(self, tags: FakeTags, bus: EventBus, photos: Callable[[], int], guard: Guard) -> None:
        self._tags, self._bus, self._photos, self._guard = tags, bus, photos, guard
        self._paused, self._token = threading.Event(), CancelToken()
        self._thread: threading.Thread | None = None
        self.least: float | None = None
        self.least_now: float | None = None
        self.measured = False
        self.step = 60
        self.last = TaggingProgress(0, 0, running=False)
        self.last_run: TaggingRun | None = None

    @property
    def is_paused(self) -> bool:
        return self._paused.is_set()

    def preview(self, least: float = 0.4, token: CancelToken | None = None) -> TagPreview:
        self._guard("preview")
        (token or CancelToken()).raise_if_cancelled()
        total = self._photos()
        return TagPreview(total, [{"guess": 1 - (i % 10) / 20} for i in range(total)])

    def start(self, least: float = 0.8) -> None:
        self.least = self.least_now = least
        self._token = CancelToken()
        self._thread = threading.Thread(target=self._run, args=(least, self._token), name="fake-tagger")
        self._thread.start()

    def _run(self, least: float, token: CancelToken) -> None:
        total, done, rows = self._photos(), 0, list[TagRow]()
        while done < total and not token.wait(0.01):
            if self.is_paused:
                self._tell(TaggingProgress(done, total, len(rows), paused=True))
                time.sleep(0.02)
                continue
            chunk = range(done, min(done + self.step, total))
            found = {i: {"guess": 1 - (i % 10) / 20} for i in chunk if 1 - (i % 10) / 20 >= least}
            change = self._tags.suggest(found)
            rows += change.tags
            done = chunk.stop
            self._tell(TaggingProgress(done, total, len(rows)))
            self._bus.publish(PhotosChanged(updated=change.photo_ids))
        self._tell(TaggingProgress(done, total, len(rows), running=False))
        self.last_run = TaggingRun(done, len(rows), 0.1, Change(tuple(rows)), token.cancelled)

    def _tell(self, progress: TaggingProgress) -> None:
        self.last = progress
        self._bus.publish(progress)

    def pause(self) -> None:
        self._paused.set()

    def resume(self) -> None:
        self._paused.clear()

    def cancel(self) -> None:
        self._token.cancel()
        self.resume()

    def settle(self, timeout_s: float | None = None) -> bool:
        self._guard("settle")
        if self._thread is not None:
            self._thread.join(timeout_s)
        return True

    def close(self) -> None:
        self.cancel()
        if self._thread is not None:
            self._thread.join()

    def undo(self) -> Change:
        self._guard("undo")
        run, self.last_run, self.least_now = self.last_run, None, None
        return self._tags.revert(run.change) if run is not None else Change()

    def remove_automatic(self) -> Change:
        self._guard("remove_automatic")
        self.least_now = None
        return self._tags.remove_automatic()


class FakeKeywords:
    """Writes nothing, and remembers what was asked; photo 3 cannot be written for the first time."""

    def __init__(self, tags: FakeTags, guard: Guard) -> None:
        self._tags, self._guard = tags, guard
        self._broken = {3}
        self.asked: list[dict[str, object]] = []

    def write(
        self, ids: Sequence[PhotoId] | None = None, *, embed: bool = False, automatic: float | None = None,
        adobe: bool = False, dry_run: bool = False, failed_only: bool = False, token: CancelToken | None = None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> WriteReport:  # fmt: skip
        self._guard("write")
        self.asked.append({"ids": ids, "embed": embed, "automatic": automatic, "dry": dry_run, "failed": failed_only})
        jobs: dict[int, list[str]] = {}
        for (photo, tag), (standing, confidence) in self._tags.rows.items():
            wanted = standing in KEPT or (automatic is not None and (confidence or 0) >= automatic)
            if wanted and (ids is None or photo in ids) and (not failed_only or photo == 3):
                jobs.setdefault(photo, []).append(self._tags._names[tag])
        changes, failures = [], []
        for number, (photo, names) in enumerate(jobs.items(), start=1):
            path = Path(f"/home/you/Pictures/IMG_{photo:05d}.jpg")
            if photo in self._broken and not dry_run:
                self._broken.discard(photo)
                failures.append(FailedWrite(PhotoId(photo), path, "write.gone", "The folder cannot be written to.", 1))
            else:
                target = path if embed else path.with_name(f"{path.name}.xmp")
                changes.append(FileChange(path, target, embed, tuple(names)))
            on_progress(number, len(jobs))
        return WriteReport(tuple(changes), 0, tuple(failures))

    def failed(self) -> list[FailedWrite]:
        self._guard("failed")
        return []


class FakeExporting:
    """Exports a line; imports a tag ``imported`` for photo 1."""

    def __init__(self, tags: FakeTags, guard: Guard) -> None:
        self._tags, self._guard = tags, guard

    def export(self, file: Path) -> int:
        self._guard("export")
        file.write_text("work\n")
        return 7

    def _import(self, _file: Path | None = None) -> ImportReport:
        self._guard("import")
        return ImportReport(1, ("/gone/a.jpg",), 1, 0, 0, self._tags.act(Act.IMPORT, [1], "imported"))

    def import_file(self, file: Path) -> ImportReport:
        return self._import(file)

    def import_digikam(self, file: Path) -> ImportReport:
        return self._import(file)

    def import_folders(self) -> ImportReport:
        return self._import()


class FakeTeaching:
    """The twelve photos after the examples look like them; the last of these is the most uncertain one."""

    def __init__(self, tags: FakeTags, guard: Guard) -> None:
        self._tags, self._guard = tags, guard
        self.known: dict[str, list[int]] = {}

    def train(self, name: str, ids: Sequence[PhotoId], *, n: int = 50, ask: int = 30) -> TrainedConcept:
        self._guard("teach")
        if len(ids) < LEAST_EXAMPLES:
            raise UserFacingError(Message("Too few photos."), code="teach.examples")
        change = self._tags.act(Act.ADD, ids, name)
        self.known.setdefault(name, sorted(map(int, ids)))
        return self._as_trained(name, n, change)

    def _as_trained(self, name: str, n: int, change: Change = NOTHING) -> TrainedConcept:
        given = self.known[name]
        decided = {int(i): line.standing for i, line in self._tags.photos_with(name, tuple(Standing))}
        free = [i for i in range(given[-1] + 1, given[-1] + 13) if i not in decided][:n]
        right = sum(standing in KEPT for standing in decided.values())
        after = min(len(given), 3 + (right - len(given)) // 2)
        held = HoldOutResult(len(given), 2, after, 20, 60, False, after - 2, 0)
        asked = tuple((PhotoId(i), 0.5 - 0.02 * k) for k, i in enumerate(reversed(free)))
        likely = tuple((PhotoId(i), 0.9 - 0.01 * k) for k, i in enumerate(free))
        return TrainedConcept(name, right, len(decided) - right, held, likely, asked, change, new=bool(change))

    def again(self, name: str, *, n: int = 50, ask: int = 30, first: int | None = None) -> TrainedConcept:
        self._guard("again")
        return self._as_trained(name, n)

    def names(self) -> list[str]:
        self._guard("taught names")
        return list(self.known)

    def undo(self, trained: TrainedConcept) -> Change:
        self._guard("teach undo")
        self.known.pop(trained.name, None)
        return self._tags.revert(trained.change)

    def take_back(self, name: str) -> RemovedConcept:
        self._guard("take_back")
        given = self.known.pop(name)
        number = self._tags._tag_id(name)
        change = self._tags._set([(photo, number, None) for photo, tag in list(self._tags.rows) if tag == number])
        return RemovedConcept(name, change, tuple(given), 1.0)

    def bring_back(self, forgotten: RemovedConcept) -> Change:
        self._guard("bring_back")
        self.known[forgotten.name] = list(forgotten.given)
        return self._tags.revert(forgotten.change)


class FakeAdapting:
    """A fit that takes a moment and is better, or not, as a test wishes."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.better, self.active, self.trouble = True, False, NO_MESSAGE
        self.hold = threading.Event()
        self.hold.set()
        self.cancelled, self.waiting, self.lost = False, False, False

    def _figures(self) -> tuple[Measured, ...]:
        return (Measured("precision at 10 of confirmed words", 0.5, 0.6, 12),)

    def state(self) -> PersonalizationState:
        self._guard("state")
        figures = self._figures() if self.active else ()
        return PersonalizationState(self.active, self.trouble, 40 if self.active else 0, figures, 1.0, ())

    def fit(
        self, *, token: CancelToken | None = None, progress: Callable[[float], None] = lambda _: None
    ) -> Outcome:  # fmt: skip
        self._guard("fit")
        progress(0.5)
        while not self.hold.wait(0.01):
            self.waiting = True
            if token is not None and token.cancelled:
                self._tell_late(progress)
                self.cancelled = True
                raise CancelledError
        reason = NO_MESSAGE if self.better else Message("No measurable improvement on held-out confirmations.")
        return Outcome(Shift.none(3), self._figures(), (0.1, 0.0, 0.2), ("bello",), 40, self.better, reason)

    def _tell_late(self, progress: Callable[[float], None]) -> None:
        # As a real trial may that is in the middle of a step when it is stopped.
        try:
            progress(0.6)
        except RuntimeError:
            self.lost = True

    def apply(self, outcome: Outcome) -> PersonalizationState:
        self._guard("apply")
        assert outcome.better
        self.active = True
        return self.state()

    def undo(self) -> bool:
        self._guard("undo")
        was, self.active, self.trouble = self.active, False, NO_MESSAGE
        return was
