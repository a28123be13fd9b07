# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language: parses text into a tree of words and filters, and reports the places it cannot read.

    query = conjunction { "OR" conjunction }
    conjunction = { [ "-" | "no" | "without" | "NOT" ] item }
    item = word [ "^" weight ] | '"' text '"' | field ":" value | "(" query ")"

No text is an error: what cannot be read is left out and reported as a ``Problem``. ``str`` of a tree is its normal
form, and reading that gives the same tree again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from semantic_photos.domain import filter_registry
from semantic_photos.domain.filter_registry import FilterKind, InvalidValue
from semantic_photos.domain.filters import NEGATIONS, All, AnyOf, Exact, Node, Not, Term, fold, written
from semantic_photos.domain.translatable import Message, either

#: Longer queries are cut: a pasted book must not cost seconds per key press.
MAX_TEXT = 2_000
MAX_TERMS = 512
#: Parentheses that are nested deeper are ignored.
MAX_DEPTH = 32
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0

_MINUS = "-−–"
_OPENING, _CLOSING = '"“”„', '"“”'
#: What stands around words without being part of them.
_AROUND = "'‘’.,;:!?[]{}<>-−–"
_ARTICLES = frozenset({"a", "an", "the", "any"})
_WORD = re.compile(r"[^\s()\"“”„]+")
_VALUE_END = re.compile(r"[\s()]")
_NEXT_WORD = re.compile(r"\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a query that cannot be read.

    Attributes:
        start: the first character of the part.
        end: the one after its last.
        message: a sentence about it.
        meant: text that may have been meant instead of the part, best first.
        cut: whether the query is too long and ends here: more text cannot mend that.
        kept: whether the part is searched all the same, as a word; otherwise it is left out.
    """

    start: int
    end: int
    message: Message
    meant: tuple[str, ...] = ()
    cut: bool = False
    kept: bool = False

    @property
    def advice(self) -> Message:
        """Return the sentence, and what may have been meant."""
        if not self.meant:
            return self.message
        choices = either([Message("“{text}”", text=text) for text in self.meant])
        return Message("{problem} Did you mean {choices}?", problem=self.message, choices=choices)


@dataclass(frozen=True, slots=True)
class Reading:
    """The tree of a text, None for an empty one, and its problems, in order."""

    tree: Node | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    """One piece of text. ``kind``: ``(``, ``)``, ``or``, ``no``, ``without``, ``article`` (also a word), ``item``."""

    kind: str
    start: int
    end: int
    node: Node | None = None


def read(text: str) -> Reading:
    """Parse a query. Never raises, whatever the text."""
    problems: list[Problem] = []
    if len(text) > MAX_TEXT:
        text_cut = Message("This query is too long; only its first {count:,} characters are used.", count=MAX_TEXT)
        problems.append(_cut(MAX_TEXT, text, text_cut))
    reader = _Reader(_tokens(text[:MAX_TEXT], problems), problems)
    tree = reader.query(0)
    # Folding can make text longer; the normal form must be readable as well.
    whole = tree
    while tree is not None and len(str(tree)) > MAX_TEXT:
        tree = _shorter(tree)
    if tree is not whole and not any(problem.cut for problem in problems):
        problems.append(_cut(0, text, Message("This query is too long; only its first parts are used.")))
    return Reading(tree, tuple(sorted(problems, key=lambda problem: problem.start)))


def _cut(start: int, text: str, message: Message) -> Problem:
    return Problem(start, len(text), message, cut=True)


def all_of(parts: Sequence[Node | None]) -> Node | None:
    """Return the conjunction of what there is of ``parts``, without needless levels."""
    flat: list[Node] = []
    for part in parts:
        flat += part.parts if isinstance(part, All) else [] if part is None else [part]
    return All(tuple(flat)) if len(flat) > 1 else flat[0] if flat else None


def any_of(parts: Sequence[Node | None]) -> Node | None:
    """Return the disjunction of what there is of ``parts``, without needless levels."""
    flat: list[Node] = []
    for part in parts:
        flat += part.parts if isinstance(part, AnyOf) else [] if part is None else [part]
    return AnyOf(tuple(flat)) if len(flat) > 1 else flat[0] if flat else None


def negated(node: Node | None) -> Node | None:
    """Return the negation of ``node``; that of a word is the word pushed away, or back."""
    if isinstance(node, Term):
        return Term(node.word, -node.weight)
    return node.part if isinstance(node, Not) else Not(node) if node is not None else None


def _shorter(node: Node) -> Node | None:
    if isinstance(node, All | AnyOf):
        join: Callable[[Sequence[Node]], Node | None] = all_of if isinstance(node, All) else any_of
        return join(node.parts[:-1])
    return negated(_shorter(node.part)) if isinstance(node, Not) else None


# From characters to tokens


def _tokens(text: str, problems: list[Problem]) -> list[_Token]:
    tokens: list[_Token] = []
    place, terms = 0, 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        if terms >= MAX_TERMS:
            terms_cut = Message(
                "This query is too long; only its first {count:,} words and filters are used.", count=MAX_TERMS
            )
            problems.append(_cut(place, text, terms_cut))
            break
        made, end = _token(text, place, problems)
        tokens += made
        terms += sum(token.node is not None for token in made)
        place = end
    return tokens


def _token(text: str, start: int, problems: list[Problem]) -> tuple[list[_Token], int]:
    """Return the tokens that begin at ``start`` (a minus is one of its own) and the place after them."""
    place = start
    while place < len(text) and text[place] in _MINUS:
        place += 1
    minus = [_Token("no", start, place)] if place > start else []
    if place == len(text) or text[place].isspace():
        return [], place
    if text[place] in "()":
        return [*minus, _Token(text[place], place, place + 1)], place + 1
    if text[place] in _OPENING:
        value, end = _quoted(text, place, problems)
        node = Exact(value) if value else None
        return ([*minus, _Token("item", start, end, node)] if node is not None else []), end
    while place < len(text) and text[place] in _AROUND:
        place += 1
    match = _WORD.match(text, place)
    if match is None:
        return [], max(place, start + 1)
    colon = text.find(":", place, match.end())
    kind = filter_registry.find(text[place:colon]) if colon >= 0 else None
    if kind is not None:
        token, end = _filter(text, place, colon, kind, problems)
        return ([*minus, token] if token is not None else []), end
    token = _word(match[0], place, problems, plain=not minus)
    if colon >= 0 and token is not None and isinstance(token.node, Term):
        _note_unknown_filter(text, place, colon, token.node.word, problems)
    return ([*minus, token] if token is not None else []), match.end()


def _note_unknown_filter(text: str, start: int, colon: int, word: str, problems: list[Problem]) -> None:
    """Report a word like ``tpye:jpg``; it stays a word, as ``http://x.y`` does."""
    name, _, value = word.partition(":")
    if not value and text[colon + 1 : colon + 2] in tuple(_OPENING):
        value, _ = _quoted(text, colon + 1, [])
    meant = filter_registry.misspelled(name, value)
    if meant:
        message = Message("Unknown filter “{name}:”.", name=text[start:colon])
        problems.append(Problem(start, colon + 1, message, tuple(f"{other}:" for other in meant), kept=True))


def _quoted(text: str, start: int, problems: list[Problem]) -> tuple[str, int]:
    """Return the folded text between quotes and the place after them; without a second quote all that follows."""
    end = next((i for i in range(start + 1, len(text)) if text[i] in _CLOSING), -1)
    if end < 0:
        message = Message("The closing quote is missing; everything after the opening one is searched as text.")
        problems.append(Problem(start, len(text), message))
        return fold(text[start + 1 :]), len(text)
    return fold(text[start + 1 : end]), end + 1


def _word(raw: str, start: int, problems: list[Problem], *, plain: bool) -> _Token | None:
    end = start + len(raw)
    if raw == "OR":
        return _Token("or", start, end)
    if raw == "AND":
        return None
    word, caret, strength = raw.rstrip(_AROUND).partition("^")
    word = word.strip(_AROUND).casefold()
    weight = 1.0
    if caret:
        try:
            weight = float(strength) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", strength) else -1.0
        except ValueError:
            weight = -1.0
        if weight < 0:
            message = Message("Enter a weight from 0.1 to 10 after “^”, for example dog^2.")
            problems.append(Problem(start, end, message))
            weight = 1.0
        weight = round(min(max(weight, LEAST_WEIGHT), MOST_WEIGHT), 3)
    if not word:
        return None
    if plain and not caret and (word in NEGATIONS or raw == "NOT"):
        return _Token("no" if raw == "NOT" else "without", start, end)
    return _Token("article" if word in _ARTICLES else "item", start, end, Term(word, weight))


def _filter(text: str, start: int, colon: int, kind: FilterKind, problems: list[Problem]) -> tuple[_Token | None, int]:
    place = colon + 1
    if place < len(text) and text[place] in _OPENING:
        value, end = _quoted(text, place, problems)
    else:
        end = _value_end(text, place)
        value = text[place:end].rstrip(",;")
        follows = _NEXT_WORD.match(text, end)
        if follows is not None and f"{value}-{follows[1]}".casefold() in kind.values:
            # "date:last year", as one would say it.
            value, end = f"{value}-{follows[1]}", follows.end()
    try:
        node = kind.read(value)
    except InvalidValue as error:
        meant = tuple(f"{kind.name}:{written(other)}" for other in error.meant)
        problems.append(Problem(start, end, error.message, meant))
        return None, end
    return _Token("item", start, end, node), end


def _value_end(text: str, place: int) -> int:
    """Return where an unquoted value ends: at a blank, or at a parenthesis that it did not open itself."""
    depth = 0
    while (match := _VALUE_END.search(text, place)) is not None:
        if match[0] == "(":
            depth += 1
        elif match[0] == ")" and depth > 0:
            depth -= 1
        else:
            return match.start()
        place = match.end()
    return len(text)


# From tokens to a tree


class _Reader:
    """Recursive descent over tokens; one query is read by one reader."""

    def __init__(self, tokens: list[_Token], problems: list[Problem]) -> None:
        self._tokens, self._problems, self._place = tokens, problems, 0
        self._ignored, self._closed = 0, False

    def query(self, depth: int) -> Node | None:
        """Read up to the end, or up to the parenthesis that ends this level."""
        choices: list[Node | None] = []
        parts: list[Node | None] = []
        negation = ""
        closed = False
        while self._place < len(self._tokens) and not closed:
            token = self._tokens[self._place]
            self._place += 1
            if token.kind == ")":
                closed = self._closes(token, depth)
            elif token.kind == "or":
                choices.append(all_of(parts))
                parts, negation = [], ""
            elif token.kind in ("no", "without"):
                negation = token.kind
            elif token.kind == "article" and negation == "without" and self._continues():
                pass  # "without a dog"
            elif token.kind == "(" and depth >= MAX_DEPTH:
                self._problem(token, Message("Parentheses are nested too deeply; this one is ignored."))
                self._ignored += 1
            else:
                node = self._group(token, depth) if token.kind == "(" else token.node
                parts.append(negated(node) if negation else node)
                negation = ""
        self._closed = closed
        return any_of([*choices, all_of(parts)])

    def _group(self, token: _Token, depth: int) -> Node | None:
        node = self.query(depth + 1)
        if not self._closed:
            self._problem(token, Message("The closing parenthesis is missing."))
        return node

    def _closes(self, token: _Token, depth: int) -> bool:
        """Return whether a parenthesis ends this level."""
        if self._ignored:
            self._ignored -= 1
            return False
        if not depth:
            self._problem(token, Message("The opening parenthesis is missing."))
        return depth > 0

    def _continues(self) -> bool:
        """Return whether something follows that can be negated."""
        return self._place < len(self._tokens) and self._tokens[self._place].kind in ("item", "article", "(")

    def _problem(self, token: _Token, message: Message) -> None:
        self._problems.append(Problem(token.start, token.end, message))


__all__ = ["MAX_TERMS", "MAX_TEXT", "Problem", "Reading", "all_of", "any_of", "negated", "read"]
