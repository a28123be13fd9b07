# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pack is measured against: photo vectors of other models on the same photos, made by ``training.reference``."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semantic_photos.domain.errors import SemanticPhotosError, UserFacingError
from semantic_photos.evaluation.figure import Figures, Floats
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.retrieval import EncodeText, Material, all_figures
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.ml.word_table import WordVectorTable

RECIPE = "original recipe"
TEACHER = "teacher, our head"


def reference_figures(
    path: Path, material: Material, encode: EncodeText, words_sha: str
) -> tuple[dict[str, Figures], dict[str, Any]]:
    """Return the figures of both references on the same questions, and what is known of their making.

    Args:
        path: A file that ``training.reference`` wrote.
        material: Photos and questions.
        encode: The pack's text encoder: the original recipe aims at its word vectors.
        words_sha: Checksum of the pack's word vectors.

    Raises:
        UserFacingError: the file is damaged, lacks a photo, or its recipe was trained for other words.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["words_sha"]) != words_sha:
                raise UserFacingError(
                    f"{path.name} was trained towards the words of another pack.",
                    code="evaluation.reference",
                    advice="Run training.reference again with --pack.",
                )
            files = [str(name) for name in stored["files"]]
            recipe = _rows(material.photos, files, stored["recipe_photos"], path)
            ours = _rows(material.photos, files, stored["head_photos"], path)
            word_table = WordVectorTable(
                [str(word) for word in stored["head_words"]],
                stored["head_vectors"],
                stored["head_scales"],
                stored["head_weights"],
            )
            facts = json.loads(str(stored["facts"]))
    except SemanticPhotosError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise UserFacingError(f"{path} is no file of references: {error}.", code="evaluation.reference") from error
    return {
        RECIPE: all_figures(material, recipe, encode),
        TEACHER: all_figures(material, ours, WordTableEncoder.of(word_table).encode),
    }, facts


def _rows(photos: Sequence[Shown], files: Sequence[str], vectors: Floats, path: Path) -> Floats:
    row_of = {file: row for row, file in enumerate(files)}
    missing = [photo.file for photo in photos if photo.file not in row_of]
    if missing or len(vectors) != len(files):
        raise UserFacingError(
            f"{path.name} has no vector for {len(missing)} of the photos.", code="evaluation.reference"
        )
    return np.asarray(vectors[[row_of[photo.file] for photo in photos]], dtype=np.float32)
