# SPDX-License-Identifier: GPL-3.0-or-later
"""The correction in a library: what becomes evidence, where it holds, the way back, and what is not believed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.messages import Notice
from semantic_photos.domain.personalization import Outcome
from semantic_photos.domain.personalization_map import PersonalizationMap, Shift, as_text, linear_map
from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoFacts
from semantic_photos.domain.tags import Act
from semantic_photos.ml.model_pack import ModelPack, load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.services.concepts.personalization import KEY, Personalization, personalized
from semantic_photos.services.concepts.personalized_words import personalized_tags
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from tests.fakes.packs import build_tiny_pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> ModelPack:
    return load_pack(build_tiny_pack(tmp_path_factory.mktemp("pack") / "tiny"))


class House:
    def __init__(self, pack: ModelPack, folder: Path) -> None:
        self.pack, self.database = pack, Database.open(folder / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.store, self.votes, self.bus = self.catalog.tags, self.catalog.feedback, EventBus()
        self.notices: list[Notice] = []
        self.bus.subscribe(Notice, self.notices.append)
        root = self.catalog.folders.add(Path("/photos"))
        stamps = [FileStamp(1000 + i, 10**18 + i, i + 1) for i in range(40)]
        self.ids = self.catalog.files.add(root.id, [(Path(f"/photos/{i}.jpg"), s) for i, s in enumerate(stamps)])
        assert pack.background is not None
        self.catalog.queue.commit(pack.fingerprint, [
            IndexedPhoto(i, stamp, ContentKey(f"{n:032x}"), PhotoFacts(8, 8, "JPEG"), np.asarray(vector, np.float32))
            for n, (i, stamp, vector) in enumerate(zip(self.ids, stamps, pack.background, strict=False))
        ])  # fmt: skip
        self.open()

    def open(self) -> None:
        made = personalized(self.pack, WordTableEncoder(self.pack), self.catalog, self.store, self.votes, self.bus)
        assert made.plain is not None
        assert made.words is not None
        assert made.tags is not None
        self.personalization, self.plain, self.words, self.seen = (
            made.personalization,
            made.plain,
            made.words,
            made.tags,
        )

    def outcome(self, *, better: bool = True) -> Outcome:
        red, blue = self.plain.encode("red"), self.plain.encode("blue")
        assert red is not None
        assert blue is not None
        shift = Shift(linear_map(red[None], (blue - red)[None], np.zeros((0, len(red)), np.float32), 0.01), red[None])
        return Outcome(shift, (), (0.0, 0.0, 0.0), ("red",), 40, better, "" if better else "No better.")


@pytest.fixture
def house(pack: ModelPack, tmp_path: Path) -> House:
    return House(pack, tmp_path)


def test_applied_it_holds_at_once_and_at_the_next_start_and_undone_it_is_gone(house: House) -> None:
    before, photos = house.words.encode("red"), house.pack.background
    assert photos is not None
    plain = house.seen.tag_confidences(np.asarray(photos, np.float32))
    state = house.personalization.apply(house.outcome())
    assert (state.active, state.moved, state.confirmations) == (True, ("red",), 40)
    after = house.words.encode("red")
    assert before is not None
    assert after is not None
    assert after @ house.plain.encode("blue") > before @ house.plain.encode("blue") + 0.1
    assert not np.allclose(house.seen.tag_confidences(np.asarray(photos, np.float32)), plain)
    assert house.words.neighbours(after, 1)[0][0] == "red"
    house.open()
    assert np.array_equal(house.words.encode("red"), after)
    assert house.personalization.undo()
    assert np.array_equal(house.words.encode("red"), before)
    assert np.array_equal(house.seen.tag_confidences(np.asarray(photos, np.float32)), plain)
    assert not house.personalization.undo()
    house.open()
    assert not house.personalization.state().active


def test_what_is_not_better_is_not_applied(house: House) -> None:
    with pytest.raises(UserFacingError, match="No better"):
        house.personalization.apply(house.outcome(better=False))
    assert not house.catalog.meta(KEY)


@pytest.mark.parametrize("other", [False, True])
def test_a_damaged_one_and_one_of_another_pack_are_not_used_and_told(house: House, *, other: bool) -> None:
    shift = house.outcome().shift
    house.catalog.set_meta(KEY, as_text(PersonalizationMap("another", shift)) if other else "{broken")
    before = house.plain.encode("red")
    house.open()
    assert np.array_equal(house.words.encode("red"), before)
    state = house.personalization.state()
    assert not state.active
    assert ("another model pack" if other else "damaged") in state.trouble
    assert house.notices[-1].text == state.trouble
    house.personalization.apply(house.outcome())
    assert house.notices[-1].text == ""
    assert house.personalization.state().active


def test_a_report_that_makes_no_sense_costs_only_the_figures(house: House) -> None:
    personalization_map = PersonalizationMap(
        house.pack.fingerprint, house.outcome().shift, 7, json.dumps({"figures": 3})
    )
    house.catalog.set_meta(KEY, as_text(personalization_map))
    house.open()
    assert house.personalization.state().active
    assert house.personalization.state().figures == ()


def test_tags_rejections_captions_and_votes_are_evidence_and_contradictions_are_none(house: House) -> None:
    store, ids = house.store, house.ids
    store.act(Act.ADD, ids[:5], "colour|red")
    store.act(Act.REJECT, ids[5:7], "red")
    store.act(Act.REJECT, ids[:1], "Red")
    store.act(Act.ADD, ids[:3], "xyzzy")
    store.remark(ids[10:15], caption="a banana")
    store.remark(ids[15:30], caption="the of")
    house.votes.cast("beach", ids[20:22], 1)
    house.votes.cast("beach", ids[22:23], -1)
    house.votes.cast("-beach red", ids[23:24], 1)
    evidence = house.personalization.evidence()
    said = dict(zip(evidence.names, evidence.said.T, strict=True))
    assert set(said) == {"red", "banana", "beach"}
    assert sorted(said["red"][said["red"] != 0].tolist()) == [-1, -1, 1, 1, 1, 1]
    assert sorted(said["banana"][said["banana"] != 0].tolist()) == [0.5] * 5
    assert sorted(said["beach"][said["beach"] != 0].tolist()) == [-1, 1, 1]
    assert evidence.asked.tolist() == [name == "beach" for name in evidence.names]
    assert len(evidence.captions) == 5
    outcome = house.personalization.fit()
    assert not outcome.better
    assert "20 on at least" in outcome.reason


def test_without_anything_confirmed_or_without_a_pack_there_is_a_sentence(house: House) -> None:
    assert "Not enough confirmations: 0" in house.personalization.fit().reason
    bare = Personalization(house.catalog, None, None, "", house.bus)
    bare.load()
    assert not bare.state().active
    with pytest.raises(UserFacingError, match="No usable model pack"):
        bare.fit()
    with pytest.raises(UserFacingError, match="No usable model pack"):
        bare.apply(house.outcome())


def test_moved_tags_keep_their_prior(house: House) -> None:
    shift = house.outcome().shift
    stats = tuple(dataclasses.replace(stat, prior=1.5) for stat in house.pack.tag_table.stats)
    table = dataclasses.replace(house.pack.tag_table, stats=stats)
    moved = personalized_tags(dataclasses.replace(house.pack, tag_table=table), shift)
    assert not np.array_equal(moved.matrix, table.matrix)
    assert np.allclose(moved.prior, 1.5)
