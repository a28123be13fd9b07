# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user can set, declared once: default, range and description per field."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from semantic_photos.domain.result_cutoff import CAUTION

#: Orders of the good matches; ``services.search.search_service`` knows what they mean.
ORDERS = ("relevance", "date", "name")


def _setting(default: Any, description: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"description": description, **limits})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; a change is a new value. Unknown keys of a file are ignored, bad values fall back."""

    thumbnail_side: int = _setting(180, "Side of a thumbnail in the grid, in pixels.", least=80, most=400)
    side_panel: bool = _setting(
        default=True, description="Show the panel with picture, facts and tags beside the grid."
    )
    saved_folded: bool = _setting(default=False, description="Show the saved searches only as a strip at the left.")
    caution: float = _setting(CAUTION, "How much must speak for a good match, 0 to 1.", least=0.0, most=1.0)
    result_order: str = _setting("relevance", "Order of the good matches.", choices=ORDERS)
    result_limit: int = _setting(500, "How many photos a search shows at most.", least=20, most=5000)
    decode_processes: int = _setting(0, "Processes that read photo files; 0 lets the program choose.", least=0, most=32)
    encoder_threads: int = _setting(0, "Threads that look into photos; 0 lets the program choose.", least=0, most=64)
    thumbnail_cache_mb: int = _setting(2000, "Most disk space thumbnails may take, in MB.", least=50, most=100_000)
    rescan_minutes: int = _setting(60, "Minutes after which all folders are looked through again.", least=1, most=1440)
    window_geometry: str = _setting("", "Place and size of the window, as written by Qt.")
    window_state: str = _setting("", "Arrangement of the window's parts, as written by Qt.")

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
