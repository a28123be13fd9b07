# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking closely: regions, focus, away, heat maps and reasons, votes; on photos made of coloured patches."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from semantic_photos.domain.errors import PhotoError, QueryError
from semantic_photos.domain.example_focus import mixed
from semantic_photos.domain.heat_map import over_photo, render, standard_scores, warmth
from semantic_photos.domain.photo import Counts, FileStamp, ImageRecipe, PhotoFacts, PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.result_cutoff import background
from semantic_photos.domain.vectors import weighted_sum
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.preprocess import square
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.services.concepts.concept_words import ConceptWords
from semantic_photos.services.explain.explanation import HEAT_SIDE, Explainer, Explanation, WordShare, exact_matches
from semantic_photos.services.explain.salient_words import SalientWords, diverse
from semantic_photos.services.search import dense_features
from semantic_photos.services.search.relevance_feedback import RelevanceFeedback
from semantic_photos.services.search.search_service import SearchService
from semantic_photos.services.search.vocabulary import Vocabulary
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from tests.fakes.decoders import FakeDecoders
from tests.fakes.encoders import MEANINGS, FakeImageEncoder, FakeTextEncoder
from tests.fakes.packs import build_tiny_pack, random_photos

WORDS = ("red", "green", "blue", "yellow", "black", "white")
BACKGROUND = FakeImageEncoder().encode(random_photos(32, 64))


def patches(*rows: tuple[str, ...], size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Return a picture of patches in the colours of words, row by row."""
    small = Image.new("RGB", (len(rows[0]), len(rows)))
    for y, row in enumerate(rows):
        for x, word in enumerate(row):
            small.putpixel((x, y), MEANINGS[word] or (0, 0, 0))
    return small.resize(size, Image.Resampling.NEAREST)


class World:
    """Five photos of each colour, one of red beside blue, one of green with a yellow corner."""

    def __init__(self, tmp_path: Path) -> None:
        self.database = Database.open(tmp_path / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.encoder, self.text, self.decoders = FakeImageEncoder(), FakeTextEncoder(), FakeDecoders()
        self.index = HybridIndex(tmp_path / "index", self.encoder.dim, self.encoder.fingerprint)
        self.root = tmp_path / "photos"
        pictures = {f"{word}-{n}": patches((word,)) for word in WORDS for n in range(5)}
        pictures["both"] = patches(("red", "blue"), size=(120, 60))
        pictures["corner"] = patches(*[("green",) * 4] * 3, ("green", "green", "green", "yellow"))
        folder = self.catalog.folders.add(self.root)
        files = [(self.root / f"{name}.jpg", FileStamp(n + 1, n + 1)) for n, name in enumerate(pictures)]
        ids = self.catalog.files.add(folder.id, files)
        self.ids = dict(zip(pictures, ids, strict=True))
        self.decoders.pictures = {path: pictures[path.stem] for path, _ in files}
        vectors = self.encoder.encode(np.stack([square(one, self.encoder.recipe) for one in pictures.values()]))
        rows = [
            IndexedPhoto(photo_id, stamp, f"{n:032x}", PhotoFacts(), vectors[n])  # type: ignore[arg-type]
            for n, (photo_id, (_, stamp)) in enumerate(zip(ids, files, strict=True))
        ]
        self.catalog.queue.commit(self.encoder.fingerprint, rows)
        self.index.add([int(i) for i in ids], vectors)
        self.feedback = RelevanceFeedback(self.catalog.feedback, self.index)
        self.search = SearchService(
            self.catalog, self.index, self.text, self.encoder, self.decoders,  # type: ignore[arg-type]
            counts=Counts, background=BACKGROUND, feedback=self.feedback,
        )  # fmt: skip
        self.pack = load_pack(build_tiny_pack(tmp_path / "pack"))
        self.salient_words = SalientWords(self.pack)
        self.explainer = Explainer(self.search.examples, self.text, self.salient_words, self.search.sample,
                                   keywords=lambda _: ("Family|Anna", "sunset"))  # fmt: skip

    def stems(self, query: Query, limit: int = 5) -> list[str]:
        return self.names(self.search.run(query, limit=limit).ids.tolist())

    def names(self, ids: list[int]) -> list[str]:
        photos = self.catalog.photos.get([PhotoId(i) for i in ids])
        return [photos[PhotoId(i)].path.stem for i in ids]

    def likes(self, query: Query, n: int = 5) -> set[str]:
        """Return the colours of the first hits, the example itself left out."""
        own = {example.photo_id for example in query.examples}
        ids = [i for i in self.search.run(query, limit=n + 1).ids.tolist() if i not in own]
        return {name.split("-")[0] for name in self.names(ids[:n])}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("why"))
    yield made
    made.index.close()
    made.database.close()


@pytest.fixture
def world(shared: World) -> World:
    shared.feedback.clear()
    return shared


def test_a_region_brings_what_is_in_it(world: World) -> None:
    query = Query.similar_to(world.ids["both"])
    assert world.likes(query.with_region((0.0, 0.0, 0.45, 1.0))) == {"red"}
    assert world.likes(query.with_region((0.6, 0.2, 0.3, 0.3))) == {"blue"}
    assert world.likes(Query.similar_to(world.ids["corner"]).with_region((0.8, 0.8, 0.01, 0.01))) == {"yellow"}


def test_small_regions_are_cut_from_a_larger_picture(world: World) -> None:
    world.decoders.asked.clear()
    world.search.run(Query.similar_to(world.ids["corner"]).with_region((0.8, 0.8, 0.1, 0.1)))
    (request,) = world.decoders.asked
    assert request.recipe is not None
    assert request.recipe.side >= 10 * world.encoder.recipe.side


def test_a_region_that_is_none_is_an_error(world: World) -> None:
    with pytest.raises(QueryError):
        world.search.run(Query.similar_to(world.ids["both"]).with_region((0.2, 0.2, float("nan"), 0.1)))
    with pytest.raises(QueryError):
        world.search.run(Query.similar_to(world.ids["both"]).with_region((2, 2, 0.1, 0.1)))


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_a_region_is_cut_in_every_recipe(fit: str) -> None:
    picture = patches(("red", "blue"), ("green", "yellow"), size=(120, 60))
    whole = square(picture, ImageRecipe(96))
    part = dense_features.cut(whole, (0.5, 0.5, 0.5, 0.5), ImageRecipe(32, fit), 120, 60)
    assert part.shape == (32, 32, 3)
    assert part[16, 16].tolist() == pytest.approx(list(MEANINGS["yellow"] or ()), abs=3)
    if fit == "pad":  # the part is twice as wide as high
        assert part[2, 16].tolist() == [128, 128, 128]


def test_focus_and_away_choose_opposite_parts(world: World) -> None:
    query = Query.similar_to(world.ids["both"])
    assert world.likes(query.with_focus("blue")) == {"blue"}
    assert world.likes(query.with_focus("red")) == {"red"}
    assert world.likes(query.with_more_focus("blue", -1.0)) == {"red"}
    assert world.likes(query.with_more_focus("red", -1.0)) == {"blue"}


def test_positions_are_remembered_until_the_file_changes(world: World) -> None:
    query = Query.similar_to(world.ids["both"])
    world.search.run(query.with_focus("blue"))
    world.decoders.asked.clear()
    world.search.run(query.with_focus("red"))
    assert not world.decoders.asked


def test_a_word_beside_a_photo_is_heard(world: World) -> None:
    stems = world.stems(Query.similar_to(world.ids["blue-1"]).with_text("red"), 12)
    assert {"both"} <= set(stems)
    assert "red" in {stem.split("-")[0] for stem in stems}


def test_a_photo_without_another(world: World) -> None:
    query = Query.similar_to(world.ids["both"]).with_example(Example(photo_id=world.ids["blue-1"], weight=-1.0))
    assert world.likes(query) == {"red"}


@pytest.mark.parametrize(("word", "left"), [("red", True), ("blue", False)])
def test_the_heat_is_where_the_word_is(world: World, word: str, left: bool) -> None:
    why = world.explainer.explain(Example(photo_id=world.ids["both"]), Query.parse(word))
    h, w = why.heat.shape
    assert w == 2 * h
    assert (why.hottest[0] < 0.5) == left
    halves = why.heat[:, : w // 2].mean(), why.heat[:, w // 2 :].mean()
    assert (halves[0] > halves[1]) == left
    assert not why.heat.flags.writeable
    picture = np.full((30, 60, 3), 90, np.uint8)
    assert render(why.heat, picture).shape == picture.shape


def slowly(world: World, query: Query, photo: Example, sample: np.ndarray | None) -> tuple[np.ndarray, list[float]]:
    """Return the heat and the words' scores, with nothing looked up ahead."""
    assert world.search.examples.look is not None
    seen = world.search.examples.look.positions(world.search.examples.path_of(photo))
    words = [(term.weight, world.text.encode(term.word)) for term in query.terms]
    likes = [
        (one.weight, world.search.examples.vector(one)) for one in query.examples if one.photo_id != photo.photo_id
    ]
    plus, toward = ([part for part in parts if part[0] > 0] for parts in (words, likes))
    direction = weighted_sum(mixed(plus, toward, sample))  # type: ignore[arg-type]
    if direction is None:
        direction = weighted_sum([(abs(weight), vector) for weight, vector in words] or likes)  # type: ignore[arg-type]
    own = world.search.examples.stored_vector(photo.photo_id)  # type: ignore[arg-type]
    scores = []
    for _, vector in words:
        mean, std = background(sample @ vector) if sample is not None else (0.0, 1.0)
        scores.append((float(own @ vector) - mean) / std)  # type: ignore[operator]
    size = round(HEAT_SIDE * min(seen.facts.height / seen.facts.width, 1.0))
    if direction is None:
        return np.zeros((size, HEAT_SIDE), np.float32), scores
    mean, std = background((sample if sample is not None else seen.flat) @ direction)
    square = standard_scores(seen.map_of(direction), mean, std)
    return warmth(over_photo(square, seen.box, size, HEAT_SIDE)), scores


@given(
    words=st.lists(st.sampled_from(WORDS), unique=True, max_size=3),
    signs=st.lists(st.sampled_from([1.0, -1.0, 0.5]), min_size=5, max_size=5),
    likes=st.lists(st.sampled_from(["red-0", "blue-1", "both", "corner"]), unique=True, max_size=2),
    name=st.sampled_from(["both", "corner", "red-1"]),
    known=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_what_is_looked_up_once_changes_no_number(
    shared: World, words: list[str], signs: list[float], likes: list[str], name: str, known: bool
) -> None:
    text = " ".join(f"{'-' if sign < 0 else ''}{word}" for word, sign in zip(words, signs, strict=False))
    examples = tuple(Example(shared.ids[like], weight=sign) for like, sign in zip(likes, signs[3:], strict=False))
    query, photo = replace(Query.parse(text), examples=examples), Example(shared.ids[name])
    assume(not query.is_empty)
    sample = BACKGROUND if known else None
    explainer = Explainer(shared.search.examples, shared.text, shared.salient_words, lambda: sample)
    heat, scores = slowly(shared, query, photo, sample)
    for _ in range(2):
        why = explainer.explain(photo, query)
        np.testing.assert_allclose(why.heat, heat, atol=1e-5)
        told = {one.word: one.stands_out for one in why.words}
        assert [told[word] for word in words] == pytest.approx(scores, abs=1e-5)


def test_an_example_from_elsewhere_is_read_once_for_many_photos(world: World, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    world.decoders.pictures[outside] = patches(("blue",))
    query = Query(examples=(Example(path=outside),))
    world.decoders.asked.clear()
    for name in ("both", "corner", "red-1"):
        world.explainer.explain(Example(world.ids[name]), query)
    assert [request.path for request in world.decoders.asked].count(outside) == 1


def test_a_name_that_means_something_else_by_now_is_asked_anew(world: World) -> None:
    meaning = {"it": world.text.encode("red")}
    words = ConceptWords(world.text, lambda: ["it"], lambda _: meaning["it"])
    explainer = Explainer(world.search.examples, words, world.salient_words, world.search.sample)
    photo = Example(world.ids["both"])
    assert explainer.explain(photo, Query.parse("it")).hottest[0] < 0.5
    meaning["it"] = world.text.encode("blue")
    assert explainer.explain(photo, Query.parse("it")).hottest[0] > 0.5


def test_words_have_shares_and_minus_words_count_against(world: World) -> None:
    why = world.explainer.explain(Example(photo_id=world.ids["both"]), Query.parse("red -blue green"))
    shares = {one.word: one.share for one in why.words}
    assert shares["red"] > 0.2
    assert shares["blue"] < -0.2
    assert shares["green"] == 0
    assert sum(abs(share) for share in shares.values()) == pytest.approx(1)
    assert "red" in why.sentence()


def test_a_percentage_is_told_only_where_it_is_a_probability() -> None:
    shares = (WordShare("dog", 0.6, 3.0, 0.826), WordShare("beach", 0.3, 1.0), WordShare("cat", -0.1, 1.0, 0.3))
    why = Explanation(np.zeros((1, 1), np.float32), (0.5, 0.5), shares, (), ())
    assert why.sentence() == "dog 83 %, beach, −cat 30 %"


def test_what_is_not_there_is_cold(world: World) -> None:
    why = world.explainer.explain(Example(photo_id=world.ids["black-1"]), Query.parse("yellow"))
    assert why.heat.max() == 0
    assert why.sentence() == ""


def test_similar_because_of_what_both_show(world: World) -> None:
    why = world.explainer.explain(Example(photo_id=world.ids["both"]), Query.similar_to(world.ids["blue-1"]))
    assert "blue" in [concept.tag for concept in why.shared]
    assert "red" not in [concept.tag for concept in why.shared]
    assert why.hottest[0] > 0.5


def test_the_example_itself_needs_no_reason(world: World) -> None:
    query = Query.similar_to(world.ids["both"])
    assert world.explainer.explain(Example(photo_id=world.ids["both"]), query).heat.max() == 0
    focused = world.explainer.explain(Example(photo_id=world.ids["both"]), query.with_focus("blue"))
    assert focused.hottest[0] > 0.5


def test_exact_text_in_name_and_keywords(world: World) -> None:
    why = world.explainer.explain(Example(photo_id=world.ids["both"]), Query.parse("anna both red zzz -sunset"))
    assert why.exact == ("anna", "both")
    assert exact_matches(["img_12.jpg", "12", "1", "img_12"], Path("/a/IMG_12.jpg")) == ("img_12.jpg", "12", "img_12")


def test_only_unknown_or_only_minus_words_can_be_explained(world: World) -> None:
    assert world.explainer.explain(Example(photo_id=world.ids["both"]), Query.parse("zzz")).heat.max() == 0
    why = world.explainer.explain(Example(photo_id=world.ids["both"]), Query.parse("-blue"))
    assert why.hottest[0] > 0.5


def test_what_cannot_be_explained_is_said(world: World) -> None:
    with pytest.raises(QueryError):
        world.explainer.explain(Example(photo_id=world.ids["both"]), Query())
    with pytest.raises(QueryError):
        world.explainer.explain(Example(photo_id=PhotoId(999)), Query.parse("red"))
    with pytest.raises(PhotoError):
        world.explainer.explain(Example(path=world.root / "nothing.jpg"), Query.parse("red"))


def test_a_photo_that_takes_too_long_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_features, "_TIMEOUT_S", 0.01)
    monkeypatch.setattr(world.decoders, "submit", lambda *_, **__: Future())
    with pytest.raises(PhotoError, match="within"):
        world.explainer.explain(Example(path=world.root / "slow.jpg"), Query.parse("red"))


def test_concepts_are_different_things(world: World) -> None:
    vector = world.encoder.encode(square(patches(("red", "blue")), world.encoder.recipe)[None])[0]
    tags = [concept.tag for concept in world.salient_words.of_vector(vector, 3)]
    assert {"red", "blue"} <= set(tags)
    assert SalientWords(None).of_vector(vector) == []
    assert SalientWords(None).shared(vector, vector) == []


def test_near_synonyms_and_parts_of_names_are_left_out() -> None:
    matrix = np.array([[1, 0, 0], [0.99, 0.1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    names = ["dog", "puppy", "ball", "golf ball"]
    assert diverse(np.arange(4), matrix, 0.9, 4, names) == [0, 2]
    assert diverse(np.array([3, 2, 1, 0]), matrix, 0.9, 2, names) == [3, 1]


def test_votes_count_at_once_and_can_be_undone(world: World) -> None:
    query = Query.parse("red")
    before = world.search.run(query, limit=8)
    assert not before.votes
    down, up = PhotoId(int(before.ids[0])), world.ids["yellow-2"]
    world.feedback.vote(query, [up], 1)
    world.feedback.vote(query, [down], -1)
    page = world.search.run(Query.parse(" RED "), limit=8)
    assert page.votes == {up: 1, down: -1}
    assert int(page.ids[0]) == up
    assert down not in page.ids[: page.strong].tolist()
    if down in page.ids.tolist():
        assert int(page.ids[-1]) == down
    assert not world.search.run(Query.parse("blue")).votes
    assert world.feedback.undo()
    assert world.feedback.undo()
    assert world.search.run(query, limit=8).ids.tolist() == before.ids.tolist()


def test_votes_find_more_of_what_is_meant(world: World) -> None:
    query = Query.similar_to(world.ids["both"])
    world.feedback.vote(query, [world.ids["blue-0"], world.ids["blue-1"]], 1)
    world.feedback.vote(query, [world.ids["red-0"]], -1)
    stems = world.stems(query, 7)
    assert stems[0] == "both"
    assert {stem.split("-")[0] for stem in stems[1:6]} == {"blue"}


def test_an_empty_question_takes_no_votes(world: World) -> None:
    with pytest.raises(QueryError):
        world.feedback.vote(Query(), [world.ids["both"]], 1)
    assert world.feedback.votes(Query()) == {}


def test_words_near_a_photo_with_how_many_photos_each_finds(world: World) -> None:
    vocabulary = Vocabulary(world.catalog, world.index, world.pack, WordTableEncoder(world.pack))
    vector = world.encoder.encode(square(patches(("red",)), world.encoder.recipe)[None])[0]
    near = vocabulary.near_photo(vector)
    assert 1 < len(near) <= 5
    # Things first, by how many photos they find; colours last.
    things = [neighbour.photos for neighbour in near[:-1]]
    assert things == sorted(things, reverse=True)
    assert near[-1].word == "red"
    assert near[-1].photos >= 5
    for caution in (0.0, 1.0):
        told = {neighbour.word: neighbour.photos for neighbour in vocabulary.near_photo(vector, 6, caution)}
        assert told["red"] == world.search.count(Query.parse("red"), caution)
    assert len({neighbour.word for neighbour in near}) == len(near)
    assert vocabulary.near_photo(vector, 0) == []
    # What is like ordinary photos has no words.
    ordinary = world.pack.background.mean(axis=0)
    assert vocabulary.near_photo(ordinary / np.linalg.norm(ordinary)) == []
    with pytest.raises(QueryError):
        Vocabulary(world.catalog, world.index, None, None).near_photo(vector)


def test_a_taught_name_of_several_words_is_explained_as_one(world: World) -> None:
    green = world.text.encode("green")
    words = ConceptWords(world.text, lambda: ["Papers|Passport photo"], lambda _: green)  # type: ignore[arg-type]
    assert words.custom_concepts(["blue", "passport", "photo", "passport"]) == [(1, 2)]
    explainer = Explainer(
        world.search.examples,
        words,
        world.salient_words,
        world.search.sample,
        lambda _: ("Passport photo",),
        words.custom_concepts,
    )
    photo = Example(world.ids["green-1"])
    why = explainer.explain(photo, Query.parse("passport photo -red blue"))
    plain = explainer.explain(photo, Query.parse("green -red blue"))
    assert [(one.word, one.share) for one in why.words] == [
        ("passport photo" if one.word == "green" else one.word, one.share) for one in plain.words
    ]
    assert np.array_equal(why.heat, plain.heat)
    assert why.exact == ("passport photo",)
