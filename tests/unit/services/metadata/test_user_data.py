# SPDX-License-Identifier: GPL-3.0-or-later
"""Work carried from one library to another, and from digiKam."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.relevance_feedback import normal_form
from semantic_photos.domain.tags import Act, FileWords, Remark, Standing
from semantic_photos.domain.user_data import SavedSearchRecord, tag_of_folders
from semantic_photos.services.metadata.user_data import UserDataTransfer
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from semantic_photos.storage.tags import TagStore
from tests.fakes.encoders import word_vector

pytestmark = pytest.mark.slow  # a catalog on the disk for each test


class World:
    def __init__(self, folder: Path, root: str) -> None:
        folder.mkdir()
        self.database = Database.open(folder / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.store, self.work = self.catalog.tags, self.catalog.user_data
        self.root = self.catalog.folders.add(Path(root))
        self.user_data = UserDataTransfer(self.catalog, self.work, EventBus())

    def add(self, name: str, content: int, *, indexed: bool = True) -> PhotoId:
        stamp = FileStamp(1000 + content, content)
        (photo,) = self.catalog.files.add(self.root.id, [(self.root.path / name, stamp)])
        if indexed:
            row = IndexedPhoto(photo, stamp, ContentKey(f"{content:032x}"), PhotoFacts(), word_vector("red"))
            self.catalog.queue.commit("p", [row])
        return photo

    def tags(self, photo: PhotoId) -> dict[str, Standing]:
        return {line.tag: line.standing for line in self.store.lines([photo], rejected=True).get(photo, [])}

    def vote(self, photo: PhotoId, query: str, vote: int) -> None:
        with self.database.transaction() as connection:
            connection.execute("INSERT INTO feedback VALUES (?, ?, ?, 5.0)", (query, photo, vote))


@pytest.fixture
def old(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "old", "/photos")
    yield made
    made.database.close()


@pytest.fixture
def new(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "new", "/elsewhere")
    yield made
    made.database.close()


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_all_work_arrives(old: World, new: World, tmp_path: Path, suffix: str) -> None:
    moved, waiting, gone = old.add("a.jpg", 1), old.add("b.jpg", 2, indexed=False), old.add("c.jpg", 3)
    old.store.suggest({moved: {"automatic": 0.9}})
    old.store.act(Act.ADD, [moved, waiting], "=cmd|'x'|שלום 👩‍👩‍👧, \"q\"")
    old.store.act(Act.REJECT, [moved], "dog")
    old.catalog.metadata.store_words([(moved, FileWords(("from file",)), "s")])
    old.store.remark([moved], rating=-1, favourite=True, caption="two\nlines; =1+1")
    old.store.act(Act.ADD, [gone], "gone")
    old.vote(moved, "dog beach", -1)
    assert old.work.take_searches([SavedSearchRecord("Sea", "sea -boat", 7.0)]) == 1
    file = tmp_path / f"work.{suffix}"
    assert old.user_data.export(file) == 3
    assert old.user_data.export(file) == 3, "a second time over the first"

    here = new.add("other name.jpg", 1)
    report = new.user_data.import_file(file)
    assert (report.photos, report.not_found, report.bad, report.searches) == (1, 2, 0, 1)
    assert report.unknown == ("/photos/b.jpg", "/photos/c.jpg")
    assert new.tags(here) == {tag: s for tag, s in old.tags(moved).items() if s is not Standing.AUTOMATIC}
    assert new.store.remarks([here])[here] == Remark(-1, favourite=True, caption="two\nlines; =1+1")
    (work,) = new.work.all()
    assert [(vote.query, vote.vote) for vote in work.votes] == [("dog beach", -1)]
    assert new.work.searches() == [SavedSearchRecord("Sea", "sea -boat", 7.0)]
    again = new.user_data.import_file(file)
    assert not again.change
    assert again.searches == 0
    new.store.revert(report.change)
    assert new.tags(here) == {}


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_example_photos_of_saved_searches_arrive(old: World, new: World, tmp_path: Path, suffix: str) -> None:
    moved, apart = old.add("a  b.jpg", 1), old.add("\udcff.jpg", 2)
    query = Query(examples=(Example(moved), Example(apart, weight=-0.6, region=(0.1, 0.1, 0.5, 0.5))))
    old.catalog.searches.add("Like a", query.with_text("snow").with_more_focus("dog"))
    file = tmp_path / f"work.{suffix}"
    old.user_data.export(file)
    new.add("first.jpg", 7)
    here = new.add("other name.jpg", 1)
    assert new.user_data.import_file(file).searches == 1
    (kept,) = new.catalog.searches.list()
    first, second = kept.query.examples
    assert (first, kept.query.text, kept.query.focuses[0].word) == (Example(here), "snow", "dog")
    # One that is not in this library stays as its file.
    assert (second.photo_id, second.path) == (None, Path("/photos/\udcff.jpg"))
    assert (second.weight, second.region) == (-0.6, (0.1, 0.1, 0.5, 0.5))
    assert new.user_data.import_file(file).searches == 0


def test_only_work_is_overwritten(old: World, tmp_path: Path) -> None:
    old.store.act(Act.ADD, [old.add("a.jpg", 1)], "dog")
    photo = tmp_path / "precious.jpg"
    photo.write_bytes(b"\xff\xd8precious")
    link = tmp_path / "link.json"
    link.symlink_to(photo)
    (tmp_path / "other.json").write_text('{"format": "something else"}')
    (tmp_path / "folder.json").mkdir()
    for there in (photo, link, tmp_path / "other.json", tmp_path / "folder.json"):
        with pytest.raises(UserFacingError, match="not overwritten"):
            old.user_data.export(there)
    assert photo.read_bytes() == b"\xff\xd8precious"
    assert (tmp_path / "other.json").read_text() == '{"format": "something else"}'
    for name in ("w.json", "w.csv"):
        assert [old.user_data.export(tmp_path / name) for _ in range(2)] == [1, 1]


def test_a_csv_starts_no_formula(old: World, tmp_path: Path) -> None:
    photo = old.add("a.jpg", 1)
    old.store.remark([photo], caption='=HYPERLINK("x")', rating=-1)
    old.user_data.export(tmp_path / "w.csv")
    with (tmp_path / "w.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    assert "-1" in cells


def test_the_later_decision_counts(old: World, new: World, tmp_path: Path) -> None:
    a, b = old.add("a.jpg", 1), new.add("a.jpg", 1)
    old.store.act(Act.ADD, [a], "dog")
    old.user_data.export(tmp_path / "w.json")
    new.store.act(Act.REJECT, [b], "Dog")
    new.user_data.import_file(tmp_path / "w.json")
    assert new.tags(b) == {"Dog": Standing.REJECTED}
    value = json.loads((tmp_path / "w.json").read_text())
    value["photos"][0]["tags"][0]["decided"] = 9e99
    (tmp_path / "w.json").write_text(json.dumps(value))
    new.user_data.import_file(tmp_path / "w.json")
    assert new.tags(b) == {"Dog": Standing.MANUAL}


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_the_later_of_two_files_counts_in_any_order(old: World, new: World, tmp_path: Path, suffix: str) -> None:
    for world in (old, new):
        world.add("a.jpg", 1)
    files = []
    for when, act in ((100.0, Act.ADD), (200.0, Act.REJECT), (300.0, Act.ADD)):
        TagStore(old.database, now=lambda when=when: when).act(act, [PhotoId(1)], "zoo")
        files.append(tmp_path / f"{when}.{suffix}")
        old.user_data.export(files[-1])
    for order in ((0, 1), (1, 0)):
        reports = [new.user_data.import_file(files[number]) for number in order]
        assert new.tags(PhotoId(1)) == {"zoo": Standing.REJECTED}
        for report in reversed(reports):
            new.store.revert(report.change)
        assert new.tags(PhotoId(1)) == {}
    for number in (0, 2, 1):
        new.user_data.import_file(files[number])
    assert new.tags(PhotoId(1)) == {"zoo": Standing.MANUAL}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{}", "[]", '{"format": "semantic-photos-work", "version": 99}', "a,b\n1,2\n", "\0\0\0",
        '{"a": ' * 5000, 'path,content_key,kind,name,value,time\r\n"half',
    ],
)  # fmt: skip
def test_what_is_no_work_is_refused(new: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "w.json"
    file.write_text(text)
    with pytest.raises(UserFacingError):
        new.user_data.import_file(file)


def test_entries_without_sense_are_left_out(new: World, tmp_path: Path) -> None:
    photo = new.add("a.jpg", 1)
    entries = [
        7, {}, {"path": 7}, {"path": "/x", "path_hex": "zz"},
        {"path": "/elsewhere/a.jpg", "tags": [7, {"tag": "ok", "source": "manual"}, {"tag": "", "source": "manual"},
                                              {"tag": "x", "source": "automatic"}], "rating": 99, "caption": 7,
         "feedback": [{"query": "", "vote": 1}, {"query": "q", "vote": 5}]},
    ]  # fmt: skip
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"format": "semantic-photos-work", "version": 1, "photos": entries}))
    report = new.user_data.import_file(file)
    assert (report.photos, report.bad) == (1, 4)
    assert new.tags(photo) == {"ok": Standing.MANUAL}
    assert new.store.remarks([photo]) == {}


def test_odd_keys_and_paths_find_nothing(new: World, tmp_path: Path) -> None:
    entries = [{"path": "/elsewhere/a.jpg", "content_key": "\ud800"}, {"path": "\ud800/a.jpg"}]
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"format": "semantic-photos-work", "version": 1, "photos": entries}))
    report = new.user_data.import_file(file)
    assert (report.photos, report.not_found, report.bad) == (0, 1, 1)


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_long_questions_arrive_whole_and_names_keep_their_rules(
    old: World, new: World, tmp_path: Path, suffix: str
) -> None:
    long = Query.parse(" OR ".join(f"file:word{number:04d}" for number in range(110)))
    assert 1500 < len(long.text) < 2000
    old.catalog.searches.add("n" * 100, long)
    old.catalog.searches.add("SEA", Query.parse("boat"))
    photo, here = old.add("a.jpg", 1), new.add("a.jpg", 1)
    old.vote(photo, "x" * 1900, 1)
    # Photo 1 of the old library is another one here.
    old.vote(photo, normal_form(Query.similar_to(photo)), 1)
    new.catalog.searches.add("N" * 100, Query.parse("dog"))
    new.catalog.searches.add("sea", Query.parse("water"))
    old.user_data.export(tmp_path / f"w.{suffix}")
    for added in (2, 0):
        assert new.user_data.import_file(tmp_path / f"w.{suffix}").searches == added
    saved = {search.name: search.text for search in new.catalog.searches.list()}
    assert saved == {"N" * 100: "dog", "sea": "water", "n" * 96 + " (2)": long.text, "SEA (2)": "boat"}
    (work,) = new.work.all()
    assert [vote.query for vote in work.votes] == ["x" * 1900]
    assert here == photo


def test_folders_become_tags_but_not_what_was_taken_off(new: World) -> None:
    a, b, c = new.add("Trips/2024/Rome/100CANON/1.jpg", 1), new.add("2.jpg", 2), new.add("Trips/Oslo/3.jpg", 3)
    new.store.act(Act.REJECT, [c], "Trips|Oslo")
    report = new.user_data.import_folders()
    assert (report.photos, len(report.change.tags)) == (2, 1)
    assert [new.tags(photo) for photo in (a, b, c)] == [
        {"Trips|Rome": Standing.MANUAL}, {}, {"Trips|Oslo": Standing.REJECTED},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "tag"),
    [
        (["DCIM", "100APPLE"], ""), (["2024", "2024-05-01"], ""), (["Rome 2024"], "Rome 2024"), (["a|b", "c"], "a b|c"),
        (["Pictures", "Family", "Camera Roll"], "Family"), ([], ""), (["日本"], "日本"),
    ],
)  # fmt: skip
def test_folder_names(names: list[str], tag: str) -> None:
    assert tag_of_folders(names) == tag


# digiKam


@pytest.fixture
def digikam(tmp_path: Path) -> Path:
    path = tmp_path / "digikam4.db"
    connection = sqlite3.connect(path)
    connection.executescript("""
        CREATE TABLE AlbumRoots (id INTEGER PRIMARY KEY, label TEXT, status INTEGER NOT NULL, type INTEGER NOT NULL,
            identifier TEXT, specificPath TEXT, caseSensitivity INTEGER, UNIQUE(identifier, specificPath));
        CREATE TABLE Albums (id INTEGER PRIMARY KEY, albumRoot INTEGER NOT NULL, relativePath TEXT NOT NULL,
            date DATE, caption TEXT, collection TEXT, icon INTEGER, modificationDate DATETIME);
        CREATE TABLE Images (id INTEGER PRIMARY KEY, album INTEGER, name TEXT NOT NULL, status INTEGER NOT NULL,
            category INTEGER NOT NULL, modificationDate DATETIME, fileSize INTEGER, uniqueHash TEXT,
            manualOrder INTEGER);
        CREATE TABLE Tags (id INTEGER PRIMARY KEY, pid INTEGER, name TEXT NOT NULL, icon INTEGER, iconkde TEXT);
        CREATE TABLE ImageTags (imageid INTEGER NOT NULL, tagid INTEGER NOT NULL, UNIQUE (imageid, tagid));
        CREATE TABLE ImageInformation (imageid INTEGER PRIMARY KEY, rating INTEGER, creationDate DATETIME);
        CREATE TABLE ImageComments (id INTEGER PRIMARY KEY, imageid INTEGER, type INTEGER, language TEXT, author TEXT,
            date DATETIME, comment TEXT);
        INSERT INTO AlbumRoots VALUES (1, 'x', 0, 1, 'volumeid:?path=%2Felsewhere', '/', 0),
            (2, 'y', 0, 1, 'volumeid:?uuid=abcd', '/me', 0);
        INSERT INTO Albums VALUES (1, 1, '/trip', NULL, NULL, NULL, NULL, NULL),
            (2, 2, '/deep/er', NULL, NULL, NULL, NULL, NULL), (3, 1, '/', NULL, NULL, NULL, NULL, NULL);
        INSERT INTO Images VALUES (1, 1, 'a.jpg', 1, 1, NULL, 1001, 'h', NULL), (2, 2, 'b.jpg', 1, 1, NULL, 1002, 'h',
            NULL), (3, 3, 'c.jpg', 1, 1, NULL, 1003, 'h', NULL), (4, 1, 'none.jpg', 1, 1, NULL, 9, 'h', NULL);
        INSERT INTO Tags VALUES (1, 0, 'animal', NULL, NULL), (2, 1, 'dog', NULL, NULL), (3, 0,
            '_Digikam_Internal_Tags_', NULL, NULL), (4, 3, 'Color Label Red', NULL, NULL), (5, 6, 'loop', NULL, NULL),
            (6, 5, 'pool', NULL, NULL);
        INSERT INTO ImageTags VALUES (1, 2), (1, 4), (2, 1), (4, 1), (3, 4);
        INSERT INTO ImageInformation VALUES (1, -1, NULL), (3, 4, NULL);
        INSERT INTO ImageComments VALUES (1, 3, 1, 'x-default', NULL, NULL, 'A caption'), (2, 3, 3, 'x-default', NULL,
            NULL, 'A title');
    """)
    connection.close()
    return path


def test_work_of_digikam(new: World, digikam: Path) -> None:
    a, b, c = new.add("trip/a.jpg", 1), new.add("my/deep/er/b.jpg", 2), new.add("c.jpg", 3)
    before = digikam.read_bytes()
    report = new.user_data.import_digikam(digikam)
    assert (report.photos, report.not_found, report.unknown) == (3, 1, ("/elsewhere/trip/none.jpg",))
    assert new.tags(a) == {"animal|dog": Standing.MANUAL}
    assert new.tags(b) == {"animal": Standing.MANUAL}, "found by the end of its path and its size"
    assert new.store.remarks([a, b, c]) == {c: Remark(4, caption="A caption")}
    assert digikam.read_bytes() == before


def test_a_view_without_end_is_no_table_of_digikam(new: World, digikam: Path) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS id, 0 AS pid, 'a' AS name"
    connection = sqlite3.connect(digikam)
    connection.execute("DROP TABLE Tags")
    connection.execute(f"CREATE VIEW Tags AS {endless} FROM c")
    connection.commit()
    connection.close()
    with pytest.raises(UserFacingError, match="the table Tags is missing"):
        new.user_data.import_digikam(digikam)


def test_a_digikam_database_that_takes_too_long(new: World, digikam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semantic_photos.storage.digikam._MOST_STEPS", 20)
    monkeypatch.setattr("semantic_photos.storage.digikam._STEPS", 10)
    with pytest.raises(UserFacingError, match="interrupted"):
        new.user_data.import_digikam(digikam)


@pytest.mark.parametrize("data", [b"", b"no database", b"SQLite format 3\0" + b"\1" * 5000])
def test_what_is_no_digikam(new: World, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "d.db"
    path.write_bytes(data)
    with pytest.raises(UserFacingError, match="digiKam"):
        new.user_data.import_digikam(path)
