# SPDX-License-Identifier: GPL-3.0-or-later
"""The last stage: exports a model pack from encoder, head and word table, with tags and manifest.

Commands: ``python -m semantic_photos.training.export --encoder FILE --head FILE --words DIR --phrases FILE --data DIR
--material DIR --card FILE --out resources/packs/ID --version 0.1.0`` makes a pack; ``... export --seal DIR`` only
renews sizes and checksums.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator

from semantic_photos.ml.word_forms import folded
from semantic_photos.training import progress
from semantic_photos.training.calibration import calibrate, entries_of, priors, support, tag_background, tag_vectors
from semantic_photos.training.dataset import PhotoArray, PhotoRecord
from semantic_photos.training.features import load_student, pooled_features
from semantic_photos.training.head import Head
from semantic_photos.training.objects import CLEAR, OBJECTS_FILE, ObjectBank
from semantic_photos.training.onnx_graph import encoder_model, head_model
from semantic_photos.training.phrase_encoder import MOST_WORDS, PhraseEncoder, Phrases
from semantic_photos.training.phrase_graph import phrase_model
from semantic_photos.training.texts import UNSEEN_LABEL_SOURCES, WordVectorTable
from semantic_photos.training.vocabulary import read_tags, words_of
from semantic_photos.training.words import load_words

log = logging.getLogger(__name__)

MANIFEST = "pack.json"
CARD = "MODEL_CARD.md"
KNOWN_QUERY = "dog beach"
BACKGROUND = "background.npy"
PHRASES = "phrases.onnx"
OFFERED_FILE = "offered.json"
KEPT_BACKGROUND = 1024
FORMAT = 1
#: From so many training photos on a word counts as fully trained.
TRUSTED = 8


def ramp_picture(side: int) -> np.ndarray:
    """The made-up picture "ramp-1" whose vector every pack carries: uint8 (side, side, 3)."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return ((x * (c + 1) * 5 + y * (3 - c) * 3) % 256).astype(np.uint8)


def quantise_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows (V, D) as int8 rows and float32 scales (V,)."""
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12) / 127.0
    return np.rint(table / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def trust_of(words: Sequence[str], records: Sequence[PhotoRecord], objects: ObjectBank) -> np.ndarray:
    """How far each word was trained on photos, float32 (V,) in 0..1: 1 from `TRUSTED` photos on that show it.

    Photos count whose captions or labels hold the word in any form, and photos in which a detector clearly saw it.
    """
    counts: Counter[str] = Counter()
    for record in records:
        if record.split == "train" and record.source not in UNSEEN_LABEL_SOURCES:
            texts = (*record.captions, *record.labels)
            counts.update({folded(word) for text in texts for word in words_of(text)})
    seen = ((objects.scores >= CLEAR) & objects.asked).sum(dim=0).tolist()
    for name, photos in zip(objects.names, seen, strict=True):
        for word in words_of(name):
            counts[folded(word)] = max(counts[folded(word)], int(photos))
    return np.array([min(1.0, counts[folded(word)] / TRUSTED) for word in words], dtype=np.float32)


def load_phrases(path: Path) -> PhraseEncoder:
    """The phrase encoder that `phrase_encoder` trained."""
    state = progress.load_checkpoint(path)
    shape = state["shape"]
    encoder = PhraseEncoder(state["dim"], int(shape["layers"]), int(shape["width"]), int(shape["heads"]))
    encoder.load_state_dict(state["encoder"])
    return encoder.eval()


def load_head(path: Path) -> tuple[Head, torch.Tensor]:
    """Head and folded word table of the head stage or of the fine-tuning."""
    state = progress.load_checkpoint(path)
    table = state["table"]
    head = Head(state["head"]["mean"].shape[0], int(state["hidden"]), table.shape[1], 0.0)
    head.load_state_dict(state["head"])
    return head.eval(), table


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``pack.json`` with sizes and checksums of every other file."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            data = path.read_bytes()
            files[path.name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest["files"] = files
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def known_answer(folder: Path, side: int, phrases: Phrases, table: torch.Tensor) -> dict[str, Any]:
    """What a right installation answers, computed by ONNX's reference implementation and not by a runtime."""
    picture = ramp_picture(side)[None]
    pooled = ReferenceEvaluator(onnx.load(folder / "encoder.onnx")).run(["pooled"], {"image": picture})[0]
    vector = ReferenceEvaluator(onnx.load(folder / "head.onnx")).run(["embedding"], {"features": pooled})[0][0]
    rows, weights, _there = phrases.batch([phrases.rows(KNOWN_QUERY)], table)
    feeds = {"words": rows.numpy(), "weights": weights.numpy()}
    text = ReferenceEvaluator(onnx.load(folder / PHRASES)).run(["vector"], feeds)[0][0]
    return {
        "picture": "ramp-1",
        "embedding": [round(float(v), 6) for v in vector],
        "min_cosine": 0.999,
        "text": {"query": KNOWN_QUERY, "embedding": [round(float(v), 6) for v in text]},
    }


def write_pack(args: argparse.Namespace) -> None:
    """Make the pack folder."""
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    student = load_student(args.encoder, "cpu")
    head, folded_table = load_head(args.head)
    words, _start, weights = load_words(args.words)
    photos = PhotoArray(args.data, args.side)
    onnx.save(encoder_model(student, args.side, args.storage), out / "encoder.onnx")
    onnx.save(head_model(head, args.storage), out / "head.onnx")
    whole, scales = quantise_rows(folded_table.numpy())
    (out / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.save(out / "words.npy", whole)
    np.save(out / "word_scales.npy", scales)
    np.save(out / "word_weights.npy", weights.numpy().astype(np.float32))
    table = torch.from_numpy(whole.astype(np.float32) * scales[:, None])
    word_table = WordVectorTable(words, weights)
    encoder = load_phrases(args.phrases)
    onnx.save(phrase_model(encoder, args.storage), out / PHRASES)
    phrases = Phrases(words, weights)
    objects = ObjectBank(args.material / OBJECTS_FILE, photos.records)
    np.save(out / "word_trust.npy", trust_of(words, photos.records, objects))
    offered = json.loads((args.words / OFFERED_FILE).read_text(encoding="utf-8"))
    np.save(out / "word_offered.npy", np.array(offered, dtype=np.uint8))

    tags = [(tag, category) for tag, category in read_tags() if word_table.content(tag)]
    known = support([tag for tag, _ in tags], photos.records)
    tags = [tag for tag, count in zip(tags, known, strict=True) if count >= args.tag_support]
    prior = priors(known[known >= args.tag_support])
    vectors = tag_vectors([tag for tag, _ in tags], word_table, table)
    rng = np.random.default_rng(0)
    train = photos.rows("train")
    sample = np.sort(rng.choice(train, min(args.background, len(train)), replace=False))
    with torch.no_grad():
        background = head(pooled_features(student, photos, sample, "cpu"))
        val = photos.rows("val")
        judged = head(pooled_features(student, photos, val, "cpu"))
    mean, std = tag_background(background, vectors)
    # A few vectors of ordinary photos, so that the program can tell a good match from the best of a bad lot.
    np.save(out / BACKGROUND, background[rng.permutation(len(background))[:KEPT_BACKGROUND]].numpy().astype(np.float16))
    fit = calibrate(photos.records, val, judged, [tag for tag, _ in tags], vectors, mean, std, prior, word_table, table)
    log.info("%d tags: %s", len(tags), {k: round(v, 4) for k, v in fit.items()})
    (out / "tags.json").write_text(entries_of(tags, mean, std, prior, fit), encoding="utf-8")
    if args.card is not None and args.card.resolve() != (out / CARD).resolve():
        shutil.copyfile(args.card, out / CARD)
    manifest = {
        "format": FORMAT,
        "id": out.name,
        "title": args.title,
        "version": args.version,
        "created": args.created or datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "licence": "GPL-3.0-or-later",
        "card": CARD,
        "dim": int(table.shape[1]),
        "metric": "cosine",
        "image": {
            "file": "encoder.onnx",
            "input": "image",
            "side": args.side,
            "layout": "NHWC",
            "dtype": "uint8",
            "mean": [0, 0, 0],
            "std": [1, 1, 1],
            "fit": "squash",
            "interpolation": "bicubic",
            "map": "map",
            "pooled": "pooled",
            "channels": int(head.mean.shape[0]),
        },
        "head": {"file": "head.onnx", "input": "features", "output": "embedding"},
        "text": {
            "words": "words.txt",
            "vectors": "words.npy",
            "scales": "word_scales.npy",
            "weights": "word_weights.npy",
            "trust": "word_trust.npy",
            "offered": "word_offered.npy",
        },
        "phrases": {"file": PHRASES, "max_words": MOST_WORDS},
        "tags": "tags.json",
        "background": BACKGROUND,
        "known_answer": known_answer(out, args.side, phrases, table),
    }
    seal(out, manifest)


def main(argv: Sequence[str] | None = None) -> int:
    """Make or seal a pack."""
    parser = argparse.ArgumentParser(description="Make a model pack, or renew the checksums of one.")
    parser.add_argument("--seal", type=Path, metavar="DIR", help="only renew sizes and checksums of this pack")
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--head", type=Path)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--phrases", type=Path, help="phrases.pt of training.phrase_encoder")
    parser.add_argument("--material", type=Path, help="folder with objects.jsonl.gz")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--card", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--storage", choices=("int8", "float16", "float32"), default="int8")
    parser.add_argument("--background", type=int, default=8000, help="training photos for the tags' background")
    parser.add_argument("--tag-support", type=int, default=2, help="training photos that a tag's words must occur in")
    parser.add_argument("--title", default="Semantic Photos small")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--created", help="date in the manifest, today if not given")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.seal is not None:
        seal(args.seal, json.loads((args.seal / MANIFEST).read_text(encoding="utf-8")))
        return 0
    missing = [
        name
        for name in ("encoder", "head", "words", "phrases", "material", "data", "out")
        if getattr(args, name) is None
    ]
    if missing:
        parser.error("needed: " + ", ".join(f"--{name}" for name in missing))
    progress.prepare(0, args.threads)
    write_pack(args)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
