# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the translation catalogs up to date.

python -m tests.translations            extract all texts, update each catalog, compile it, tell what is missing
python -m tests.translations add fr     begin a language (and name it in ``domain.settings.LANGUAGES``)
"""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from semantic_photos.domain.translatable import N_
from semantic_photos.translation import DOMAIN

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "semantic_photos"
FOLDER = ROOT / "resources" / "translations"
#: The annexes are for developers and stay English.
ANNEXES = ("training", "evaluation")

#: What is called with a literal, and which arguments are texts.
KEYWORDS = {
    "tr": None, "trn": (1, 2), "trc": ((1, "c"), 2), N_.__name__: None, "Message": None, "counted": (1, 2),
}  # fmt: skip

#: The same on every machine and day, so that a catalog changes only where its texts change.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = """\
# SPDX-License-Identifier: GPL-3.0-or-later
# Semantic Photos, LANGUAGE. Update and compile it with: python -m tests.translations"""


def sources() -> list[Path]:
    """Return the modules whose texts are translated."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in ANNEXES]


def extracted() -> Catalog:
    """Return all texts of the program, without translations."""
    template = Catalog(charset="utf-8")
    for context, text in (("thousands separator", ","), ("decimal separator", ".")):
        template.add(text, context=context)
    for path in sources():
        with warnings.catch_warnings():
            # Babel takes an f-string among the values of a text for the text itself.
            warnings.simplefilter("ignore")
            found = list(extract("python", io.BytesIO(path.read_bytes()), KEYWORDS, comment_tags=("Translators:",)))
        for _, ids, comments, context in found:
            if ids:
                template.add(ids, auto_comments=comments, context=context)
    return template


def po_path(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def languages() -> list[str]:
    """Return the languages that have a catalog."""
    return sorted(path.parts[-3] for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(language: str) -> Catalog:
    """Return the catalog of a language as it is on disk."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language, charset="utf-8")


def messages(catalog: Catalog) -> Iterator[Message]:
    """Yield the texts of a catalog, its header left out."""
    return (message for message in catalog if message.id)


def is_translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(strings) and not message.fuzzy


def po_text(catalog: Catalog, language: str) -> bytes:
    """Return a catalog as the text of its file: sorted and without line numbers, so that changes merge well."""
    catalog.project, catalog.version = "Semantic Photos", "1"
    catalog.creation_date = catalog.revision_date = _DATE
    catalog.header_comment = _HEADER.replace("LANGUAGE", str(catalog.locale and catalog.locale.english_name))
    out = io.BytesIO()
    write_po(out, catalog, width=0, no_location=True, sort_output=True, ignore_obsolete=True)
    # Babel fills these in with its own version and with people that are nobody.
    return re.sub(rb'"(Generated-By|Report-Msgid-Bugs-To|Last-Translator|Language-Team): .*\n', b"", out.getvalue())


def mo_bytes(catalog: Catalog) -> bytes:
    """Return a catalog as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def update(language: str, template: Catalog) -> list[Message]:
    """Take new texts into a catalog and old ones out, compile it, and return what is not translated."""
    path = po_path(language)
    catalog = read(language) if path.exists() else Catalog(locale=language, charset="utf-8", fuzzy=False)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.fuzzy = False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(po_text(catalog, language))
    catalog = read(language)
    path.with_suffix(".mo").write_bytes(mo_bytes(catalog))
    return [message for message in messages(catalog) if not is_translated(message)]


def main(arguments: list[str]) -> int:
    """Update all catalogs; return 1 if a text is not translated."""
    template = extracted()
    wanted = arguments[1:] if arguments[:1] == ["add"] else languages()
    missing = 0
    for language in wanted:
        untranslated = update(language, template)
        missing += len(untranslated)
        for message in untranslated:
            print(f"{language}: {message.id!r}")
        print(f"{language}: {len(template)} texts, {len(untranslated)} not translated")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
