# SPDX-License-Identifier: GPL-3.0-or-later
"""User-visible text below the interface: English, with the template and values that a translation needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Self

_AS_IS = "{text}"


class Message(str):
    """An English text that remembers how it was made, so that the interface can translate it.

    It is an ordinary string everywhere (JSON, logs, the catalog, comparisons); only ``translation.translated`` looks
    at its template. A value may be a ``Message`` itself, or an error that carries one.

    Attributes:
        template: the English text with ``{name}`` placeholders, as translators see it.
        plural: the template for other counts than one, or an empty string.
        values: what stands for the placeholders; ``count`` chooses between ``template`` and ``plural``.
    """

    __slots__ = ("plural", "template", "values")

    template: str
    plural: str
    values: Mapping[str, object]

    def __new__(cls, template: str = "", /, **values: object) -> Self:
        """Return ``template`` with its values. ``template`` must be a literal, so that it can be extracted.

        Raises:
            KeyError: a placeholder has no value.
        """
        return cls._made(template, "", values)

    @classmethod
    def counted(cls, one: str, many: str, /, count: int, **values: object) -> Self:
        """Return ``one`` for a count of one and else ``many``; both may use ``{count}``."""
        return cls._made(one, many, {**values, "count": count})

    @classmethod
    def as_is(cls, text: str) -> Self:
        """Return a text that is the same in every language: what a user typed, a name, another program's words."""
        return cls._made(_AS_IS, "", {"text": text})

    @classmethod
    def filled(cls, template: str, text: str, values: Mapping[str, str]) -> Self:
        """Return the message of a template whose English text and values, as texts, are known."""
        made = super().__new__(cls, text)
        made.template, made.plural, made.values = template, "", values
        return made

    @classmethod
    def _made(cls, template: str, plural: str, values: Mapping[str, object]) -> Self:
        chosen = plural if plural and values["count"] != 1 else template
        made = super().__new__(cls, chosen.format(**values) if values else chosen)
        made.template, made.plural, made.values = template, plural, values
        return made

    def __reduce__(self) -> tuple[object, tuple[str, str, Mapping[str, object]]]:
        return type(self)._made, (self.template, self.plural, self.values)


def N_(template: str) -> str:
    """Mark a literal for extraction and return it unchanged: for tables of templates that are filled in later."""
    return template


#: No text: an advice that is not given, a notice that is withdrawn.
NO_MESSAGE = Message()


def joined(parts: Sequence[str], separator: str = ", ") -> Message:
    """Return parts in a row; those that are messages are translated each."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Message._made(separator.join(f"{{{name}}}" for name in values), "", values)


def either(choices: Sequence[str]) -> Message:
    """Return choices of which one is meant: “a or b or c”."""
    row = Message()
    for choice in choices:
        row = Message("{first} or {second}", first=row, second=choice) if row else _message(choice)
    return row


def _message(text: str) -> Message:
    return text if isinstance(text, Message) else Message.as_is(text)


def read_back(template: str, text: str) -> dict[str, str] | None:
    """Return the values with which ``template`` gives ``text``, or None if ``text`` is another one.

    The catalog and the decoder processes keep texts, not messages: this finds their values again.
    """
    parts = re.split(r"\{(\w+)[^{}]*\}", template)
    pattern = "".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    found = re.fullmatch(pattern, text, re.DOTALL)
    return None if found is None else found.groupdict()
