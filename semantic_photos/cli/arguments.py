# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from semantic_photos import __version__
from semantic_photos.cli import filter_help
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.result_cutoff import CAUTION

COMMANDS = (
    "index", "search", "similar", "searches", "why", "feedback", "tags", "words", "teach", "adapt",
    "export", "import", "doctor"
)  # fmt: skip

_USAGE = """semantic-photos [FOLDER…]            open the window (in the terminal when there is no display)
       semantic-photos index FOLDER…        add folders, index them, exit
       semantic-photos search QUERY         photos by what is in them; -word pushes away, tag:x date:2024 narrow
       semantic-photos similar PHOTO        photos like one
       semantic-photos searches             searches with a name: save, rename, remove
       semantic-photos why PHOTO QUERY      why a photo was found, as a heat map
       semantic-photos feedback QUERY       say which photos fit a question
       semantic-photos tags PHOTO…          what is in photos
       semantic-photos words WORD           words near a word
       semantic-photos teach NAME PHOTO…    a subject of your own, from 5 to 50 photos
       semantic-photos adapt                learn what words mean to you, from what you confirmed
       semantic-photos export FILE          your tags, ratings, captions and decisions as JSON or CSV
       semantic-photos import FILE          and back, here or in another library
       semantic-photos doctor               check the library
       semantic-photos COMMAND --help       more about one"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one sentence with exit code 2, as of every other error."""

    def error(self, message: str) -> NoReturn:
        raise UserFacingError(f"{message[:1].upper()}{message[1:]}.", code="usage", advice="See --help.")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was asked; ``command`` is one of ``COMMANDS``, ``window`` or ``self-test``.

    A command is a command only as the first word that is no option, so that folders of any name can be opened
    (a folder called "search" as ``./search``).

    Raises:
        UserFacingError: when the words make no sense.
        SystemExit: after ``--help`` and ``--version``, which print and are done.
    """
    common = _common()
    # The first word that is neither an option nor an option's value decides between command and folders.
    _, rest = common.parse_known_args(arguments)
    first = next((word for word in rest if not word.startswith("-")), "")
    # Defaults are given here: a default inside a command's parser would undo an option that stood before it.
    options = argparse.Namespace(home=None, pack=None, verbose=False)
    if first in ("search", "searches", "why", "feedback"):
        rest = _parsed(_command_parser(common), [_shield(word) for word in arguments], options)
        said = "arguments" if first == "searches" else "words"
        setattr(options, said, [_unshield(word) for word in (*getattr(options, said), *rest)])
        if getattr(options, "saved", None):
            options.saved = _unshield(options.saved)
    elif first == "teach":
        rest = _parsed(_command_parser(common), arguments, options)
        options.photos = [*options.photos, *map(Path, rest)]
    elif first in COMMANDS:
        _command_parser(common).parse_args(arguments, options)
    else:
        _window_parser(common).parse_args(arguments, options)
    return options


def _parsed(parser: _Parser, arguments: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Parse into ``options`` and return the words behind an option.

    Words that may all be missing are taken for all of them by argparse as soon as an option stands before the rest.
    """
    _, rest = parser.parse_known_args(arguments, options)
    if any(word.startswith("-") for word in rest):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return rest


#: A minus word of a query looks like an option to argparse; a true minus sign in its place does not.
_MINUS = "\N{MINUS SIGN}"
_SEARCH_OPTION = re.compile(
    r"--(json|queries|saved|order|caution|stacks|no-stacks|home|pack|verbose|help"
    r"|out|up|down|neither|list|clear|like|photo|plus|minus|focus|away|region)(=.*)?|-h|-n\d*|--?"
)


def _shield(word: str) -> str:
    is_minus_word = word.startswith("-") and not _SEARCH_OPTION.fullmatch(word)
    return _MINUS + word[1:] if is_minus_word else word


def _unshield(word: str) -> str:
    return "-" + word[1:] if word.startswith(_MINUS) else word


def _common() -> _Parser:
    common = _Parser(add_help=False)
    common.add_argument("--home", type=Path, metavar="DIR", default=argparse.SUPPRESS,
                        help="keep everything the program writes in DIR")  # fmt: skip
    common.add_argument("--pack", type=Path, metavar="DIR", default=argparse.SUPPRESS,
                        help="use the model pack in DIR")  # fmt: skip
    common.add_argument("--verbose", action="store_true", default=argparse.SUPPRESS, help="more words on stderr")
    return common


def _window_parser(common: _Parser) -> _Parser:
    parser = _Parser(prog="semantic-photos", usage=_USAGE, parents=[common])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--demo", action="store_true", help="show the program on a few photos that ship with it")
    parser.add_argument("--terminal", action="store_true", help="ask and answer in the terminal, without a window")
    parser.add_argument("--self-test", action="store_true", help="check the installation and exit")
    parser.add_argument("--version", action="version", version=f"semantic-photos {__version__}")
    parser.set_defaults(command="window")
    return parser


def _command_parser(common: _Parser) -> _Parser:
    parser = _Parser(prog="semantic-photos", parents=[common])
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common])
        made.add_argument("--json", action="store_true", help="print JSON")
        return made

    index = command("index", "Add folders to the library, index them, and exit.")
    index.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")

    search = command(
        "search", "Find photos by what is in them. A minus pushes away; tag:x, date:2024, rating:4 and others narrow."
    )
    search.formatter_class, search.epilog = argparse.RawDescriptionHelpFormatter, filter_help.as_text()
    search.add_argument("words", nargs="*", metavar="QUERY")
    search.add_argument("--saved", metavar="NAME", help="ask the saved search of this name")
    search.add_argument("--order", choices=("relevance", "date", "name"), default="relevance",
                        help="of the good matches; lists without words are by date or name")  # fmt: skip
    search.add_argument("--caution", type=_probability, default=CAUTION, metavar="0..1",
                        help=f"how much must speak for a good match ({CAUTION})")  # fmt: skip
    search.add_argument("--stacks", action=argparse.BooleanOptionalAction, default=None,
                        help="take near-identical photos together, as is done except with --json")  # fmt: skip
    search.add_argument("--queries", type=Path, metavar="FILE.jsonl",
                        help='one question a line, {"query": "..."}; answers with one JSON line each')  # fmt: skip
    _add_n(search, 20)

    similar = command("similar", "Find photos like one, of the library or any picture file.")
    similar.add_argument("photo", type=Path, metavar="PHOTO")
    _add_conditions(similar)
    similar.add_argument("--region", type=_region, metavar="X,Y,W,H",
                         help="compare by a part: left, top, width and height as fractions of the photo")  # fmt: skip
    _add_n(similar, 20)

    searches = command("searches", "Searches with a name: list, save NAME QUERY, rename NAME NEW, remove NAME. "
                                   "What is saved may hold photos, as with similar.")  # fmt: skip
    searches.add_argument("action", nargs="?", choices=("list", "save", "rename", "remove"), default="list")
    searches.add_argument("arguments", nargs="*", metavar="NAME QUERY")
    # One list for both, so that a region is known to stand behind its photo.
    searches.add_argument("--photo", type=Path, action="append", dest="photos", default=[], metavar="PHOTO",
                          help="save: photos like this one; may be given again")  # fmt: skip
    searches.add_argument("--region", type=_region, action="append", dest="photos", default=[], metavar="X,Y,W,H",
                          help="only a part of the --photo before it, as fractions")  # fmt: skip
    _add_conditions(searches)

    why = command("why", "Tell why a photo answers a question.")
    why.add_argument("photo", type=Path, metavar="PHOTO")
    why.add_argument("words", nargs="*", metavar="QUERY")
    why.add_argument("--saved", metavar="NAME", help="the saved search of this name instead of QUERY")
    why.add_argument("--like", type=Path, metavar="PHOTO", help="the photo that was asked with")
    why.add_argument("--out", type=Path, metavar="PNG", help="write the photo with its heat map")

    feedback = command("feedback", "Say which photos fit a question, and which do not.")
    feedback.add_argument("words", nargs="*", metavar="QUERY")
    feedback.add_argument("--saved", metavar="NAME", help="the saved search of this name instead of QUERY")
    feedback.add_argument("--up", type=Path, action="append", default=[], metavar="PHOTO", help="this one fits")
    feedback.add_argument("--down", type=Path, action="append", default=[], metavar="PHOTO", help="this one does not")
    feedback.add_argument("--neither", type=Path, action="append", default=[], metavar="PHOTO",
                          help="take the vote on this one back")  # fmt: skip
    feedback.add_argument("--list", action="store_true", help="tell the votes; without QUERY all of them")
    feedback.add_argument("--clear", action="store_true", help="take back the votes; without QUERY all of them")

    tags = command("tags", "Tell what is in photos.")
    tags.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    tags.add_argument("--all", action="store_true", help="every photo of the library")
    _add_tag_actions(tags)
    _add_n(tags, 8)

    words = command("words", "Words near a word, and how many of your photos each would find.")
    words.add_argument("word", nargs="+", metavar="WORD")
    _add_n(words, 12)

    train = command("teach", "Learn a subject from 5 to 50 photos: they get the tag, others are shown and asked about.")
    train.add_argument("name", metavar="NAME")
    train.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    train.add_argument("--yes", nargs="+", type=Path, default=[], metavar="PHOTO", help="these show it too")
    train.add_argument("--no", nargs="+", type=Path, default=[], metavar="PHOTO", help="these do not")
    train.add_argument("--ask", type=_count, default=5, metavar="N", help="ask about at most N photos (5)")
    train.add_argument("--forget", action="store_true", help="take the subject back, and the tag with it")
    _add_n(train, 20)

    personalize = command("adapt", "Learn from your confirmations what words mean to you; used only if proven better.")
    personalize.add_argument("--dry-run", action="store_true", help="only tell the figures before and after")
    personalize.add_argument("--undo", action="store_true", help="take the correction off")
    personalize.add_argument("--show", action="store_true", help="tell what is in use, and its figures")

    export = command("export", "Write your tags, ratings, captions, decisions and saved searches to a file.")
    export.add_argument("file", type=Path, metavar="FILE", help="CSV when its name ends so, else JSON")

    take = command("import", "Take in work from a file of export, from digiKam, or from the names of folders.")
    take.add_argument("file", nargs="?", type=Path, metavar="FILE")
    take.add_argument("--digikam", type=Path, metavar="DB", help="digikam4.db: tags, ratings, captions")
    take.add_argument("--folders", action="store_true", help="make the names of folders tags of their photos")

    doctor = command("doctor", "Check the library and tell what would be repaired.")
    doctor.add_argument("--repair", action="store_true", help="do it")
    return parser


def _add_conditions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--focus", action="append", default=[], metavar="WORD",
                        help="compare by the parts that show WORD; may be given again")  # fmt: skip
    parser.add_argument("--away", action="append", default=[], metavar="WORD",
                        help="compare by the parts that do not show WORD")  # fmt: skip
    parser.add_argument("--plus", action="append", default=[], metavar="WORD|PHOTO", help="and show this too")
    parser.add_argument("--minus", action="append", default=[], metavar="WORD|PHOTO", help="but not this")


def _add_tag_actions(tags: argparse.ArgumentParser) -> None:
    action = tags.add_mutually_exclusive_group()
    action.add_argument(
        "--auto", action="store_true", help="give all photos their automatic tags, new ones from now on"
    )
    tags.add_argument("--preview", action="store_true", help="with --auto: only count the tags that would be set")
    action.add_argument("--remove-automatic", action="store_true", help="take off all that nobody confirmed")
    decisions = 'decisions, one a line: {"path", "tag", "decision": confirm, reject, add or remove}'
    action.add_argument("--review", type=Path, metavar="FILE.jsonl", help=decisions)
    action.add_argument("--write", action="store_true", help="write tags, ratings, captions into XMP sidecars")
    least = "least confidence of automatic tags, 0 to 1; with --write these are written too"
    tags.add_argument("--least", type=_probability, metavar="P", help=least)
    tags.add_argument("--embed", action="store_true", help="write into JPEG, PNG and WebP themselves")
    tags.add_argument("--adobe", action="store_true", help="name new sidecars photo.xmp instead of photo.jpg.xmp")
    tags.add_argument("--dry-run", action="store_true", help="only tell what would be written")
    tags.add_argument("--retry", action="store_true", help="write only where the last writing failed")


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def _add_n(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument("-n", type=_count, default=default, metavar="N", help=f"at most N of them ({default})")


def _region(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,W,H: four numbers from 0 to 1") from None
    return x, y, w, h


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return number
