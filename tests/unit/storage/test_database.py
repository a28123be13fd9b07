# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions, threads, a full disk, a file that is deleted under the program, a reader beside a writer."""

from __future__ import annotations

import gc
import os
import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from semantic_photos.domain.errors import CatalogError, InternalError
from semantic_photos.domain.photo import Counts
from semantic_photos.storage import connections
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from tests.unit.storage.conftest import PACK, Shelf


def code_of(work: Callable[[], object]) -> str:
    """Return the code of the error that ``work`` ends with; its text must be fit to be shown."""
    with pytest.raises(CatalogError) as caught:
        work()
    sentence = caught.value.sentence()
    assert sentence[0].isupper() or sentence.startswith("/")
    assert sentence.endswith(".")
    # The library's name is no word for a person; in the name of a file it may stand.
    assert "sqlite" not in re.sub(r"\S+\.sqlite", "", sentence.lower())
    return caught.value.code


def on_thread(work: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    if errors:
        raise errors[0]


def write(database: Database, value: str = "x") -> None:
    with database.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('key', ?)", (value,))


def test_a_new_catalog_is_private_and_ours(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "catalog.sqlite")
    write(database)
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.sqlite"]
    assert (tmp_path / "catalog.sqlite").stat().st_mode & 0o077 == 0
    assert (tmp_path / "catalog.sqlite").read_bytes()[68:72] == b"SePh"


def test_a_folder_with_a_name_that_is_no_text(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 %20?#&mode=memory"))
    odd.mkdir()
    with_name = Shelf(odd / "catalog.sqlite")
    with_name.indexed(1)
    with_name.database.roll_backup()
    with_name.reopen()
    assert len(with_name.searchable()) == 1
    with_name.database.close()
    assert Database.latest_backup(odd / "catalog.sqlite") is not None


def test_an_error_inside_keeps_nothing(shelf: Shelf) -> None:
    with pytest.raises(ZeroDivisionError), shelf.database.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        raise ZeroDivisionError
    assert shelf.catalog.meta("a") is None
    write(shelf.database)


def test_a_wrong_statement_is_our_own_bug(shelf: Shelf) -> None:
    with pytest.raises(InternalError), shelf.database.transaction() as connection:
        connection.execute("SELECT * FROM nothing")
    with pytest.raises(InternalError), shelf.database.read() as connection:
        connection.execute("SELECT ?", (object(),))


def test_transactions_do_not_nest(shelf: Shelf) -> None:
    with pytest.raises(InternalError), shelf.database.transaction(), shelf.database.transaction():
        pass
    with shelf.database.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        assert shelf.catalog.meta("a") == "b", "a reading inside sees what was written"
    write(shelf.database)


def test_a_reading_sees_one_moment(shelf: Shelf) -> None:
    with shelf.database.read() as connection:
        count = "SELECT count(*) FROM meta"
        before = connection.execute(count).fetchone()
        on_thread(lambda: write(shelf.database))
        assert connection.execute(count).fetchone() == before
    assert shelf.catalog.meta("key") == "x"


def test_writers_of_one_program_wait_for_each_other(shelf: Shelf) -> None:
    def count_up() -> None:
        for _ in range(20):
            with shelf.database.transaction() as connection:
                row = connection.execute("SELECT value FROM meta WHERE key = 'n'").fetchone()
                number = int(row[0]) + 1 if row else 1
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('n', ?)", (str(number),))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shelf.catalog.meta("n") == "80"


def test_a_thread_that_ends_leaves_no_open_file(shelf: Shelf) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("no list of open files here")
    on_thread(shelf.catalog.folders.all)
    gc.collect()
    before = len(list(descriptors.iterdir()))
    for _ in range(10):
        on_thread(shelf.catalog.folders.all)
    gc.collect()
    assert len(list(descriptors.iterdir())) <= before


def test_after_closing_every_thread_is_told_so(shelf: Shelf) -> None:
    ready, go = threading.Event(), threading.Event()
    codes: list[str] = []

    def ask() -> None:
        shelf.catalog.folders.all()
        ready.set()
        go.wait()
        codes.append(code_of(shelf.catalog.folders.all))

    thread = threading.Thread(target=ask)
    thread.start()
    ready.wait()
    shelf.database.close()
    shelf.database.close()
    go.set()
    thread.join()
    assert codes == ["catalog.closed"]
    assert code_of(shelf.catalog.folders.all) == "catalog.closed"
    assert code_of(lambda: write(shelf.database)) == "catalog.closed"
    on_thread(lambda: code_of(shelf.catalog.folders.all))


def test_closing_interrupts_a_long_question(shelf: Shelf) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(tell(i)) FROM n"
    running = threading.Event()
    codes: list[str] = []

    def tell(number: int) -> int:
        running.set()
        return number

    def ask() -> None:
        def question() -> None:
            with shelf.database.read() as connection:
                connection.create_function("tell", 1, tell)
                connection.execute(endless).fetchone()

        codes.append(code_of(question))

    thread = threading.Thread(target=ask)
    thread.start()
    assert running.wait(20)
    shelf.database.close()
    thread.join(20)
    assert codes == ["catalog.closed"]


def test_a_thread_that_never_lets_go_does_not_hold_up_the_end(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semantic_photos.storage.database.CLOSE_S", 0.05)
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with pytest.raises(CatalogError), shelf.database.read() as connection:
            holding.set()
            let_go.wait()
            connection.execute("SELECT 1")
            raise CatalogError("as if")

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    shelf.database.close()
    let_go.set()
    thread.join()


def test_a_full_disk_takes_nothing_that_was_kept_and_ends_by_itself(shelf: Shelf) -> None:
    kept = shelf.indexed(*range(10))
    with shelf.database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    assert code_of(lambda: shelf.indexed(*range(100, 900))) == "catalog.full"
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=10)
    assert shelf.searchable() == kept
    with shelf.database.read() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    shelf.indexed(*range(100, 150))
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=60)


@pytest.mark.parametrize("how", ["deleted", "replaced", "folder gone"])
def test_a_catalog_that_is_taken_away_is_noticed_at_the_next_write(shelf: Shelf, tmp_path: Path, how: str) -> None:
    shelf.indexed(1)
    if how == "folder gone":
        shelf.database.close()
        inner = tmp_path / "inner"
        inner.mkdir()
        shelf.path = inner / "catalog.sqlite"
        shelf.open()
        os.rename(inner, tmp_path / "elsewhere")
    else:
        content = shelf.path.read_bytes()
        shelf.path.unlink()
        if how == "replaced":
            shelf.path.write_bytes(content)
    assert code_of(lambda: write(shelf.database)) == "catalog.gone"
    on_thread(lambda: code_of(shelf.catalog.folders.all))
    shelf.database.close()


def test_a_path_through_a_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert code_of(lambda: Database.open(tmp_path / "file" / "catalog.sqlite")) == "catalog.unreadable"
    assert code_of(lambda: Database(tmp_path / "file" / "catalog.sqlite")) == "catalog.unreadable"
    assert code_of(lambda: Database(tmp_path / "nothing")) == "catalog.gone"
    (tmp_path / "folder").mkdir()
    assert code_of(lambda: Database.open(tmp_path / "folder")) == "catalog.unreadable"


def test_a_catalog_in_a_folder_that_is_not_there_cannot_be_made(tmp_path: Path) -> None:
    assert code_of(lambda: Database.open(tmp_path / "no" / "catalog.sqlite")) == "catalog.readonly"


def test_making_a_catalog_on_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = connections.connect

    def small(path: Path, **options: bool) -> sqlite3.Connection:
        connection = real(path, **options)
        connection.execute("PRAGMA max_page_count = 3")
        return connection

    monkeypatch.setattr(connections, "connect", small)
    path = tmp_path / "catalog.sqlite"
    assert code_of(lambda: Database.open(path)) == "catalog.full"
    assert not path.exists()
    monkeypatch.undo()
    Database.open(path).close()


def test_an_error_of_the_disk_drops_the_connection(shelf: Shelf) -> None:
    def fail() -> None:
        with shelf.database.transaction(durable=True) as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    assert code_of(fail) == "catalog.io"
    assert shelf.catalog.meta("a") is None
    write(shelf.database)


def test_another_program_that_writes_is_waited_for_and_then_named(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_S", 0.05)
    shelf.reopen()
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert code_of(lambda: write(shelf.database)) == "catalog.busy"
    shelf.catalog.folders.all()
    other.execute("ROLLBACK")
    other.close()
    write(shelf.database)


# Reading beside a writer


def test_a_reader_beside_a_writer_sees_what_is_committed(shelf: Shelf) -> None:
    shelf.indexed(1)
    database = Database.open(shelf.path, read_only=True)
    reader = Catalog(database)
    assert reader.photos.counts(PACK) == Counts(indexed=1)
    shelf.indexed(2)
    assert reader.photos.counts(PACK) == Counts(indexed=2)
    with pytest.raises(InternalError):
        reader.set_meta("a", "b")
    with pytest.raises(InternalError), database.read() as connection:
        try:
            connection.execute("DELETE FROM photo")
        except sqlite3.OperationalError as error:
            raise InternalError from error
    database.close()
    shelf.indexed(3)


def test_a_reader_leaves_marks_alone(shelf: Shelf) -> None:
    ids = shelf.add(1)
    shelf.catalog.queue.begin_decode(ids)
    database = Database.open(shelf.path, read_only=True)
    Catalog(database)
    database.close()
    assert shelf.suspects() == set()
    shelf.catalog.queue.clear_marks()


def test_a_reader_makes_no_catalog(tmp_path: Path) -> None:
    assert code_of(lambda: Database.open(tmp_path / "catalog.sqlite", read_only=True)) == "catalog.none"
    assert list(tmp_path.iterdir()) == []


def as_nobody(work: Callable[[], object]) -> int:
    """Run ``work`` in a child that may not do everything; return 0 if it did not raise."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            work()
        except BaseException as error:  # noqa: BLE001  # the child must end here, whatever happens
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_reader_needs_no_permission_to_write(shelf: Shelf, tmp_path: Path) -> None:
    shelf.indexed(1)
    shelf.database.close()
    shelf.path.chmod(0o444)
    tmp_path.chmod(0o555)

    def read() -> None:
        database = Database.open(shelf.path, read_only=True)
        assert Catalog(database).photos.counts(PACK) == Counts(indexed=1)

    def refuse() -> None:
        assert code_of(lambda: Catalog(Database.open(shelf.path))) == "catalog.readonly"

    def forbidden() -> None:
        assert code_of(lambda: Database.open(shelf.path, read_only=True)) == "catalog.unreadable"

    try:
        assert as_nobody(read) == 0
        assert as_nobody(refuse) == 0
        shelf.path.chmod(0)
        assert as_nobody(forbidden) == 0
    finally:
        tmp_path.chmod(0o755)


def test_closing_works_the_log_in(shelf: Shelf) -> None:
    shelf.indexed(*range(50))
    on_thread(shelf.catalog.folders.all)
    shelf.database.close()
    assert [path.name for path in shelf.path.parent.iterdir()] == [shelf.path.name]
