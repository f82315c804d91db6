"""A pool of pretraining scenes, drawn once in parallel and kept as the image processor sees them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vrft.miniature.glyphs import Split
from vrft.miniature.scenes import CATEGORIES, SIZE, Scene, SceneObject, draw_scene

INPUT_SIZE = 96
"""Side of an image after the processor's resize: six merged tokens of sixteen pixels a side."""
CHUNK = 500
SINGLE_SHARE = 0.35


@dataclass(frozen=True)
class Pool:
    """Scenes: uint8 (n, 96, 96, 3) and each one's objects (boxes in pixels of the 100x100 original)."""

    pixels: np.ndarray
    objects: Sequence[tuple[SceneObject, ...]]

    def __len__(self) -> int:
        return len(self.objects)


def _chunk(task: tuple[int, int, Split]) -> tuple[np.ndarray, list[tuple[SceneObject, ...]]]:
    seed, index, split = task
    rng = np.random.default_rng([seed, index])
    pixels = np.empty((CHUNK, INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    objects = []
    for row in range(CHUNK):
        count = (1, 1) if rng.random() < SINGLE_SHARE else (1, 4)
        scene = draw_scene(rng, split, CATEGORIES, count)
        pixels[row] = as_seen(scene)
        objects.append(scene.objects)
    return pixels, objects


def as_seen(scene: Scene) -> np.ndarray:
    """A scene as the image processor resizes it, uint8 (96, 96, 3)."""
    image = Image.fromarray(scene.pixels)
    return np.asarray(image.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC))


def draw_pool(size: int, seed: int = 0, split: Split = "pretrain", cache: Path | None = None) -> Pool:
    """Draw ``size`` scenes (rounded up to whole chunks of 500), or read them back from ``cache``."""
    assert SIZE >= INPUT_SIZE
    if cache is not None and cache.exists():
        with cache.open("rb") as handle:
            found: Pool = pickle.load(handle)
            return found
    tasks = [(seed, index, split) for index in range(-(-size // CHUNK))]
    with ProcessPoolExecutor() as executor:
        parts = list(executor.map(_chunk, tasks))
    pool = Pool(np.concatenate([p for p, _ in parts]), [o for _, chunk in parts for o in chunk])
    if cache is not None:
        with cache.open("wb") as handle:
            pickle.dump(pool, handle, protocol=5)
    return pool
