# SPDX-License-Identifier: GPL-3.0-or-later
"""Says things in the user's language: gettext catalogs, chosen once at the start. Only the roof uses it."""

from __future__ import annotations

import gettext
import os
import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

from semantic_photos.domain import stored_reasons
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.settings import SYSTEM_LANGUAGE
from semantic_photos.domain.translatable import Message
from semantic_photos.paths import resources

#: The base name of the catalogs: ``resources/translations/<language>/LC_MESSAGES/semantic-photos.mo``.
DOMAIN = "semantic-photos"
#: The language of the source.
SOURCE = "en"


class _Formatter(string.Formatter):
    """Fills templates; numbers with a format get the separators of the language, messages are translated."""

    def __init__(self, translations: gettext.NullTranslations) -> None:
        self._translations = translations
        thousands = translations.pgettext("thousands separator", ",")
        decimal = translations.pgettext("decimal separator", ".")
        self._separators = str.maketrans({",": thousands, ".": decimal})

    def format_field(self, value: object, format_spec: str) -> str:
        if isinstance(value, BaseException) and value.args and isinstance(value.args[0], Message):
            value = value.args[0]
        if isinstance(value, Message):
            value = self.render(value)
        # A value that was read back from a stored text is formatted already.
        text = value if isinstance(value, str) else format(value, format_spec)
        return text.translate(self._separators) if format_spec and not isinstance(value, Path) else text

    def render(self, message: Message) -> str:
        if not message.template:
            return ""
        if message.plural:
            count = message.values["count"]
            assert isinstance(count, int)
            template = self._translations.ngettext(message.template, message.plural, count)
        else:
            template = self._translations.gettext(message.template)
        return self.fill(template, message.values)

    def fill(self, template: str, values: Mapping[str, object]) -> str:
        return self.vformat(template, (), values) if values else template


class _State:
    """The chosen language. Set once at the start, before there are other threads; read by all."""

    language = SOURCE
    translations = gettext.NullTranslations()
    formatter = _Formatter(translations)


def use(languages: Sequence[str]) -> str:
    """Speak the first of ``languages`` that there is a catalog for, else English. Returns its code.

    Args:
        languages: codes such as ``de``, ``de_AT`` or ``de-AT.UTF-8``, the most wanted first.
    """
    wanted = []
    for language in languages:
        code = language.replace("-", "_")
        if code.partition("_")[0].partition(".")[0] in (SOURCE, "C", "POSIX"):
            break  # English needs no catalog, and what comes behind it is less wanted
        wanted.append(code)
    folder = str(resources() / "translations")
    found = gettext.find(DOMAIN, folder, wanted) if wanted else None
    if found is None:
        _State.language, _State.translations = SOURCE, gettext.NullTranslations()
        gettext.textdomain("messages")
    else:
        with open(found, "rb") as file:
            _State.translations = gettext.GNUTranslations(file)
        _State.language = _State.translations.info().get("language", SOURCE)
        # argparse says its own sentences through the process's default domain.
        gettext.bindtextdomain(DOMAIN, folder)
        gettext.textdomain(DOMAIN)
    _State.formatter = _Formatter(_State.translations)
    return _State.language


def language() -> str:
    """Return the code of the language that is spoken, such as ``en`` or ``de``."""
    return _State.language


def of_environment(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the languages a terminal asks for, by gettext's rules: LANGUAGE counts unless the locale is C."""
    locale = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "C")
    if locale.partition(".")[0] in ("C", "POSIX"):
        return []
    return [name for name in environment.get("LANGUAGE", "").split(":") if name] or [locale]


def of_setting(setting: str, system: Sequence[str]) -> Sequence[str]:
    """Return the languages that ``Settings.language`` means, where the system's are ``system``."""
    return system if setting == SYSTEM_LANGUAGE else [setting]


def tr(template: str, /, **values: object) -> str:
    """Return a literal in the user's language, with ``{name}`` placeholders filled in."""
    return _State.formatter.fill(_State.translations.gettext(template) if template else "", values)


def trn(one: str, many: str, /, count: int, **values: object) -> str:
    """Return the form for ``count`` in the user's language; ``{count}`` is filled in too."""
    return _State.formatter.fill(_State.translations.ngettext(one, many, count), {**values, "count": count})


def trc(context: str, template: str, /, **values: object) -> str:
    """Return a literal whose translation depends on where it stands: ``context`` is for translators only."""
    return _State.formatter.fill(_State.translations.pgettext(context, template), values)


def translated(said: str | BaseException) -> str:
    """Return a message or an error of the floors below in the user's language; other text stays as it is.

    An error comes with its advice.
    """
    if isinstance(said, UserFacingError):
        return translated(said.sentence())
    if isinstance(said, Message):
        return _State.formatter.render(said)
    return str(said)


def translated_stored(text: str, code: str = "") -> str:
    """Return a text that a catalog of photos keeps in English in the user's language, as far as it is known.

    Args:
        text: a reason why a photo cannot be read or written to, or a note: one sentence or several.
        code: the code of the reason; it tells what a sentence of an earlier version means.
    """
    if _State.language == SOURCE or not text:
        return text
    if (said := _known(text)) is not None:
        return said
    meaning = stored_reasons.of_code(code)
    if meaning is not None:
        return translated(meaning)
    return " ".join(_known(sentence) or sentence for sentence in re.split(r"(?<=[.!?]) ", text))


def _known(text: str) -> str | None:
    said = translated(stored_reasons.message(text))
    return said if said != text else None
