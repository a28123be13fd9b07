# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of adapting on the command line."""

from __future__ import annotations

import pytest

from semantic_photos.cli import personalization
from semantic_photos.cli.arguments import parse
from semantic_photos.domain.errors import UserFacingError


def test_options_that_contradict_each_other_are_refused() -> None:
    personalization.check(parse(["adapt", "--dry-run", "--json"]))
    with pytest.raises(UserFacingError, match="one of"):
        personalization.check(parse(["adapt", "--undo", "--show"]))
