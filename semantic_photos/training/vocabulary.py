# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary of a pack: its known words, and those it offers as completion or similar word.

A word is *known* if captions, labels, tags or the curated lists hold it, or if it is among the most frequent English
words. It is *offered* only if a photo can show what it means. The lists decide that first; for the other words the
lexicographer's categories of WordNet 3.0 (Fellbaum, 1998) do, each sense weighted by how often it was found in tagged
text. WordNet is needed for training alone (Debian package ``wordnet-base``).
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import wordfreq

from semantic_photos.training.dataset import PhotoRecord

LISTS = Path(__file__).with_name("lists")
WORDNET = Path("/usr/share/wordnet")
WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
COMPOUND = re.compile(r"[-']")
MIN_COMPOUND = 8
MIN_ZIPF = 1.5
# A plural that hardly anybody writes ("sushis") is not worth a row.
MIN_PLURAL = 1.8
# Captions that must hold a word before their use of it counts as proof that photos show it.
MIN_CAPTIONS = 3
# Adjectives and base forms of verbs are seldom about what a photo shows.
MIN_CAPTIONS_OTHERS = 8
# Rare words that no training photo holds say too little to be offered.
MIN_OFFERED = 2.6
# Share of a word's uses that must mean something visible: without captions, and where captions hold it.
VISIBLE_SHARE = 0.6
CAPTION_SHARE = 0.4
PLURAL_SHARE = 0.5
# So much rarer than its singular (Zipf), a plural is a mistake: "sheeps", "rices".
RARE_PLURAL = 1.6

# Lexicographer files of WordNet (lexnames(5WN)).
# animal, artifact, food, object, plant: visible whatever the word.
THINGS: Final = {"n": frozenset({5, 6, 13, 17, 20})}
# body and substance besides: many are too small or too deep for a photo, captions tell.
SEEN_ONCE: Final = {"n": frozenset({5, 6, 8, 13, 17, 20, 27})}
# act, communication, event, group, location, person, phenomenon, shape besides.
SEEN_OFTEN: Final = {"n": frozenset({4, 5, 6, 8, 10, 11, 13, 14, 15, 17, 18, 19, 20, 25, 27})}
ADJECTIVES: Final = {"a": frozenset({0, 44}), **SEEN_OFTEN}
# consumption, contact, motion: what bodies do; the -ing forms that captions hold may be of any kind but thought, change
# and being.
ACTIONS: Final = {"v": frozenset({34, 35, 38})}
ACTIVITIES: Final = {"v": frozenset({29, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 43})}

SUFFIXES: Final = {
    "n": [("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y"),
          ("s", "")],
    "v": [("ing", "e"), ("ing", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("s", ""), ("ed", "e"), ("ed", "")],
    "a": [],
}  # fmt: skip
FILES: Final = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
SENSE_TYPES: Final = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}


def words_of(text: str) -> list[str]:
    """Lower-case words of a text; inner hyphens and apostrophes belong to the word, a possessive 's does not."""
    return [word.removesuffix("'s") for word in WORD.findall(text.lower().replace("’", "'"))]


def read_list(name: str) -> list[str]:
    """Entries of a list file that are separated by blanks, comments left out."""
    lines = (LISTS / name).read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def read_tags() -> list[tuple[str, str]]:
    """The curated tags as (tag, category), each tag once (its first category)."""
    tags: dict[str, str] = {}
    category = ""
    for line in (LISTS / "tags.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("["):
            category = line.strip("[] \n")
            continue
        for entry in line.split(","):
            tags.setdefault(entry.strip(), category)
    return list(tags.items())


@dataclasses.dataclass(frozen=True, slots=True)
class Sense:
    """One sense of a word.

    Attributes:
        part: "n", "v", "a" or "r".
        category: Number of the lexicographer file.
        weight: How often tagged text used it; small but above 0 where no text did, falling with the rank.
        proper: Whether it is written with a capital.
    """

    part: str
    category: int
    weight: float
    proper: bool


class WordNet:
    """The senses of single words.

    Args:
        folder: Holds ``data.*``, ``index.*``, ``*.exc`` and ``cntlist.rev``.

    Raises:
        FileNotFoundError: WordNet is not installed there.
    """

    def __init__(self, folder: Path = WORDNET) -> None:
        counts = self._counts(folder)
        self._senses: dict[tuple[str, str], list[Sense]] = {}
        self._irregular: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._plurals: dict[str, list[str]] = defaultdict(list)
        for part, name in FILES.items():
            synsets = self._synsets(folder / f"data.{name}")
            for line in (folder / f"index.{name}").read_text(encoding="latin-1").splitlines():
                if line.startswith(" "):
                    continue
                lemma, _part, synset_count, *rest = line.split()
                offsets = rest[-int(synset_count) :]
                self._senses[part, lemma] = [
                    Sense(part, category, counts.get((lemma, part, rank), 0) + 0.5 / rank, lemma in proper)
                    for rank, (category, proper) in enumerate((synsets[offset] for offset in offsets), start=1)
                ]
            for line in (folder / f"{name}.exc").read_text(encoding="latin-1").splitlines():
                form, *bases = line.split()
                self._irregular[form, part] += bases
                if part == "n":
                    for base in bases:
                        self._plurals[base].append(form)

    @staticmethod
    def _counts(folder: Path) -> dict[tuple[str, str, int], int]:
        """Uses in tagged text by (lemma, part, rank of the sense)."""
        counts = {}
        for line in (folder / "cntlist.rev").read_text(encoding="latin-1").splitlines():
            key, rank, count = line.split()
            lemma, place = key.split("%")
            counts[lemma, SENSE_TYPES[place[0]], int(rank)] = int(count)
        return counts

    @staticmethod
    def _synsets(path: Path) -> dict[str, tuple[int, frozenset[str]]]:
        """Lexicographer file of each synset, and which of its words are capitalised there (in lower case)."""
        synsets = {}
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith(" "):
                continue
            offset, category, _type, count, *rest = line.split()
            words = [word.split("(")[0] for word in rest[: 2 * int(count, 16) : 2]]
            proper = frozenset(word.lower() for word in words if word[0].isupper())
            synsets[offset] = int(category), proper
        return synsets

    def bases(self, word: str, part: str) -> list[str]:
        """Base forms of a word, itself first if it is one."""
        forms = [word, *self._irregular.get((word, part), [])]
        forms += [word.removesuffix(end) + base for end, base in SUFFIXES.get(part, []) if word.endswith(end)]
        if part == "v" and len(word) > 6 and word.endswith("ing") and word[-4] == word[-5]:
            forms.append(word[:-4])
        return [form for form in dict.fromkeys(forms) if (part, form) in self._senses]

    def is_base(self, word: str, part: str) -> bool:
        """Whether a word is a base form itself."""
        return (part, word) in self._senses

    def senses(self, word: str) -> list[Sense]:
        """Senses of all base forms of a word."""
        return [sense for part in FILES for base in self.bases(word, part) for sense in self._senses[part, base]]

    def plurals(self, word: str) -> list[str]:
        """Plural forms of a noun; empty for other words and for plurals."""
        if ("n", word) not in self._senses or (word.endswith("s") and len(self.bases(word, "n")) > 1):
            return []
        if self._plurals.get(word):
            return self._plurals[word]
        if re.search(r"(?:s|x|z|ch|sh)$", word):
            return [word + "es"]
        return [word[:-1] + "ies"] if re.search(r"[^aeiou]y$", word) else [word + "s"]

    def is_rare_plural(self, word: str) -> bool:
        """Whether a word is the plural of a noun that is hardly ever used in the plural."""
        singulars = [base for base in self.bases(word, "n") if base != word]
        zipf = wordfreq.zipf_frequency(word, "en")
        return any(wordfreq.zipf_frequency(base, "en") - zipf > RARE_PLURAL for base in singulars)


def caption_counts(records: Iterable[PhotoRecord]) -> Counter[str]:
    """In how many captions of the training split each word stands."""
    counts: Counter[str] = Counter()
    for record in records:
        if record.split == "train":
            for caption in record.captions:
                counts.update(set(words_of(caption)))
    return counts


def caption_words(counts: Counter[str]) -> set[str]:
    """Words of the training captions, typing errors and one-off compounds left out.

    wordfreq guesses the frequency of a compound from its parts, so for compounds only the captions themselves can say
    whether people use them.
    """
    return {
        word
        for word, count in counts.items()
        if (count >= MIN_COMPOUND if COMPOUND.search(word) else wordfreq.zipf_frequency(word, "en") >= MIN_ZIPF)
    }


def curated_words() -> set[str]:
    """Words of the everyday list and of the tags."""
    return {*read_list("everyday.txt"), *(word for tag, _category in read_tags() for word in words_of(tag))}


def label_words(records: Iterable[PhotoRecord]) -> set[str]:
    """Words of all labels. Label names are no secret of the val photos: all of them are known words."""
    return {word for record in records for label in record.labels for word in words_of(label)}


def build_vocabulary(records: Sequence[PhotoRecord], size: int, wordnet: WordNet) -> list[str]:
    """Whole words, most frequent first.

    Args:
        records: The training index.
        size: Upper bound of the vocabulary. Words of captions, labels and lists are always in, with their plurals;
            the most frequent English words fill the rest.
        wordnet: Says what is a noun.

    Returns:
        Unique lower-case words.
    """
    named = label_words(records) | curated_words() | set(read_list("kinds.txt"))
    plurals = {plural for word in named for plural in wordnet.plurals(word)}
    # Of a compound's plural wordfreq knows nothing: it adds up the parts.
    needed = named | {p for p in plurals if not COMPOUND.search(p) and wordfreq.zipf_frequency(p, "en") >= MIN_PLURAL}
    needed |= caption_words(caption_counts(records)) | set(read_list("stop_words.txt"))
    words = {word for word in needed if WORD.fullmatch(word) and (len(word) > 1 or word in {"a", "i"})}
    blocked = set(read_list("blocked_words.txt"))
    for word in wordfreq.top_n_list("en", 3 * size):
        if len(words) >= size:
            break
        if len(word) > 1 and WORD.fullmatch(word) and not word.endswith("'s") and word not in blocked:
            words.add(word)
    words -= blocked
    return sorted(words, key=lambda word: (-wordfreq.word_frequency(word, "en"), word))


def share_of(senses: Sequence[Sense], wanted: dict[str, frozenset[int]]) -> float:
    """Weighted share of the senses that lie in the wanted categories and are no names, 0 without senses."""
    total = sum(sense.weight for sense in senses)
    seen = sum(s.weight for s in senses if not s.proper and s.category in wanted.get(s.part, frozenset()))
    return seen / total if total else 0.0


def is_visible(word: str, captions: int, wordnet: WordNet) -> bool:
    """Whether WordNet and the captions together say that a photo can show what a word means.

    Args:
        word: A lower-case word.
        captions: How many captions hold it.
        wordnet: Its senses.
    """
    senses = wordnet.senses(word)
    if captions < MIN_CAPTIONS and wordnet.is_rare_plural(word):
        return False
    if share_of(senses, THINGS) >= VISIBLE_SHARE:
        return captions >= MIN_CAPTIONS or wordfreq.zipf_frequency(word, "en") >= MIN_OFFERED
    if captions >= 1 and share_of(senses, SEEN_ONCE) >= VISIBLE_SHARE:
        return True
    if captions < MIN_CAPTIONS:
        return False
    if word.endswith("ing"):
        return share_of(senses, {**SEEN_OFTEN, **ACTIVITIES}) >= CAPTION_SHARE
    if captions >= MIN_CAPTIONS_OTHERS and share_of(senses, ADJECTIVES) >= VISIBLE_SHARE:
        return True
    if captions >= MIN_CAPTIONS_OTHERS and wordnet.is_base(word, "v"):
        return share_of(senses, {**SEEN_OFTEN, **ACTIONS}) >= VISIBLE_SHARE
    # "runs" and "jumped" are rarely nouns.
    return share_of(senses, SEEN_OFTEN) >= (CAPTION_SHARE if wordnet.is_base(word, "n") else PLURAL_SHARE)


def offered_words(words: Sequence[str], records: Sequence[PhotoRecord], wordnet: WordNet) -> list[bool]:
    """Whether each word may be shown as completion, similar word or word near a photo.

    Words of the everyday list and tags of one word always are; stop words, names and the words of
    ``not_offered.txt`` never are.
    """
    counts = caption_counts(records)
    for record in records:
        for label in record.labels:
            counts.update(set(words_of(label)))
    tags = [words_of(tag) for tag, _category in read_tags()]
    curated = {*read_list("everyday.txt"), *(tag[0] for tag in tags if len(tag) == 1)}
    # A word in a tag, or a plural of a curated word, is as good as seen in captions.
    plurals = {plural for word in curated for plural in wordnet.plurals(word) if not wordnet.is_rare_plural(plural)}
    for word in plurals.union(*tags):
        counts[word] = max(counts[word], MIN_CAPTIONS)
    refused = {*read_list("stop_words.txt"), *read_list("blocked_words.txt"), *read_list("not_offered.txt")}
    return [
        len(word) > 1 and word not in refused and (word in curated or is_visible(word, counts[word], wordnet))
        for word in words
    ]
