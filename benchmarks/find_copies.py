"""How many copies that augmentation makes are found, and how many different images are taken for copies.

    python benchmarks/find_copies.py PATH... [--same A=B ...] [--out FOLDER | --save]

Every image of each folder is copied in known ways, each copy saved as a JPEG of quality 90. The originals of
a folder and all its copies of one kind are compared as a split compares them: a copy is found where it is
joined to its original. A false alarm is a joined pair of two different images, originals or copies. Every
joined pair is listed, to be looked at, because a folder may hold true copies of its own: those are named with
--same and count neither way. Pairs of images of two folders are known to differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from result_file import ROOT, facts, result_parser, write_result
from scipy.stats import binomtest

from vrft.data.fingerprints import ImageSignature, fingerprint, pairs_alike
from vrft.data.images import images_below, open_rgb

COMMITTED = ROOT / "results" / "find_copies.json"
QUALITY = 90
THREADS = 2
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def cut(share: float, evenly: bool) -> Change:
    """Cuts a share of each length off: from both ends alike, or wherever chance has it."""

    def change(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = image.size
        x, y = (0.5, 0.5) if evenly else rng.random(2)
        left, top = round(x * share * width), round(y * share * height)
        return image.crop((left, top, left + round(width * (1 - share)), top + round(height * (1 - share))))

    return change


def brighter(factor: float) -> Change:
    """Levels times a factor, cut off at white."""
    return lambda image, rng: ImageEnhance.Brightness(image).enhance(factor)


def rotated(degrees: float) -> Change:
    """Around the middle, the corners filled with black; either way by chance."""
    return lambda image, rng: image.rotate(degrees * rng.choice([-1, 1]), Image.Resampling.BICUBIC)


def mirrored(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Left and right change places."""
    return ImageOps.mirror(image)


def one_after_another(*changes: Change) -> Change:
    """Several changes."""

    def change(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        for one in changes:
            image = one(image, rng)
        return image

    return change


CHANGES: Mapping[str, Change] = {
    "mirrored": mirrored,
    "brightness 1.25": brighter(1.25),
    "rotation 2 degrees": rotated(2),
    "crop 5%": cut(0.05, evenly=False),
    "crop 5% off each side": cut(0.10, evenly=True),
    "brightness 0.75": brighter(0.75),
    "mirrored, brightness 1.25": one_after_another(mirrored, brighter(1.25)),
    "mirrored, rotation 2 degrees, crop 5%": one_after_another(mirrored, rotated(2), cut(0.05, evenly=False)),
    "rotation 5 degrees": rotated(5),
    "crop 10%": cut(0.10, evenly=False),
    "crop 20%": cut(0.20, evenly=False),
}
REQUIRED = tuple(CHANGES)[:5]
"""Changes of which 95 per cent are to be found."""


@dataclass(frozen=True)
class Rate:
    """A share with its 95 per cent interval (Wilson)."""

    count: int
    of: int
    share: float
    low: float
    high: float

    @classmethod
    def of_counts(cls, count: int, of: int) -> Rate:
        low, high = binomtest(count, of).proportion_ci(method="wilson") if of else (0.0, 1.0)
        return cls(count, of, round(count / max(of, 1), 6), round(float(low), 6), round(float(high), 6))

    def __str__(self) -> str:
        return f"{self.count} of {self.of}, {self.share:.2%} [{self.low:.2%}, {self.high:.2%}]"


def signatures(paths: Sequence[Path]) -> list[ImageSignature]:
    """Of image files, as a split sees them."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [found.signature for found in pool.map(fingerprint, paths)]


def copies_of(paths: Sequence[Path], change: Change) -> list[ImageSignature]:
    """The signatures of a changed copy of each image."""
    with TemporaryDirectory() as folder:
        files = []
        for number, path in enumerate(paths):
            rng = np.random.default_rng(zlib.crc32(path.name.encode()))
            files.append(Path(folder) / f"{number}.jpg")
            change(open_rgb(path), rng).save(files[-1], quality=QUALITY)
        return signatures(files)


def measure_set(paths: Sequence[Path], same: frozenset[frozenset[str]]) -> dict[str, Any]:
    """What is found among the images of one folder; ``same`` are pairs of names that are copies already."""
    count, names = len(paths), [path.name for path in paths]
    originals = signatures(paths)
    differ = {pair for pair in combinations(range(count), 2) if frozenset(names[i] for i in pair) not in same}
    joined = [pair for pair in pairs_alike(originals) if pair in differ]
    row: dict[str, Any] = {
        "images": count,
        "joined_originals": [[names[a], names[b]] for a, b in joined],
        "false_alarms": Rate.of_counts(len(joined), len(differ)),
        "images_with_a_false_alarm": Rate.of_counts(len({i for pair in joined for i in pair}), count),
    }
    for name, change in CHANGES.items():
        pairs = pairs_alike([*originals, *copies_of(paths, change)])
        found = {a for a, b in pairs if b == a + count}
        # Each other pair once with a copy in it: of an image's copy with another image, or with its copy.
        wrong = [p for p in pairs if p[1] >= count and tuple(sorted((p[0] % count, p[1] % count))) in differ]
        row[name] = {
            "found": Rate.of_counts(len(found), count),
            "missed": [names[i] for i in range(count) if i not in found],
            "joined_with_others": [[names[a % count], names[b % count]] for a, b in wrong],
            "false_alarms": Rate.of_counts(len(wrong), 3 * len(differ)),
        }
    return row


def measure_between(sets: Mapping[str, Sequence[Path]]) -> dict[str, Any]:
    """Alarms among all pairs of images of different folders; those of one name are one image in both."""
    owner = [name for name, paths in sets.items() for _ in paths]
    paths = [path for own in sets.values() for path in own]
    joined = [(a, b) for a, b in pairs_alike(signatures(paths)) if owner[a] != owner[b]]
    alarms = [pair for pair in joined if len({paths[i].name for i in pair}) == 2]
    pairs = sum(
        one.name != other.name for a, b in combinations(sets, 2) for one in sets[a] for other in sets[b]
    )
    listed = [[f"{owner[i]}/{paths[i].name}" for i in pair] for pair in joined]
    return {"false_alarms": Rate.of_counts(len(alarms), pairs), "joined": listed}


def total(rows: Sequence[Mapping[str, Any]], *keys: str) -> Rate:
    """A rate over all folders."""

    def rate_in(row: Any) -> Rate:
        for key in keys:
            row = row[key]
        assert isinstance(row, Rate)
        return row

    rates = [rate_in(row) for row in rows]
    return Rate.of_counts(sum(rate.count for rate in rates), sum(rate.of for rate in rates))


def main() -> None:
    """Measure every folder, and print the rates over all."""
    parser = result_parser(__doc__, COMMITTED)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders of images")
    parser.add_argument("--same", nargs="*", default=[], metavar="A=B", help="file names of true copies")
    options = parser.parse_args()
    same = frozenset(frozenset(pair.split("=")) for pair in options.same)
    sets = {path.resolve().name: list(images_below(path)) for path in options.paths}
    rows = {name: measure_set(paths, same) for name, paths in sets.items()}
    every = list(rows.values())
    over_all: dict[str, Any] = {
        "false_alarms": total(every, "false_alarms"),
        "images_with_a_false_alarm": total(every, "images_with_a_false_alarm"),
        "between_folders": measure_between(sets),
        "changes": {
            name: {key: total(every, name, key) for key in ("found", "false_alarms")} for name in CHANGES
        },
    }
    for name, row in rows.items():
        print(f"{name}: {row['images']} images, joined: {row['joined_originals']}")
        for change in CHANGES:
            if row[change]["joined_with_others"]:
                print(f"  {change}: {row[change]['joined_with_others']}")
    print(f"false alarms, pairs of a folder: {over_all['false_alarms']}")
    print(f"images with a false alarm: {over_all['images_with_a_false_alarm']}")
    print(f"false alarms between folders: {over_all['between_folders']['false_alarms']}")
    for name, found in over_all["changes"].items():
        print(f"{name}: found {found['found']}; false alarms {found['false_alarms']}")
    plain = {"required": REQUIRED, "same": sorted(map(sorted, same)), "all": over_all, "sets": rows}
    source = facts("pillow") | {"command": "python benchmarks/find_copies.py PATH..."}
    write_result(options, COMMITTED, source | _plain(plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Rate):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    main()
