# SPDX-License-Identifier: GPL-3.0-or-later
"""Where data, cache, configuration, logs and packs live, with one override for trials: ``--home``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.translatable import Message

APP_NAME = "semantic-photos"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders this program writes to; nothing is written anywhere else unless asked.

    Attributes:
        data: the catalog and installed packs. What a user cannot get back by waiting.
        cache: index segments and thumbnails; can be deleted at any moment.
        config: settings.
        logs: log files.
    """

    data: Path
    cache: Path
    config: Path
    logs: Path

    @classmethod
    def for_user(cls) -> Paths:
        """Return the folders that the operating system names for this user."""
        dirs = platformdirs.PlatformDirs(APP_NAME, appauthor=False, roaming=False)
        return cls(Path(dirs.user_data_dir), Path(dirs.user_cache_dir), Path(dirs.user_config_dir),
                   Path(dirs.user_log_dir))  # fmt: skip

    @classmethod
    def under(cls, home: Path) -> Paths:
        """Return folders that all lie in ``home``."""
        home = home.expanduser().absolute()
        return cls(home / "data", home / "cache", home / "config", home / "logs")

    def create(self) -> Paths:
        """Create the folders, readable for the user alone (embeddings reveal what photos show).

        Raises:
            UserFacingError: when a folder cannot be made.
        """
        for folder in (self.data, self.cache, self.config, self.logs):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise UserFacingError(
                    Message(
                        "The folder {folder} cannot be created: {reason}.",
                        folder=folder,
                        reason=error.strerror or error,
                    ),
                    code="home.unusable",
                    advice=Message("Choose another folder with --home DIR."),
                ) from error
        return self

    @property
    def catalog(self) -> Path:
        """Return the file of the catalog."""
        return self.data / "catalog.sqlite"

    @property
    def packs(self) -> Path:
        """Return the folder of installed packs."""
        return self.data / "packs"

    @property
    def index(self) -> Path:
        """Return the folder of index segments."""
        return self.cache / "index"

    @property
    def thumbnails(self) -> Path:
        """Return the folder of thumbnails."""
        return self.cache / "thumbnails"

    @property
    def settings(self) -> Path:
        """Return the settings file."""
        return self.config / "settings.json"


def resources() -> Path:
    """Return the folder of what ships with the program: packs, icons, demo photos.

    In an installed wheel it lies inside the package, in a source tree beside it, in a frozen bundle below
    the folder that the bundler names.
    """
    package = Path(__file__).resolve().parent
    bundle = getattr(sys, "_MEIPASS", None)
    candidates = [Path(bundle) / "semantic_photos" / "resources"] if bundle else []
    candidates += [package / "resources", package.parent / "resources"]
    for folder in candidates:
        if (folder / "packs").is_dir():
            return folder
    return candidates[-1]
