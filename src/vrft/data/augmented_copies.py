"""Copies that augmentation makes of an image: mirrored, brighter or darker, a little rotated or cropped.

Every image's nearest others are proposed by the correlation of gray blocks, of the image and of its mirror
image, as they are and a little enlarged. Each proposed pair is then aligned: affine motion, gain and offset
of brightness by Gauss-Newton steps (Lucas and Kanade 1981), on coarse thumbnails first. A pair is a copy
where the motion is small and the aligned thumbnails agree everywhere: the same scene with another thing in it
stays another image. `benchmarks/find_copies.py` measures it.

Axes: N images, P pairs, S cells a side, C color channels, V variables of the fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d, maximum_filter, minimum_filter

NEAREST = 12
"""Others that are aligned with an image at most."""
LEAST_LIKENESS = 0.75
"""Correlation of gray blocks below which a pair is not aligned; of copies it is 0.82 or more."""
ENLARGED = 0.92
"""Share of each side that the enlarged look of an image shows: about half of what a crop cuts off."""
BLOCKS = 8
STEPS = 5
"""Gauss-Newton steps on each scale."""
COARSE_AGREEMENT = 0.5
"""The same of coarse thumbnails; below, a pair is not aligned further."""
LEAST_AGREEMENT = 0.96
"""Share of the variance of levels that is explained once a pair is aligned. Of copies it is 0.98 and more; of
the same hand that shows the same sign in another photograph up to 0.94."""
MOST_LEVELS = 34
"""Levels, of 255, by which a cell may leave the range of its neighborhood in the other image; of copies of
photographs up to 32."""
MOST_MOTION = 0.28
"""How far any corner may move, in halves of a side: rotations by 10 degrees, crops of an eighth of a side."""
BORDER = 2
"""Cells at the border that are not compared: a rotation fills the corners with something else."""
SATURATED = 245
"""Levels from which brightness may have been cut off."""
_ROWS, _PAIRS = 256, 256


def augmented_pairs(cells_NSSC: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of images of which one may be made from the other, as places in order, the smaller first.

    Args:
        cells_NSSC: thumbnails with levels 0 to 255.
    """
    found: set[tuple[int, int]] = set()
    for pairs_P2, mirrored_P, share_P in _proposed(cells_NSSC):
        one_PSSC, other_PSSC = (cells_NSSC[pairs_P2[:, place]] for place in (0, 1))
        one_PSSC[mirrored_P] = one_PSSC[mirrored_P, :, ::-1]
        alike = pairs_P2[_alike(one_PSSC, other_PSSC, share_P)]
        found.update((min(a, b), max(a, b)) for a, b in alike.tolist())
    return sorted(found)


# ---- which pairs are looked at


_KINDS = tuple((mirrored, share) for mirrored in (False, True) for share in (1.0, ENLARGED))


def _proposed(cells_NSSC: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs, whether the first is to be mirrored, and how much of it the second may show: some at a time.

    The darker image goes first, whatever the order of the images: what was cut off at white is missing in the
    brighter one.
    """
    gray_NSS = cells_NSSC.mean(-1, dtype=np.float32)
    plain = _looks(gray_NSS, 1.0)
    looks = [_looks(gray_NSS[:, :, ::-1] if mirrored else gray_NSS, share) for mirrored, share in _KINDS]
    brightness = cells_NSSC.sum((1, 2, 3), dtype=np.int64).tolist()
    likest: dict[tuple[int, int, bool], tuple[float, float]] = {}
    for start in range(0, len(plain), _ROWS):
        likeness = np.stack([own[start : start + _ROWS] @ plain.T for own in looks])
        best = likeness.max(0)
        np.fill_diagonal(best[:, start:], -1)
        nearest = np.argpartition(-best, min(NEAREST, len(plain) - 1), axis=1)[:, :NEAREST]
        for row, column in np.argwhere(np.take_along_axis(best, nearest, 1) >= LEAST_LIKENESS).tolist():
            a, b = row + start, int(nearest[row, column])
            kind = int(likeness[:, row, b].argmax())
            mirrored, share = _KINDS[kind]
            found = float(likeness[kind, row, b])
            if (brightness[b], cells_NSSC[b].tobytes()) < (brightness[a], cells_NSSC[a].tobytes()):
                a, b, share = b, a, 1 / share
            likest[a, b, mirrored] = max(likest.get((a, b, mirrored), (0.0, 0.0)), (found, share))
    ordered = np.array(sorted((*pair, share) for pair, (_, share) in likest.items())).reshape(-1, 4)
    for begin in range(0, len(ordered), _PAIRS):
        some = ordered[begin : begin + _PAIRS]
        yield some[:, :2].astype(int), some[:, 2].astype(bool), some[:, 3]


def _looks(gray_NSS: np.ndarray, share: float) -> np.ndarray:
    """Gray blocks of the middle of each image, without their mean, of unit length: (N, blocks)."""
    means = _block_means(gray_NSS.shape[1], share)
    looks = (means @ gray_NSS @ means.T).reshape(len(gray_NSS), -1)
    looks -= looks.mean(1, keepdims=True)
    return np.asarray(looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1.0))


def _block_means(side: int, share: float) -> np.ndarray:
    """The weight of each cell in each block along one axis: (blocks, S)."""
    edges = (np.linspace(-share, share, BLOCKS + 1) + 1) * side / 2
    cells = np.arange(side)
    covered = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    weights = np.clip(covered, 0, None).astype(np.float32)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _softened(cells_PSSC: np.ndarray) -> np.ndarray:
    """Without what is finer than two cells, which half a cell would change."""
    soft = cells_PSSC.astype(np.float32)
    for axis in (1, 2):
        soft = convolve1d(soft, [0.25, 0.5, 0.25], axis=axis, mode="nearest")
    return soft


# ---- whether a pair is a copy


def _alike(one_PSSC: np.ndarray, other_PSSC: np.ndarray, share_P: np.ndarray) -> np.ndarray:
    """Which of the first images become the second when they are moved and lit a little: (P,) booleans."""
    alike = np.zeros(len(one_PSSC), bool)
    coarse = [_halved(image.mean(-1, dtype=np.float32)) for image in (one_PSSC, other_PSSC)]
    fit = _Fit.start(share_P).improved(*coarse)
    moved, compared = fit.applied(coarse[0][..., None], border=BORDER // 2)
    agrees = _agreement(moved, coarse[1][..., None], compared) >= COARSE_AGREEMENT
    (near,) = np.nonzero(agrees & (fit.farthest <= 2 * MOST_MOTION))
    one, other = _softened(one_PSSC[near]), _softened(other_PSSC[near])
    fit = fit.of(near).improved(one.mean(-1), other.mean(-1))
    moved, compared = fit.applied(one, border=BORDER)
    agrees = _agreement(moved, other, compared) >= LEAST_AGREEMENT
    (left,) = np.nonzero(agrees & (fit.farthest <= MOST_MOTION))
    excess = _excess(moved[left], other[left], compared[left])
    alike[near[left]] = excess <= MOST_LEVELS
    return alike


_STILL = np.array([[0, 1, 0], [0, 0, 1]], np.float32)


@dataclass(frozen=True)
class _Fit:
    """How the first image of each pair is moved and lit to become the second."""

    motion: np.ndarray
    """(P, 2, 3): x and y in the first image from (1, x, y) in the second, from -1 to 1."""
    gain: np.ndarray
    offset: np.ndarray
    """Of brightness in levels, both (P, 1, 1, 1)."""

    @classmethod
    def start(cls, share_P: np.ndarray) -> _Fit:
        """The middle of each first image is shown."""
        lit = np.ones((len(share_P), 1, 1, 1), np.float32)
        return cls(_STILL * share_P[:, None, None].astype(np.float32), lit, 0 * lit)

    def of(self, pairs: np.ndarray) -> _Fit:
        """Of some of the pairs, by their places."""
        return _Fit(self.motion[pairs], self.gain[pairs], self.offset[pairs])

    @property
    def farthest(self) -> np.ndarray:
        """How far any corner moves."""
        return np.asarray(np.abs(self.motion - _STILL).sum(2).max(1))

    def moved(self, images_PSSC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first images as the second show the scene, interpolated, and where they do."""
        count, side, _, channels = images_PSSC.shape
        places_P2G = self.motion @ _grid(side)
        at = np.clip((places_P2G + 1) * side / 2 - 0.5, 0, side - 1)
        low = np.minimum(at.astype(np.int64), side - 2)
        (x, y), (left, top) = (at - low).swapaxes(0, 1)[..., None], low.swapaxes(0, 1)
        flat, pairs = images_PSSC.reshape(count, side * side, channels), np.arange(count)[:, None]
        corner = top * side + left
        upper = flat[pairs, corner] * (1 - x) + flat[pairs, corner + 1] * x
        lower = flat[pairs, corner + side] * (1 - x) + flat[pairs, corner + side + 1] * x
        inside = (np.abs(places_P2G) <= 1).all(1).reshape(count, side, side)
        return (upper * (1 - y) + lower * y).reshape(images_PSSC.shape), inside

    def applied(self, images_PSSC: np.ndarray, border: int) -> tuple[np.ndarray, np.ndarray]:
        """The first images, moved and lit, and the cells in which they can be compared with the second."""
        moved, inside = self.moved(images_PSSC)
        middle = np.zeros(inside.shape[1:], bool)
        middle[border:-border, border:-border] = True
        return np.clip(self.gain * moved + self.offset, 0, 255), inside & middle

    def improved(self, one_PSS: np.ndarray, other_PSS: np.ndarray) -> _Fit:
        """After some Gauss-Newton steps on gray images."""
        fit = self
        for _ in range(STEPS):
            fit = fit._stepped(one_PSS, other_PSS)
        return fit

    def _stepped(self, one_PSS: np.ndarray, other_PSS: np.ndarray) -> _Fit:
        """Least squares of other = gain (moved + slope . step) + offset, linear but for the product."""
        count, side = one_PSS.shape[:2]
        moved_PSSC, inside = self.moved(one_PSS[..., None])
        down, right = np.gradient(moved_PSSC[..., 0], 2 / side, axis=(1, 2))
        flat, grid = (count, 1, side * side), _grid(side)
        slopes = right.reshape(flat) * grid, down.reshape(flat) * grid
        fitted_PVG = np.concatenate([*slopes, moved_PSSC.reshape(flat), np.ones(flat, np.float32)], axis=1)
        trusted = inside & (other_PSS < SATURATED)
        trusted[:, [0, -1]] = trusted[:, :, [0, -1]] = False
        weighted_PVG = fitted_PVG * trusted.reshape(flat)
        normal = (weighted_PVG @ fitted_PVG.swapaxes(1, 2)).astype(np.float64)
        # A flat image says nothing of how it moved, and then does not move.
        normal += (1e-4 * normal + 1e-3) * np.eye(normal.shape[1])
        found = np.linalg.solve(normal, weighted_PVG @ other_PSS.reshape(count, side * side, 1)).astype(
            np.float32
        )
        gain, offset = np.clip(found[:, 6:7, :, None], 0.3, 3.0), found[:, 7:8, :, None]
        step = np.clip(found[:, :6, 0].reshape(count, 2, 3) / gain[..., 0], -0.2, 0.2)
        return _Fit(self.motion + step, gain, offset)


def _grid(side: int) -> np.ndarray:
    """(1, x, y) of every cell's middle, from -1 to 1: (3, cells)."""
    at = ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)
    y, x = np.meshgrid(at, at, indexing="ij")
    return np.stack([np.ones(side * side, np.float32), x.ravel(), y.ravel()])


def _halved(gray_PSS: np.ndarray) -> np.ndarray:
    count, side = gray_PSS.shape[:2]
    return np.asarray(gray_PSS.reshape(count, side // 2, 2, side // 2, 2).mean((2, 4)))


def _agreement(one_PSSC: np.ndarray, other_PSSC: np.ndarray, compared_PSS: np.ndarray) -> np.ndarray:
    """Share of the second images' variance, each channel's from its mean, that the first explain; 0 where few
    cells can be compared."""
    weight = compared_PSS[..., None].astype(np.float32)
    means = (other_PSSC * weight).sum((1, 2), keepdims=True) / np.maximum(
        weight.sum((1, 2), keepdims=True), 1
    )
    unlike, variance = (((other_PSSC - image) ** 2 * weight).sum((1, 2, 3)) for image in (one_PSSC, means))
    enough = compared_PSS.mean((1, 2)) >= 0.5
    return np.where(enough, 1 - unlike / np.maximum(variance, 1.0), 0.0)


def _excess(one_PSSC: np.ndarray, other_PSSC: np.ndarray, compared_PSS: np.ndarray) -> np.ndarray:
    """Most levels by which a compared cell leaves the range of its neighborhood in the other image."""
    around = (1, 3, 3, 1)
    beyond = np.zeros(compared_PSS.shape, np.float32)
    for image, of in ((one_PSSC, other_PSSC), (other_PSSC, one_PSSC)):
        low, high = minimum_filter(of, around, mode="nearest"), maximum_filter(of, around, mode="nearest")
        beyond = np.maximum(beyond, np.maximum(low - image, image - high).max(-1))
    return np.asarray(np.where(compared_PSS, beyond, 0).max((1, 2)))
