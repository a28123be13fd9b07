# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument parser of the command line: commands, options and their help."""

from __future__ import annotations

import argparse
import gettext
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from semantic_photos import __version__
from semantic_photos.cli import filter_help
from semantic_photos.cli.printing import SEE_HELP
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.result_cutoff import CAUTION
from semantic_photos.domain.translatable import N_, Message
from semantic_photos.translation import tr, translated

COMMANDS = (
    "index", "search", "similar", "searches", "why", "feedback", "tags", "words", "teach", "adapt",
    "export", "import", "doctor"
)  # fmt: skip

#: How the program is called, and what that does; ``_usage`` puts it in two columns.
_USAGE = (
    ("[FOLDER…]", Message("open the window (in the terminal when there is no display)")),
    ("index FOLDER…", Message("add folders, index them, exit")),
    ("search QUERY", Message("find photos by content; -word excludes, tag:x date:2024 filter")),
    ("similar PHOTO", Message("find photos similar to one")),
    ("searches", Message("saved searches: save, rename, remove")),
    ("why PHOTO QUERY", Message("explain why a photo matches, as a heat map")),
    ("feedback QUERY", Message("rate matches of a query")),
    ("tags PHOTO…", Message("show, set and write tags")),
    ("words WORD", Message("show related words")),
    ("teach NAME PHOTO…", Message("create a custom concept from 5 to 50 photos")),
    ("adapt", Message("personalize words from your confirmations")),
    ("export FILE", Message("export tags, ratings, captions and decisions as JSON or CSV")),
    ("import FILE", Message("import them, also into another library")),
    ("doctor", Message("check the library")),
    ("COMMAND --help", Message("show help for a command")),
)

#: Texts of argparse, which it looks up in the same catalog.
ARGPARSE = (
    N_("usage: "), N_("positional arguments"), N_("options"), N_("show this help message and exit"),
    N_("unrecognized arguments: %s"),
    N_("the following arguments are required: %s"), N_("argument %(argument_name)s: %(message)s"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"), N_("invalid %(type)s value: %(value)r"),
    N_("expected one argument"), N_("expected at least one argument"), N_("not allowed with argument %s"),
    N_("ignored explicit argument %r"), N_("ambiguous option: %(option)s could match %(matches)s"),
)  # fmt: skip


def _usage() -> str:
    width = max(len(call) for call, _ in _USAGE)
    lines = [f"semantic-photos {call:{width}}  {translated(what)}" for call, what in _USAGE]
    return "\n       ".join(lines)


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one sentence with exit code 2, as of every other error."""

    def error(self, message: str) -> NoReturn:
        raise UserFacingError(Message.as_is(f"{message[:1].upper()}{message[1:]}."), code="usage", advice=SEE_HELP)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; ``command`` is one of ``COMMANDS``, ``window`` or ``self-test``.

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
        parser.error(gettext.gettext("unrecognized arguments: %s") % " ".join(rest))
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
                        help=tr("keep all files of the program in DIR"))  # fmt: skip
    common.add_argument("--pack", type=Path, metavar="DIR", default=argparse.SUPPRESS,
                        help=tr("use the model pack in DIR"))  # fmt: skip
    common.add_argument(
        "--verbose", action="store_true", default=argparse.SUPPRESS, help=tr("print more details on stderr")
    )
    return common


def _window_parser(common: _Parser) -> _Parser:
    parser = _Parser(prog="semantic-photos", usage=_usage(), parents=[common])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--demo", action="store_true", help=tr("start with a few demo photos"))
    parser.add_argument("--terminal", action="store_true", help=tr("search in the terminal, without a window"))
    parser.add_argument("--self-test", action="store_true", help=tr("check the installation and exit"))
    parser.add_argument("--version", action="version", version=f"semantic-photos {__version__}",
                        help=tr("show program's version number and exit"))  # fmt: skip
    parser.set_defaults(command="window")
    return parser


def _command_parser(common: _Parser) -> _Parser:
    parser = _Parser(prog="semantic-photos", parents=[common])
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common])
        made.add_argument("--json", action="store_true", help=tr("print JSON"))
        return made

    index = command("index", tr("Add folders to the library, index them and exit."))
    index.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")

    search = command(
        "search", tr("Find photos by content. A minus excludes; tag:x, date:2024, rating:4 and others filter.")
    )
    search.formatter_class, search.epilog = argparse.RawDescriptionHelpFormatter, filter_help.as_text()
    search.add_argument("words", nargs="*", metavar="QUERY")
    search.add_argument("--saved", metavar="NAME", help=tr("run the saved search NAME"))
    search.add_argument("--order", choices=("relevance", "date", "name"), default="relevance",
                        help=tr("order of the good matches; without words by date or name"))  # fmt: skip
    search.add_argument("--caution", type=_probability, default=CAUTION, metavar="0..1",
                        help=tr("strictness of good matches, 0 to 1 ({default})", default=CAUTION))  # fmt: skip
    search.add_argument("--stacks", action=argparse.BooleanOptionalAction, default=None,
                        help=tr("group near-duplicates (default except with --json)"))  # fmt: skip
    search.add_argument("--queries", type=Path, metavar="FILE.jsonl",
                        help=tr('read one query per line, {"query": "..."}; print one line of JSON each'))  # fmt: skip
    _add_n(search, 20)

    similar = command("similar", tr("Find photos similar to one in the library or to any picture file."))
    similar.add_argument("photo", type=Path, metavar="PHOTO")
    _add_conditions(similar)
    similar.add_argument("--region", type=_region, metavar="X,Y,W,H",
                         help=tr("compare a part of the photo: left, top, width, height, from 0 to 1"))  # fmt: skip
    _add_n(similar, 20)

    searches = command("searches", tr(
        "Saved searches: list, save NAME QUERY, rename NAME NEW, remove NAME. They may contain photos, as in similar."
    ))  # fmt: skip
    searches.add_argument("action", nargs="?", choices=("list", "save", "rename", "remove"), default="list")
    searches.add_argument("arguments", nargs="*", metavar="NAME QUERY")
    # One list for both, so that a region is known to stand behind its photo.
    searches.add_argument("--photo", type=Path, action="append", dest="photos", default=[], metavar="PHOTO",
                          help=tr("save: find photos similar to PHOTO; may be repeated"))  # fmt: skip
    searches.add_argument("--region", type=_region, action="append", dest="photos", default=[], metavar="X,Y,W,H",
                          help=tr("use only this part of the preceding --photo"))  # fmt: skip
    _add_conditions(searches)

    why = command("why", tr("Explain why a photo matches a query."))
    why.add_argument("photo", type=Path, metavar="PHOTO")
    why.add_argument("words", nargs="*", metavar="QUERY")
    why.add_argument("--saved", metavar="NAME", help=tr("use the saved search NAME instead of QUERY"))
    why.add_argument("--like", type=Path, metavar="PHOTO", help=tr("the example photo of the query"))
    why.add_argument("--out", type=Path, metavar="PNG", help=tr("write the photo with its heat map to PNG"))

    feedback = command("feedback", tr("Rate photos as good matches of a query or not."))
    feedback.add_argument("words", nargs="*", metavar="QUERY")
    feedback.add_argument("--saved", metavar="NAME", help=tr("use the saved search NAME instead of QUERY"))
    feedback.add_argument("--up", type=Path, action="append", default=[], metavar="PHOTO", help=tr("good match"))
    feedback.add_argument("--down", type=Path, action="append", default=[], metavar="PHOTO", help=tr("not a match"))
    feedback.add_argument("--neither", type=Path, action="append", default=[], metavar="PHOTO",
                          help=tr("remove the vote for PHOTO"))  # fmt: skip
    feedback.add_argument("--list", action="store_true", help=tr("list votes; without QUERY all of them"))
    feedback.add_argument("--clear", action="store_true", help=tr("remove votes; without QUERY all of them"))

    tags = command("tags", tr("Show, set and write tags of photos."))
    tags.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    tags.add_argument("--all", action="store_true", help=tr("all photos of the library"))
    _add_tag_actions(tags)
    _add_n(tags, 8)

    words = command("words", tr("Show related words and how many photos each finds."))
    words.add_argument("word", nargs="+", metavar="WORD")
    _add_n(words, 12)

    train = command(
        "teach", tr("Create a custom concept from 5 to 50 photos: they get the tag, similar ones are suggested.")
    )
    train.add_argument("name", metavar="NAME")
    train.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    train.add_argument("--yes", nargs="+", type=Path, default=[], metavar="PHOTO", help=tr("photos that show it, too"))
    train.add_argument("--no", nargs="+", type=Path, default=[], metavar="PHOTO", help=tr("photos that do not show it"))
    train.add_argument("--ask", type=_count, default=5, metavar="N", help=tr("suggest at most N photos to confirm (5)"))
    train.add_argument("--forget", action="store_true", help=tr("remove the concept and its tag"))
    _add_n(train, 20)

    personalize = command("adapt", tr("Personalize words from your confirmations; applied only if measurably better."))
    personalize.add_argument("--dry-run", action="store_true", help=tr("only show the figures before and after"))
    personalize.add_argument("--undo", action="store_true", help=tr("turn personalization off"))
    personalize.add_argument("--show", action="store_true", help=tr("show the personalization in use and its figures"))

    export = command("export", tr("Export tags, ratings, captions, decisions and saved searches to a file."))
    export.add_argument("file", type=Path, metavar="FILE", help=tr("CSV if the name ends with .csv, else JSON"))

    take = command("import", tr("Import user data from an exported file, digiKam or folder names."))
    take.add_argument("file", nargs="?", type=Path, metavar="FILE")
    take.add_argument(
        "--digikam", type=Path, metavar="DB", help=tr("import tags, ratings and captions from digikam4.db")
    )
    take.add_argument("--folders", action="store_true", help=tr("use folder names as tags"))

    doctor = command("doctor", tr("Check the library and show what can be repaired."))
    doctor.add_argument("--repair", action="store_true", help=tr("repair what was found"))
    return parser


def _add_conditions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--focus", action="append", default=[], metavar="WORD",
                        help=tr("compare the parts that show WORD; may be repeated"))  # fmt: skip
    parser.add_argument("--away", action="append", default=[], metavar="WORD",
                        help=tr("compare the parts that do not show WORD"))  # fmt: skip
    parser.add_argument("--plus", action="append", default=[], metavar="WORD|PHOTO", help=tr("must also show this"))
    parser.add_argument("--minus", action="append", default=[], metavar="WORD|PHOTO", help=tr("must not show this"))


def _add_tag_actions(tags: argparse.ArgumentParser) -> None:
    action = tags.add_mutually_exclusive_group()
    action.add_argument(
        "--auto", action="store_true", help=tr("tag all photos automatically, and new ones from now on")
    )
    tags.add_argument("--preview", action="store_true", help=tr("with --auto: only count the tags that would be set"))
    action.add_argument("--remove-automatic", action="store_true", help=tr("remove all unconfirmed automatic tags"))
    decisions = tr('apply decisions, one per line: {"path", "tag", "decision": confirm, reject, add or remove}')
    action.add_argument("--review", type=Path, metavar="FILE.jsonl", help=decisions)
    action.add_argument("--write", action="store_true", help=tr("write tags, ratings and captions to XMP sidecars"))
    least = tr("minimum confidence of automatic tags, 0 to 1; with --write these are written, too")
    tags.add_argument("--least", type=_probability, metavar="P", help=least)
    tags.add_argument("--embed", action="store_true", help=tr("write into JPEG, PNG and WebP files"))
    tags.add_argument("--adobe", action="store_true", help=tr("name new sidecars photo.xmp instead of photo.jpg.xmp"))
    tags.add_argument("--dry-run", action="store_true", help=tr("only show what would be written"))
    tags.add_argument("--retry", action="store_true", help=tr("write only photos whose last write failed"))


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(tr("“{text}” is not a number from 0 to 1", text=text))
    return number


def _add_n(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "-n", type=_count, default=default, metavar="N", help=tr("at most N results ({default})", default=default)
    )


def _region(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(tr("“{text}” is not X,Y,W,H: four numbers from 0 to 1", text=text)) from None
    return x, y, w, h


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError(tr("“{text}” is not a number from 1 to 100,000", text=text))
    return number
