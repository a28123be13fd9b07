# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's settings, declared once: default, range and description of each field."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from semantic_photos.domain.result_cutoff import CAUTION
from semantic_photos.domain.translatable import Message

#: Languages there is a catalog for, each by its own name. ``translation.of_setting`` knows what ``system`` means.
LANGUAGES = {"en": "English", "de": "Deutsch"}
SYSTEM_LANGUAGE = "system"

#: Orders of the good matches; ``services.search.search_service`` knows what they mean.
ORDERS = ("relevance", "date", "name")


def _setting(default: Any, description: Message, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"description": description, **limits})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; a change is a new value. Unknown keys of a file are ignored, bad values fall back."""

    thumbnail_side: int = _setting(180, Message("Thumbnail size in the grid, in pixels."), least=80, most=400)
    side_panel: bool = _setting(default=True, description=Message("Show the details panel beside the grid."))
    saved_folded: bool = _setting(default=False, description=Message("Collapse the list of saved searches."))
    caution: float = _setting(CAUTION, Message("Strictness of the result cut-off, 0 to 1."), least=0.0, most=1.0)
    result_order: str = _setting("relevance", Message("Order of the good matches."), choices=ORDERS)
    result_limit: int = _setting(500, Message("Maximum number of photos in a result."), least=20, most=5000)
    decode_processes: int = _setting(0, Message("Processes for reading photo files (0: automatic)."), least=0, most=32)
    encoder_threads: int = _setting(0, Message("Threads for the image encoder (0: automatic)."), least=0, most=64)
    thumbnail_cache_mb: int = _setting(2000, Message("Disk space for thumbnails, in MB."), least=50, most=100_000)
    rescan_minutes: int = _setting(60, Message("Minutes between rescans of all folders."), least=1, most=1440)
    tag_colours: bool = _setting(default=False, description=Message("Set colors as automatic tags."))
    language: str = _setting(SYSTEM_LANGUAGE, Message("Language of the window."), choices=(SYSTEM_LANGUAGE, *LANGUAGES))
    window_geometry: str = _setting("", Message("Position and size of the window, as written by Qt."))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Return settings from stored values; what is unknown, of another type or out of range is left out."""
        kept: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            value = values.get(field.name)
            # bool is an int in Python: an exact type test keeps `true` out of a number field.
            if type(value) is not type(field.default):
                continue
            least, most = field.metadata.get("least"), field.metadata.get("most")
            # Written so that NaN, which is neither above nor below anything, fails too.
            if not ((least is None or value >= least) and (most is None or value <= most)):
                continue
            if value not in field.metadata.get("choices", (value,)):
                continue
            kept[field.name] = value
        return cls(**kept)

    def to_dict(self) -> dict[str, Any]:
        """Return the values by name, fit for JSON."""
        return dataclasses.asdict(self)
