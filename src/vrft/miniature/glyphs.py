"""The handwritten digits of the miniature: 1,797 glyphs of 8x8, split once and for all.

The glyphs are the test part of the UCI "Optical Recognition of Handwritten Digits" set (CC BY 4.0), as
scikit-learn ships them. A compact copy lies next to this file so that the demo needs no scikit-learn.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np

Split = Literal["pretrain", "train", "val", "heldout"]
"""Which glyphs an image may be drawn from. No glyph is in two splits."""

SPLITS: tuple[Split, ...] = get_args(Split)
_SHARES = {"pretrain": 0.55, "train": 0.15, "val": 0.10, "heldout": 0.20}


@cache
def _load() -> tuple[np.ndarray, np.ndarray]:
    with (files("vrft.miniature") / "glyphs.npz").open("rb") as handle, np.load(handle) as archive:
        return archive["images"], archive["labels"]


@cache
def glyphs(digit: int, split: Split) -> np.ndarray:
    """The glyphs of a digit, 0 to 9, in one split: uint8 (n, 8, 8), ink from 0 to 16."""
    images, labels = _load()
    own = images[labels == digit]
    order = np.random.default_rng(20250303 + digit).permutation(len(own))
    edges = np.cumsum([0.0, *(_SHARES[s] for s in SPLITS)])
    index = SPLITS.index(split)
    low, high = (round(edges[i] * len(own)) for i in (index, index + 1))
    found: np.ndarray = own[order[low:high]]
    return found
