# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.query import Query
from semantic_photos.domain.tags import Act, Standing
from semantic_photos.domain.vectors import normalise
from semantic_photos.services.concepts.concept_direction import fit_direction
from semantic_photos.services.concepts.concept_words import ConceptWords
from semantic_photos.services.concepts.custom_concepts import CustomConcepts
from semantic_photos.storage.tags import TagStore
from tests.fakes.encoders import FakeTextEncoder
from tests.unit.services.search.test_search_service import World as SearchWorld
from tests.unit.services.tags.test_automatic_tagging import World, pack, world

pytestmark = pytest.mark.slow  # a catalog on the disk for each test

__all__ = ["pack", "world"]


@pytest.mark.parametrize("examples", [5, 20])
def test_a_subject_is_found_among_what_is_like_it(examples: int) -> None:
    rng = np.random.default_rng(2)
    concept, cone = normalise(rng.normal(size=(2, 32)))
    near = normalise(concept + 0.6 * normalise(rng.normal(size=32)))

    def photos(n: int, what: np.ndarray) -> np.ndarray:
        return normalise(1.5 * cone + what + 0.06 * rng.normal(size=(n, 32)))

    others = photos(400, normalise(rng.normal(size=(400, 32))))
    library = np.concatenate([photos(20, concept), photos(60, near), others])
    chosen = photos(examples, concept)
    fitted = fit_direction("x", chosen, library)
    found = np.argsort(-(library @ fitted.vector))[:20]
    assert (found < 20).mean() >= 0.8
    assert float((chosen @ fitted.vector).mean()) > fitted.background + 2 * fitted.spread


@pytest.mark.parametrize("examples", [5, 20])
def test_examples_that_lie_in_the_library_are_not_among_the_others(examples: int) -> None:
    rows = normalise(np.random.default_rng(3).normal(size=(200, 16)).astype(np.float32))
    own = np.zeros(200, np.bool_)
    own[3 : 3 + examples] = True
    apart, within = fit_direction("x", rows[own], rows[~own]), fit_direction("x", rows[own], rows, own=own)
    assert within.vector == pytest.approx(apart.vector, abs=1e-6)
    assert (within.background, within.spread) == pytest.approx((apart.background, apart.spread), abs=1e-6)


def test_teaching_sets_the_tag_and_finds_the_others(world: World) -> None:
    reds = world.add(*["red"] * 7)
    world.add(*["blue", "green", "white"] * 4)
    custom_concepts = CustomConcepts(world.catalog, world.store, world.pack, None)
    world.store.act(Act.REJECT, [reds[6]], "My red")
    trained = custom_concepts.train("My red", reds[:5], n=3)
    assert trained.likely[0][0] == reds[5]
    assert reds[6] not in [photo for photo, _ in trained.likely]
    assert world.tags(reds[0]) == {"My red": Standing.MANUAL}
    assert custom_concepts.concept("my red") is not None
    world.store.revert(trained.change)
    assert world.tags(reds[0]) == {}
    assert custom_concepts.concept("My red") is None


def test_a_taught_name_is_a_word_of_the_search(tmp_path: Path) -> None:
    shelf = SearchWorld(tmp_path)
    pack = SimpleNamespace(fingerprint=shelf.encoder.fingerprint)
    store = shelf.catalog.tags
    custom_concepts = CustomConcepts(shelf.catalog, store, pack, None)  # type: ignore[arg-type]
    shelf.search = shelf.service(ConceptWords(FakeTextEncoder(), custom_concepts.names, custom_concepts.direction))  # type: ignore[arg-type]
    greens = [shelf.ids[f"green-{n}"] for n in range(5)]
    for name, question in (("People|Rex", "rex"), ("Uncle Bobby", "Uncle bobby"), ("red", "Red")):
        before = shelf.search.run(Query.parse(question))
        trained = custom_concepts.train(name, greens)
        page = shelf.search.run(Query.parse(question), limit=5)
        assert set(page.ids.tolist()) == set(greens)
        assert page.unknown_words == ()
        both = shelf.search.run(Query.parse(f"{question} blue zzz"), limit=10)
        assert {stem.split("-")[0] for stem in shelf.stems(both.query, 10)} == {"green", "blue"}
        assert both.unknown_words == ("zzz",)
        store.revert(trained.change)
        after = shelf.search.run(Query.parse(question))
        assert (after.ids.tolist(), after.unknown_words) == (before.ids.tolist(), before.unknown_words)
    shelf.close()


def test_rejections_teach_and_are_asked_no_more(world: World) -> None:
    reds = world.add(*["red"] * 9)
    blues = world.add(*["blue", "green", "white"] * 6)
    custom_concepts = CustomConcepts(world.catalog, world.store, world.pack, None)
    trained = custom_concepts.train("My red", reds[:5])
    assert trained.new
    assert trained.held_out.examples == 5
    assert not trained.held_out.by_word
    asked = [photo for photo, _ in trained.photos_to_review]
    assert asked
    assert set(asked) <= {*reds[5:], *blues}
    world.store.act(Act.CONFIRM, reds[5:7], "My red")
    world.store.act(Act.REJECT, blues[:2], "My red")
    again = custom_concepts.again("my RED", first=trained.held_out.first)
    assert (again.name, again.examples, again.rejected) == ("My red", 7, 2)
    assert again.held_out.examples == 5, "what was found by a model is no proof of it"
    assert again.held_out.first == trained.held_out.first
    assert not {photo for photo, _ in (*again.photos_to_review, *again.likely)} & {*reds[:7], *blues[:2]}
    assert not again.change


def test_a_subject_is_taken_back_and_brought_back(world: World) -> None:
    reds = world.add(*["red"] * 8)
    world.add(*["blue", "green"] * 4)
    times = iter(range(1_000, 2_000))
    store = TagStore(world.database, lambda: next(times))
    custom_concepts = CustomConcepts(world.catalog, store, world.pack, None, lambda: next(times))
    store.act(Act.ADD, reds[7:], "My red")
    custom_concepts.train("My red", reds[:5])
    store.act(Act.REJECT, reds[5:6], "my red")
    gone = custom_concepts.take_back("my red")
    assert (custom_concepts.names(), custom_concepts.direction("My red")) == ([], None)
    assert [world.tags(photo) for photo in (reds[0], reds[7])] == [{}, {"My red": Standing.MANUAL}]
    assert store.rejections(reds) == {}
    with pytest.raises(UserFacingError, match="no custom concept"):
        custom_concepts.again("My red")
    custom_concepts.bring_back(gone)
    assert custom_concepts.direction("My red") is not None
    assert list(store.rejections(reds)) == [reds[5]]


def test_undone_teaching_leaves_no_name_and_damage_no_trouble(world: World) -> None:
    reds = world.add(*["red"] * 6)
    world.add(*["blue"] * 4)
    custom_concepts = CustomConcepts(world.catalog, world.store, world.pack, None)
    custom_concepts.undo(custom_concepts.train("x", reds[:5]))
    assert custom_concepts.names() == []
    for damage in ("[", "[1]", '{"x": 3}', '{"x": {"photos": [1e99, null], "since": "a"}}', "[" * 9000):
        world.catalog.set_meta("teach.given", damage)
        assert custom_concepts.train("x", reds[:5]).held_out.examples == 5
        custom_concepts.take_back("x")


def test_too_few_examples_are_said(world: World) -> None:
    custom_concepts = CustomConcepts(world.catalog, world.store, world.pack, None)
    with pytest.raises(UserFacingError, match="5 to 50"):
        custom_concepts.train("x", world.add("red", "red", "blue"))
    with pytest.raises(UserFacingError, match="name"):
        custom_concepts.train(" | ", [])
