# SPDX-License-Identifier: GPL-3.0-or-later
"""Error classes in two families: failures to report to the user, and bugs in the program."""

from __future__ import annotations

from semantic_photos.domain.translatable import NO_MESSAGE, Message, joined


class SemanticPhotosError(Exception):
    """The root of every error this program raises on purpose."""


class UserFacingError(SemanticPhotosError):
    """A failure outside the program's control, in a sentence that may be shown. ``str(error)`` is English.

    Attributes:
        code: stable machine-readable name of the kind of error (``photo.truncated``, ``catalog.corrupt``, …).
        message: the sentence, with its template and values: ``translation.translated`` says it in another language.
        advice: what the user can do next, or an empty message.
    """

    code = "error"

    def __init__(self, message: Message, *, code: str | None = None, advice: Message = NO_MESSAGE) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.advice = advice

    def sentence(self) -> Message:
        """Return the message with the advice behind it."""
        return joined((self.message, self.advice), " ") if self.advice else self.message


class PhotoError(UserFacingError):
    """One photo cannot be read. It is marked as failed with this reason, and the other photos go on.

    Attributes:
        retry: environmental error; the same bytes may be readable later (a permission, an I/O error).
    """

    code = "photo.unreadable"

    def __init__(self, message: Message, *, code: str | None = None, retry: bool = False) -> None:
        super().__init__(message, code=code)
        self.retry = retry


class PackError(UserFacingError):
    """A model pack is refused."""

    code = "pack.refused"


class CatalogError(UserFacingError):
    """The catalog (the database) cannot be used."""

    code = "catalog.unusable"

    @property
    def is_damage(self) -> bool:
        """Return whether the file itself is of no use: one of a newer program, or on a full disk, is not set aside."""
        return self.code in ("catalog.corrupt", "catalog.foreign", "catalog.empty")


class SegmentRefusedError(UserFacingError):
    """An index segment on disk is not valid; exact search takes over and a new one is built."""

    code = "segment.refused"


class FolderError(UserFacingError):
    """A folder cannot be added or read."""

    code = "folder.unusable"


class QueryError(UserFacingError):
    """A query is invalid."""

    code = "query.invalid"


class BusyError(UserFacingError):
    """Another Semantic Photos has this library open."""

    code = "library.busy"


class InternalError(SemanticPhotosError):
    """A bug: a broken invariant inside the program."""


class CancelledError(SemanticPhotosError):
    """Raised by ``CancelToken.raise_if_cancelled`` to leave a long operation."""
