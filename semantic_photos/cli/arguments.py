# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from semantic_photos import __version__
from semantic_photos.domain.errors import UserFacingError

COMMANDS = ("index", "search", "similar", "tags", "words", "teach", "export", "import", "doctor")

_USAGE = """semantic-photos [FOLDER…]            open the window (in the terminal when there is no display)
       semantic-photos index FOLDER…        add folders, index them, exit
       semantic-photos search QUERY         photos by what is in them; -word pushes away
       semantic-photos similar PHOTO        photos like one
       semantic-photos tags PHOTO…          what is in photos
       semantic-photos words WORD           words near a word
       semantic-photos teach NAME PHOTO…    a subject of your own, from 5 to 50 photos
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
    if first == "search":
        _command_parser(common).parse_args([_shield(word) for word in arguments], options)
        options.words = [_unshield(word) for word in options.words]
    elif first in COMMANDS:
        _command_parser(common).parse_args(arguments, options)
    else:
        _window_parser(common).parse_args(arguments, options)
    return options


#: A minus word of a question looks like an option to argparse; a true minus sign in its place does not.
_MINUS = "\N{MINUS SIGN}"
_SEARCH_OPTION = re.compile(r"--(json|queries|home|pack|verbose|help)(=.*)?|-h|-n\d*|--?")


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

    search = command("search", "Find photos by what is in them. A word with a minus before it pushes away.")
    search.add_argument("words", nargs="*", metavar="QUERY")
    search.add_argument("--queries", type=Path, metavar="FILE.jsonl",
                        help='one question a line, {"query": "..."}; answers with one JSON line each')  # fmt: skip
    _add_n(search, 20)

    similar = command("similar", "Find photos like one, of the library or any picture file.")
    similar.add_argument("photo", type=Path, metavar="PHOTO")
    similar.add_argument("--focus", default="", metavar="WORD", help="compare by the parts that show WORD")
    _add_n(similar, 20)

    tags = command("tags", "Tell what is in photos.")
    tags.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    tags.add_argument("--all", action="store_true", help="every photo of the library")
    _add_tag_actions(tags)
    _add_n(tags, 8)

    words = command("words", "Words near a word, and how many of your photos each would find.")
    words.add_argument("word", nargs="+", metavar="WORD")
    _add_n(words, 12)

    teach = command("teach", "Learn a subject from 5 to 50 photos: they get the tag, and the likest others are shown.")
    teach.add_argument("name", metavar="NAME")
    teach.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    _add_n(teach, 20)

    export = command("export", "Write your tags, ratings, captions, decisions and saved searches to a file.")
    export.add_argument("file", type=Path, metavar="FILE", help="CSV when its name ends so, else JSON")

    take = command("import", "Take in work from a file of export, from digiKam, or from the names of folders.")
    take.add_argument("file", nargs="?", type=Path, metavar="FILE")
    take.add_argument("--digikam", type=Path, metavar="DB", help="digikam4.db: tags, ratings, captions")
    take.add_argument("--folders", action="store_true", help="make the names of folders tags of their photos")

    doctor = command("doctor", "Check the library and tell what would be repaired.")
    doctor.add_argument("--repair", action="store_true", help="do it")
    return parser


def _add_tag_actions(tags: argparse.ArgumentParser) -> None:
    action = tags.add_mutually_exclusive_group()
    action.add_argument(
        "--auto", action="store_true", help="give all photos their automatic tags, new ones from now on"
    )
    action.add_argument("--remove-automatic", action="store_true", help="take off all that nobody confirmed")
    decisions = 'decisions, one a line: {"path", "tag", "decision": confirm, reject, add or remove}'
    action.add_argument("--review", type=Path, metavar="FILE.jsonl", help=decisions)
    action.add_argument("--write", action="store_true", help="write tags into XMP sidecars beside the photos")
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


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return number
