# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogs are complete and fit the program's texts; the mechanism does what the roof relies on."""

from __future__ import annotations

import copy
import pickle
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from semantic_photos import translation
from semantic_photos.domain.errors import PhotoError, UserFacingError
from semantic_photos.domain.settings import LANGUAGES, Settings
from semantic_photos.domain.stored_reasons import NO_SPACE, TOO_MANY_PIXELS, UNSUPPORTED
from semantic_photos.domain.translatable import Message, read_back
from semantic_photos.translation import tr, translated, trn
from tests import translations


@pytest.fixture
def german() -> Iterator[None]:
    assert translation.use(["de_DE.UTF-8"]) == "de"
    yield
    assert translation.use([]) == "en"


def strings(message: translations.Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a template: names with format, or printf codes in those of argparse."""
    if "%" in text and "{" not in text:
        return set(re.findall(r"%(?:\(\w+\))?[sdr]", text))
    return {
        f"{name}!{conversion}:{spec}"
        for _, name, spec, conversion in string.Formatter().parse(text)
        if name and name.isidentifier()
    }


# The catalogs


def test_every_language_of_the_settings_has_a_catalog() -> None:
    assert set(translations.languages()) | {translation.SOURCE} == set(LANGUAGES)


@pytest.mark.parametrize("language", translations.languages())
def test_catalog_is_complete_and_compiled(language: str) -> None:
    """Otherwise run ``python -m tests.translations`` and translate what it names."""
    catalog, template = translations.read(language), translations.extracted()
    there = {(message.context, message.id) for message in translations.messages(catalog)}
    wanted = {(message.context, message.id) for message in translations.messages(template)}
    assert not wanted - there, "texts that are in no catalog yet"
    assert not there - wanted, "texts that the program no longer has"
    missing = [message.id for message in translations.messages(catalog) if not translations.is_translated(message)]
    assert not missing
    compiled = translations.po_path(language).with_suffix(".mo").read_bytes()
    assert compiled == translations.mo_bytes(catalog), "not compiled since the last change"
    assert translations.po_path(language).read_bytes() == translations.po_text(catalog, language)


@pytest.mark.parametrize("language", translations.languages())
def test_placeholders_are_those_of_the_source(language: str) -> None:
    for message in translations.messages(translations.read(language)):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        wanted = {one for text in ids for one in placeholders(text)}
        for text in strings(message):
            # A form for one thing may leave the count out.
            left_out = {one for one in wanted if one.startswith("count!")} if len(ids) > 1 else set()
            assert wanted - left_out <= placeholders(text) <= wanted, (ids, text)


@pytest.mark.parametrize("language", translations.languages())
def test_texts_begin_and_end_as_their_source(language: str) -> None:
    for message in translations.messages(translations.read(language)):
        source = message.id[0] if isinstance(message.id, tuple) else message.id
        if message.context in ("thousands separator", "decimal separator"):
            continue
        for text in strings(message):
            assert source[:1].isspace() == text[:1].isspace(), text
            assert source[-1:] == text[-1:] or not {source[-1:], text[-1:]} & set(".:…? "), (source, text)


# The mechanism


def test_a_message_is_its_english_text_and_remembers_its_template() -> None:
    message = Message("There is no folder {path}.", path=Path("a{b}"))
    assert message == "There is no folder a{b}."
    assert message.template == "There is no folder {path}."
    for other in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert (other, other.template, other.values) == (message, message.template, message.values)


def test_a_message_without_values_may_hold_braces() -> None:
    assert Message('Not {"query": "..."}.') == 'Not {"query": "..."}.'


def test_counted_messages_choose_their_form() -> None:
    assert Message.counted("{count:,} photo", "{count:,} photos", 1) == "1 photo"
    assert Message.counted("{count:,} photo", "{count:,} photos", 1200) == "1,200 photos"


def test_numbers_get_the_separators_of_the_language(german: None) -> None:
    assert tr("{number:,.1f}", number=1234.5) == "1.234,5"
    assert trn("{count:,} x", "{count:,} y", 1200) == "1.200 y"
    assert tr("{version}", version="1.0") == "1.0"


def test_messages_inside_messages_are_translated(german: None) -> None:
    inner = UserFacingError(Message("System language"))
    outer = Message("{inner} ({error})", inner=Message("System language"), error=inner)
    assert outer == "System language (System language)"
    assert translated(outer) == f"{tr('System language')} ({tr('System language')})" != outer


def test_errors_stay_english_and_are_translated_with_their_advice(german: None) -> None:
    error = UserFacingError(Message("System language"), advice=Message("Start without it: --terminal"))
    assert str(error) == "System language"
    assert error.sentence() == "System language Start without it: --terminal"
    assert translated(error) == f"{tr('System language')} {tr('Start without it: --terminal')}" != error.sentence()
    assert translated(PhotoError(Message())) == ""


def test_values_are_found_again_in_a_text() -> None:
    template = "Longer than {seconds:.0f} seconds in {path}."
    assert read_back(template, Message(template, seconds=8.0, path="a b")) == {"seconds": "8", "path": "a b"}
    assert read_back(template, "Something else.") is None


# Which language


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        ([], "en"), (["de"], "de"), (["de_AT.UTF-8"], "de"), (["de-CH"], "de"), (["xx", "de"], "de"), (["xx"], "en"),
        (["en_US", "de"], "en"), (["C", "de"], "en"),
    ],
)  # fmt: skip
def test_the_first_language_there_is_a_catalog_for(wanted: list[str], spoken: str) -> None:
    assert translation.use(wanted) == translation.language() == spoken
    translation.use([])


@pytest.mark.parametrize(
    ("environment", "languages"),
    [
        ({}, []), ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, []), ({"LANG": "de_DE.UTF-8"}, ["de_DE.UTF-8"]),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:en"}, ["de", "en"]), ({"LC_ALL": "C", "LANG": "de_DE"}, []),
        ({"LC_MESSAGES": "de_DE", "LANG": "en_US"}, ["de_DE"]),
    ],
)  # fmt: skip
def test_a_terminal_says_its_language(environment: dict[str, str], languages: list[str]) -> None:
    assert translation.of_environment(environment) == languages


def test_the_setting_wins_over_the_system() -> None:
    assert translation.of_setting("system", ["de_DE"]) == ["de_DE"]
    assert translation.of_setting("en", ["de_DE"]) == ["en"]
    assert Settings.from_dict({"language": "de"}).language == "de"
    assert Settings.from_dict({"language": "klingon"}).language == "system"


# Texts that are stored in English


def test_stored_reasons_are_translated_with_their_values(german: None) -> None:
    path_error = Message(NO_SPACE, folder=Path("/a b"))
    assert translation.translated_stored(str(path_error), "write.no-space") == (
        "Kein Platz mehr auf dem Datenträger von /a b."
    )
    large = Message(TOO_MANY_PIXELS, width=20_000, height=10_000, megapixels=200, limit=150)
    assert "20.000 × 10.000" in translation.translated_stored(str(large), "photo.too-large")
    kind = Message(UNSUPPORTED, kind=Message("web page"))
    assert translation.translated_stored(str(kind)) == "Nicht unterstützter Dateityp: Webseite."


def test_sentences_of_earlier_versions_are_translated_by_their_code(german: None) -> None:
    old = "The file is cut off: the end of the picture is missing."
    assert translation.translated_stored(old, "photo.truncated").startswith("Die Datei ist unvollständig")
    assert translation.translated_stored("Never seen before.") == "Never seen before."


def test_notes_of_several_sentences_are_translated_each(german: None) -> None:
    note = "Damaged EXIF data ignored. The end of the file is missing."
    assert translation.translated_stored(note) == "Beschädigte EXIF-Daten ignoriert. Das Ende der Datei fehlt."


def test_stored_texts_stay_as_they_are_in_english() -> None:
    assert translation.translated_stored("The file is cut off.", "photo.truncated") == "The file is cut off."


# The program


def run(*arguments: str, language: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin", "LC_ALL": language, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "semantic_photos", "--home", str(home), *arguments]
    return subprocess.run(
        command, cwd=translations.ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.slow
def test_the_command_line_speaks_german_but_its_json_does_not(tmp_path: Path) -> None:
    told = run("doctor", language="de_DE.UTF-8", home=tmp_path)
    assert "Es gibt noch keine Bibliothek." in told.stdout
    assert run("--help", language="de_DE.UTF-8", home=tmp_path).stdout.startswith("Aufruf: semantic-photos")
    wrong = run("tags", "--least", "7", language="de_DE.UTF-8", home=tmp_path)
    assert wrong.stderr == "semantic-photos: Argument --least: „7“ ist keine Zahl von 0 bis 1. Siehe --help.\n"
    assert "There is no library yet." in run("doctor", "--json", language="de_DE.UTF-8", home=tmp_path).stdout
    assert "There is no library yet." in run("doctor", language="C.UTF-8", home=tmp_path).stdout
