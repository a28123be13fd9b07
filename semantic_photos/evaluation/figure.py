# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured figure with its count and its 95 % range."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

ROUNDS = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    Attributes:
        value: What was measured; not a number if there was nothing to measure it on.
        count: How many queries, photos or labels it was measured on, which are also what the range resamples.
        low: Lower end of the range, None where there is none.
        high: Upper end.
        parts: Numerators and denominators (count,) whose sums' ratio the figure is, to compare two models query by
            query; not written to files.
    """

    value: float
    count: int
    low: float | None = None
    high: float | None = None
    parts: tuple[NDArray[np.float64], NDArray[np.float64]] | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    def as_json(self) -> dict[str, float | int | None]:
        """Return what is written to files; numbers that are none become null."""
        return {
            "value": _finite(self.value), "count": self.count, "low": _finite(self.low), "high": _finite(self.high)
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Any) -> Figure:
        """Read what ``as_json`` returned, or the plain number that older reports hold.

        Raises:
            ValueError, TypeError: it is neither.
        """
        if not isinstance(value, dict):
            return cls(float(value), 0)
        low, high = value.get("low"), value.get("high")
        return cls(
            math.nan if value["value"] is None else float(value["value"]),
            int(value.get("count", 0)),
            None if low is None else float(low),
            None if high is None else float(high),
        )


Group = dict[str, Figure]
Figures = dict[str, Group]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


@functools.lru_cache(maxsize=8)
def weights_of(count: int, rounds: int = ROUNDS, seed: int = 0) -> NDArray[np.float64]:
    """Return how often each of ``count`` things is drawn in each round of a bootstrap, (rounds, count).

    Efron, "Bootstrap methods: another look at the jackknife", 1979: as many draws as things, with replacement. The
    same seed for every figure, so that two packs are measured on the same draws.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=rounds).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


def plain(value: float, count: int) -> Figure:
    """Return a figure without a range: a fact, a count, a time."""
    return Figure(float(value), count)


def ratio(numerators: NDArray[Any], denominators: NDArray[Any] | None = None) -> Figure:
    """Return the ratio of two sums over the same things, or the mean where no denominators are given.

    Args:
        numerators: (Q,), what each thing adds above the line.
        denominators: (Q,), and below it; ones if not given. Rounds of the bootstrap whose sum is zero are left out.
    """
    above = np.asarray(numerators, dtype=np.float64)
    below = np.ones(len(above)) if denominators is None else np.asarray(denominators, dtype=np.float64)
    if not len(above) or not below.sum() > 0:
        return Figure(math.nan, len(above))
    drawn = weights_of(len(above))
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (drawn @ above) / (drawn @ below)
    low, high = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
    return Figure(float(above.sum() / below.sum()), len(above), float(low), float(high), (above, below))


def median_by_owner(values: Ints, owners: Ints) -> Figure:
    """Return the median of values, with a range from resampling their owners.

    Args:
        values: (V,), such as the rank of each caption.
        owners: (V,) in 0..N-1, such as its photo: the captions of one photo are not independent of each other.
    """
    if not len(values):
        return Figure(math.nan, 0)
    count = int(owners.max()) + 1
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights_of(count)[:, owners[order]], axis=1)
    middle = (summed >= summed[:, -1:] / 2).argmax(axis=1)
    low, high = np.quantile(values[order][middle], [0.025, 0.975])
    return Figure(float(np.median(values)), len(np.unique(owners)), float(low), float(high))


def difference(new: Figure, old: Figure) -> Figure | None:
    """Return how much higher one figure is than another over the same things, with a paired range.

    None if they were not measured on the same number of things, or without parts: then only their ranges can be
    compared, which sees less.
    """
    if new.parts is None or old.parts is None or new.count != old.count:
        return None
    drawn = weights_of(new.count)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (drawn @ new.parts[0]) / (drawn @ new.parts[1]) - (drawn @ old.parts[0]) / (drawn @ old.parts[1])
    sound = values[np.isfinite(values)]
    if not len(sound):
        return None
    low, high = np.quantile(sound, [0.025, 0.975])
    return Figure(new.value - old.value, new.count, float(low), float(high))
