"""Small real images with exact labels: handwritten digits and drawn shapes on textured backgrounds.

A scene is 100x100 pixels and its boxes are whole pixels, so a coordinate on the 0-1000 grid is a whole ten.
Everything is drawn from a seed; the same seed and split give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vrft.geometry.masks import mask_of_region
from vrft.miniature.domains import PLAIN, Domain
from vrft.miniature.glyphs import Split, glyphs
from vrft.types import BoxXYXY, Mask

SIZE = 100
SIDES_PX = (20, 46)
"""Least and largest side of an object."""
SEEN = 0.35
"""Opacity above which a pixel belongs to its object."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SHAPES = ("circle", "square", "triangle", "star", "cross", "arrow", "diamond", "heart")
CATEGORIES = DIGITS + SHAPES
NOVEL = ("four", "eight", "star", "arrow")
"""Categories that pretraining names as a single object but never detects, grounds or counts."""
BASE = tuple(name for name in CATEGORIES if name not in NOVEL)

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (208, 40, 40),
    "green": (40, 150, 60),
    "blue": (40, 80, 208),
    "yellow": (236, 200, 40),
    "purple": (140, 50, 170),
    "white": (245, 245, 245),
    "black": (18, 18, 18),
}
_ON_DARK, _ON_LIGHT = ("red", "green", "yellow", "white"), ("red", "blue", "purple", "black", "green")


@dataclass(frozen=True)
class SceneObject:
    """One drawn thing: its category, its color's name and its tight box in pixels, ``(x1, y1, x2, y2)``."""

    category: str
    color: str
    box_xyxy_px: tuple[int, int, int, int]

    @property
    def box(self) -> BoxXYXY:
        """The box as labels have it."""
        x1, y1, x2, y2 = map(float, self.box_xyxy_px)
        return x1, y1, x2, y2

    @property
    def area_px(self) -> int:
        x1, y1, x2, y2 = self.box_xyxy_px
        return (x2 - x1) * (y2 - y1)


@dataclass(frozen=True)
class Scene:
    """An image, uint8 (100, 100, 3), and what is in it, in drawing order."""

    pixels: np.ndarray
    objects: tuple[SceneObject, ...]
    inks: tuple[np.ndarray, ...] = ()
    """Of each object its strokes, bool (height, width) of its box."""

    def mask(self, index: int) -> Mask:
        """The strokes of an object."""
        x1, y1, x2, y2 = self.objects[index].box_xyxy_px
        region = np.zeros(self.pixels.shape[:2], bool)
        region[y1:y2, x1:x2] = self.inks[index]
        return mask_of_region(region)

    def of(self, category: str) -> tuple[SceneObject, ...]:
        return tuple(o for o in self.objects if o.category == category)


def distance_question(one: SceneObject, other: SceneObject) -> tuple[str, float]:
    """The question how far two objects are apart, and the pixels between the centers of their boxes."""
    (a, b, c, d), (e, f, g, h) = one.box, other.box
    pixels = float(np.hypot((a + c - e - g) / 2, (b + d - f - h) / 2).round())
    return f"How far apart are the centers of the {one.category} and the {other.category}?", pixels


def draw_scene(
    rng: np.random.Generator,
    split: Split,
    categories: tuple[str, ...] = CATEGORIES,
    count: tuple[int, int] = (1, 4),
    side_px: tuple[int, int] = SIDES_PX,
    domain: Domain = PLAIN,
) -> Scene:
    """Draw one scene; its boxes hold all ink and do not overlap."""
    canvas = _background(rng, domain)
    wanted = int(rng.integers(count[0], count[1] + 1))
    # A second object repeats the first category more often than chance would: "all sevens" must mean several.
    chosen: list[str] = []
    for _ in range(wanted):
        repeats = chosen and rng.random() < 0.3
        chosen.append(str(rng.choice(chosen if repeats else list(categories))))
    return _drawn(rng, split, chosen, side_px, domain, canvas)


def draw_scene_of(rng: np.random.Generator, split: Split, chosen: Sequence[str]) -> Scene:
    """Draw a scene of exactly these objects, drawn anew until all of them have a place."""
    while True:
        scene = _drawn(rng, split, chosen, SIDES_PX, PLAIN, _background(rng, PLAIN))
        if len(scene.objects) == len(chosen):
            return scene


def _drawn(
    rng: np.random.Generator,
    split: Split,
    chosen: Sequence[str],
    side_px: tuple[int, int],
    domain: Domain,
    background: tuple[np.ndarray, bool],
) -> Scene:
    canvas, dark = background
    objects: list[SceneObject] = []
    inks: list[np.ndarray] = []
    for category in chosen:
        for _attempt in range(12):
            side = int(rng.integers(side_px[0], side_px[1] + 1))
            ink = _ink(rng, category, side, split, domain)
            height, width = ink.shape
            left = int(rng.integers(1, SIZE - width))
            top = int(rng.integers(1, SIZE - height))
            box = (left, top, left + width, top + height)
            if all(_apart(box, other.box_xyxy_px) for other in objects):
                color = str(rng.choice(_ON_DARK if dark else _ON_LIGHT))
                _paint(rng, canvas, ink, left, top, COLORS[color])
                objects.append(SceneObject(category, color, box))
                inks.append(ink > SEEN)
                break
    noise = rng.normal(0.0, 3.0, canvas.shape)
    pixels = np.clip(canvas + noise, 0, 255).astype(np.uint8)
    return Scene(domain.pixels(pixels), tuple(objects), tuple(inks))


def _apart(a: tuple[int, int, int, int], b: tuple[int, int, int, int], gap_px: int = 1) -> bool:
    return a[2] + gap_px <= b[0] or b[2] + gap_px <= a[0] or a[3] + gap_px <= b[1] or b[3] + gap_px <= a[1]


def _background(rng: np.random.Generator, domain: Domain) -> tuple[np.ndarray, bool]:
    """A textured canvas, float (100, 100, 3), and whether it is dark."""
    dark = bool(rng.random() < 0.4)
    base = rng.uniform(35, 80, 3) if dark else rng.uniform(165, 225, 3)
    field = _field(rng) if domain.field is None else domain.field(rng, SIZE)
    return base + (field[..., None] * rng.uniform(6, 14, 3)), dark


def _field(rng: np.random.Generator) -> np.ndarray:
    """A slope, waves, clouds or grain, about -1 to 1, (100, 100)."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    kind = int(rng.integers(4))
    if kind == 0:
        angle = rng.uniform(0, 2 * np.pi)
        field = (np.cos(angle) * x + np.sin(angle) * y) * 1.2
    elif kind == 1:
        angle, period = rng.uniform(0, np.pi), rng.uniform(0.06, 0.2)
        field = 0.5 * np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period)
    elif kind == 2:
        coarse = rng.normal(0, 1, (6, 6))
        field = np.asarray(
            Image.fromarray(coarse.astype(np.float32)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        )
    else:
        field = 0.6 * rng.normal(0, 1, (SIZE, SIZE))
    found: np.ndarray = field
    return found


def _paint(
    rng: np.random.Generator, canvas: np.ndarray, ink: np.ndarray, left: int, top: int, rgb: tuple[int, ...]
) -> None:
    height, width = ink.shape
    color = np.clip(np.asarray(rgb) + rng.normal(0, 10, 3), 0, 255)
    patch = canvas[top : top + height, left : left + width]
    patch[...] = patch * (1 - ink[..., None]) + color * ink[..., None]


def _ink(rng: np.random.Generator, category: str, side: int, split: Split, domain: Domain) -> np.ndarray:
    """Opacity of one object, float (height, width) in [0, 1], cropped to its ink."""
    if category in DIGITS:
        bank = glyphs(DIGITS.index(category), split)
        # The matrix is 0..16; the widened canvas keeps strokes that touch its border.
        raw = np.pad(bank[rng.integers(len(bank))], 1).astype(np.float32) / 16
        image = Image.fromarray(raw).resize((side, side), Image.Resampling.BICUBIC)
        image = image.rotate(float(rng.uniform(-8, 8)), Image.Resampling.BILINEAR)
        ink = np.clip(np.asarray(image) * 1.4, 0, 1)
    else:
        ink = _shape(rng, category, side)
    ink = domain.ink(rng, ink)
    rows, columns = np.where(ink.max(1) > SEEN)[0], np.where(ink.max(0) > SEEN)[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _shape(rng: np.random.Generator, category: str, side: int) -> np.ndarray:
    scale = 4
    big = side * scale
    image = Image.new("L", (big, big), 0)
    pen = ImageDraw.Draw(image)
    stretch = float(rng.uniform(0.75, 1.0))
    low, high = big * (1 - stretch) / 2, big * (1 + stretch) / 2
    box = (0.0, low, big - 1.0, high) if rng.random() < 0.5 else (low, 0.0, high, big - 1.0)
    if category == "circle":
        pen.ellipse(box, fill=255)
    elif category == "square":
        pen.rectangle(box, fill=255)
    else:
        outline = _OUTLINES[category]
        x1, y1, x2, y2 = box
        pen.polygon([(x1 + px * (x2 - x1), y1 + py * (y2 - y1)) for px, py in outline], fill=255)
    image = image.rotate(float(rng.uniform(-10, 10)), Image.Resampling.BILINEAR)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), dtype=np.float32) / 255


def _star() -> list[tuple[float, float]]:
    angles = -np.pi / 2 + np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2 == 0, 0.5, 0.21)
    return [
        (float(0.5 + r * np.cos(a)), float(0.5 + r * np.sin(a))) for a, r in zip(angles, radii, strict=True)
    ]


def _heart() -> list[tuple[float, float]]:
    t = np.linspace(0, 2 * np.pi, 40)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(float(0.5 + a / 34), float(0.45 - b / 34)) for a, b in zip(x, y, strict=True)]


_THIRD = 1 / 3
_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "triangle": [(0.5, 0.0), (1.0, 1.0), (0.0, 1.0)],
    "arrow": [(0, 0.33), (0.5, 0.33), (0.5, 0.05), (1, 0.5), (0.5, 0.95), (0.5, 0.67), (0, 0.67)],
    "diamond": [(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)],
    "star": _star(),
    "heart": _heart(),
    "cross": [
        (_THIRD, 0), (2 * _THIRD, 0), (2 * _THIRD, _THIRD), (1, _THIRD),
        (1, 2 * _THIRD), (2 * _THIRD, 2 * _THIRD), (2 * _THIRD, 1), (_THIRD, 1),
        (_THIRD, 2 * _THIRD), (0, 2 * _THIRD), (0, _THIRD), (_THIRD, _THIRD),
    ],
}  # fmt: skip
