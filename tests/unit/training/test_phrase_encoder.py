# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx.reference import ReferenceEvaluator  # noqa: E402

from semantic_photos.training.phrase_encoder import PhraseEncoder, Phrases  # noqa: E402
from semantic_photos.training.phrase_graph import phrase_model  # noqa: E402
from semantic_photos.training.text_side import TextSide  # noqa: E402
from semantic_photos.training.texts import Bags  # noqa: E402


def _encoder(*, trained: bool) -> PhraseEncoder:
    torch.manual_seed(0)
    encoder = PhraseEncoder(16, layers=2, width=32, heads=4).eval()
    if trained:
        for weight in encoder.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    return encoder


def test_an_untrained_encoder_is_the_weighted_sum() -> None:
    words, weights = torch.randn(1, 3, 16), torch.tensor([[1.0, 0.0, 0.5]])
    total = torch.nn.functional.normalize(words[:, 0] + 0.5 * words[:, 2], dim=1)
    with torch.no_grad():
        assert torch.allclose(_encoder(trained=False)(words, weights, torch.ones(1, 3)), total, atol=1e-6)


def test_order_counts_and_what_stands_behind_the_last_word_does_not() -> None:
    encoder = _encoder(trained=True)
    table = torch.nn.functional.normalize(torch.randn(4, 16), dim=1)
    phrases = Phrases(["dog", "on", "red", "sofa"], torch.tensor([1.0, 0.0, 1.0, 1.0]))
    rows = [phrases.rows(text) for text in ("red dog on sofa", "dog on red sofa", "red dog")]
    assert rows[0] == [2, 0, 1, 3]
    with torch.no_grad():
        together = encoder(*phrases.batch(rows, table))
        alone = encoder(*phrases.batch(rows[2:], table))
    assert float((together[0] - together[1]).abs().max()) > 1e-3
    assert torch.allclose(together[2], alone[0], atol=1e-5)


def test_the_written_graph_computes_what_the_encoder_does() -> None:
    encoder = _encoder(trained=True)
    run = ReferenceEvaluator(phrase_model(encoder, "float32"))
    for length in (1, 5, 16):
        words = torch.randn(1, length, 16)
        weights = torch.rand(1, length)
        weights[0, 0] = 0.0
        (made,) = run.run(None, {"words": words.numpy(), "weights": weights.numpy()})
        with torch.no_grad():
            assert np.allclose(made, encoder(words, weights, torch.ones(1, length)).numpy(), atol=1e-5)


def test_the_shared_map_moves_words_no_text_ever_holds() -> None:
    torch.manual_seed(0)
    base = torch.nn.functional.normalize(torch.randn(6, 4), dim=1)
    side = TextSide(base)
    side.words(Bags(torch.tensor([[0]]), torch.ones(1, 1))).sum().backward()
    with torch.no_grad():
        assert side.turn.grad is not None
        side.turn -= side.turn.grad
    assert not torch.allclose(side.folded()[5], base[5], atol=1e-3)
