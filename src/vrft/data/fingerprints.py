"""The pass over the images themselves: their content, their size as seen, and what they look like.

Every file is read once, by several threads. A cache (SQLite) next to the run keeps what was found, by path,
length and time of change. Each of its rows is compressed with a checksum (zlib), so that a changed byte is
noticed; what is damaged or of another version is never used.

Which images look nearly the same (saved again, resized, shot twice in a row, a little brighter) is found in
two steps. A difference hash (the signs of 64 differences of neighboring gray cells) proposes pairs; small
color thumbnails decide. The hash alone would join images that share a plain background: a hand on a white
wall, a digit on a gradient. Mirrored, rotated and cropped copies are found by ``vrft.data.augmented_copies``.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vrft.data.augmented_copies import augmented_pairs
from vrft.data.images import seen_and_thumbnail, thumbnail
from vrft.data.label_checks import check_size, raise_all
from vrft.errors import ImageError, LabelError
from vrft.progress import NullReporter, ProgressReporter
from vrft.run_folder import make_folder
from vrft.types import Record

HASH_BITS = 64
MOST_BITS = 8
"""Hashes of near-duplicates differ in no more bits; saved or resized copies differ in about 3."""
SIDE = 32
MOST_LEVELS = 24
"""Thumbnails of near-duplicates differ nowhere by more, of 255 levels.

Saved, resized and 10 per cent brighter copies of photographs stay below 24; the same scene with another small
thing in it starts at about 45.
"""
_ROWS = 256


@dataclass(frozen=True)
class ImageSignature:
    """What is kept of an image."""

    hash_bits: np.ndarray
    """(64,) booleans."""
    cells: np.ndarray
    """(32, 32, 3) levels 0 to 255."""


def signature_of(image: Image.Image) -> ImageSignature:
    """The signature of an image as seen, or of its thumbnail."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return ImageSignature(difference_hash(small), np.asarray(small))


def difference_hash(image: Image.Image) -> np.ndarray:
    """Whether each of 8 x 9 gray cells is brighter than its left neighbor: (64,) booleans, row by row."""
    gray = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR)).astype(np.int16)
    return (np.diff(gray, axis=1) > 0).ravel()


def pairs_alike(signatures: Sequence[ImageSignature]) -> list[tuple[int, int]]:
    """All pairs of images that look nearly the same, as places in order, the smaller first."""
    if len(signatures) < 2:
        return []
    augmented = augmented_pairs(np.stack([one.cells for one in signatures]))
    return sorted({*_unmoved_pairs(signatures), *augmented})


def _unmoved_pairs(signatures: Sequence[ImageSignature]) -> list[tuple[int, int]]:
    """Pairs of which every cell is near its neighborhood in the other."""
    proposed = dict(_near_in_hash(np.stack([one.hash_bits for one in signatures])))
    if not proposed:
        return []
    # Of many images few are proposed, and only their cells are compared.
    places = np.unique(np.concatenate([*proposed.values(), np.array(list(proposed))]))
    cells = np.stack([signatures[place].cells for place in places])
    around = (1, 3, 3, 1)
    low, high = minimum_filter(cells, around, mode="nearest"), maximum_filter(cells, around, mode="nearest")
    pairs: list[tuple[int, int]] = []
    for row, others in proposed.items():
        one, many = np.searchsorted(places, row), np.searchsorted(places, others)
        forth = _within(cells[one], low[many], high[many])
        inside = forth & _within(cells[many], low[one], high[one])
        pairs += [(row, int(other)) for other in others[inside]]
    return pairs


def groups_alike(paths: Sequence[Path]) -> list[int]:
    """For each image the index of the first that looks nearly the same: its own where it is alone."""
    if len(paths) < 2:
        return list(range(len(paths)))
    return groups_of([signature_of(thumbnail(path, SIDE)) for path in paths])


def groups_of(signatures: Sequence[ImageSignature]) -> list[int]:
    """``groups_alike`` of images that were read already."""
    if len(signatures) < 2:
        return list(range(len(signatures)))
    pairs = np.array(pairs_alike(signatures), int).reshape(-1, 2)
    count = len(signatures)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    firsts = np.unique(labels, return_index=True)[1]
    return [int(first) for first in firsts[labels]]


def _near_in_hash(bits: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The rows that have later ones whose hash differs in few bits, with these."""
    signs = np.where(bits, 1, -1).astype(np.float32)
    for start in range(0, len(signs), _ROWS):
        # Two signs multiply to 1 where they agree and to -1 where they differ.
        agreement = signs[start : start + _ROWS] @ signs[start:].T
        rows, others = np.nonzero(np.triu(agreement >= HASH_BITS - 2 * MOST_BITS, 1))
        for row in np.unique(rows):
            yield int(row) + start, others[rows == row] + start


def _within(cells: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which thumbnails stay near the range of another's neighboring cells."""
    levels = cells.astype(np.int16)
    beyond = np.maximum(low - levels, levels - high)
    return np.asarray(beyond.max(axis=(1, 2, 3), initial=0) <= MOST_LEVELS)


CACHE = "fingerprints.sqlite"
_AT_ONCE = 512
_MOST_THREADS = 16
_VERSION = 1
"""Of the rows and of what is computed; a cache of another version is made anew."""
_HEAD = struct.Struct(f"<32sII{HASH_BITS // 8}s")
_Database = sqlite3.Connection | None
_Stamp = tuple[int, int]
"""A file's length in bytes and its time of change in nanoseconds."""


@dataclass(frozen=True)
class Fingerprint:
    """What is known of an image file."""

    sha256: str
    seen_wh: tuple[int, int]
    """Width and height in pixels, EXIF rotation applied."""
    signature: ImageSignature

    def pack(self) -> bytes:
        bits = np.packbits(self.signature.hash_bits).tobytes()
        head = _HEAD.pack(bytes.fromhex(self.sha256), *self.seen_wh, bits)
        return zlib.compress(head + self.signature.cells.tobytes(), 1)

    @classmethod
    def unpack(cls, packed: object) -> Fingerprint | None:
        """What ``pack`` gave; None where it is damaged."""
        try:
            content = zlib.decompress(packed) if isinstance(packed, bytes) else b""
        except zlib.error:
            return None
        if len(content) != _HEAD.size + SIDE * SIDE * 3:
            return None
        sha256, width, height, bits = _HEAD.unpack_from(content)
        cells = np.frombuffer(content, np.uint8, offset=_HEAD.size).reshape(SIDE, SIDE, 3)
        hash_bits = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(bool)
        return cls(sha256.hex(), (width, height), ImageSignature(hash_bits, cells))


Fingerprints = Mapping[str, Fingerprint | LabelError]
"""Fingerprints by record id; why there is none where a file cannot be read."""


def fingerprint(path: Path) -> Fingerprint:
    """Read an image once."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(
            "There is no such image.", str(path), "Put it back, or remove its labels."
        ) from error
    except OSError as error:
        raise ImageError(
            f"The file cannot be read ({error}).", str(path), "Check its permissions."
        ) from error
    seen_wh, small = seen_and_thumbnail(path, content, SIDE)
    return Fingerprint(hashlib.sha256(content).hexdigest(), seen_wh, signature_of(small))


def fingerprints(
    images: Mapping[str, Path],
    cache: Path | None = None,
    reporter: ProgressReporter | None = None,
    threads: int | None = None,
) -> dict[str, Fingerprint | LabelError]:
    """Read the images of a dataset."""
    paths = list(dict.fromkeys(images.values()))
    with _opened(cache) if cache is not None else nullcontext() as database:
        known = _known(paths, database)
        missing = [path for path in paths if path not in known]
        if missing:
            _read(missing, known, database, reporter or NullReporter(), threads)
    return {name: known[path] for name, path in images.items()}


def of_sequence(prints: Sequence[Fingerprint | LabelError]) -> Fingerprint | LabelError:
    """Several images as one: the content of all, the look of the first; or what is wrong with one."""
    first = next((one for one in prints if isinstance(one, LabelError)), prints[0])
    if isinstance(first, LabelError) or len(prints) == 1:
        return first
    hashes = "".join(one.sha256 for one in prints if isinstance(one, Fingerprint))
    return replace(first, sha256=hashlib.sha256(hashes.encode()).hexdigest())


def read_prints(prints: Fingerprints, names: Iterable[str]) -> dict[str, Fingerprint]:
    """The fingerprints of some records."""
    found = {name: prints[name] for name in names}
    raise_all([mistake for mistake in found.values() if isinstance(mistake, LabelError)])
    return {name: print_ for name, print_ in found.items() if isinstance(print_, Fingerprint)}


def unusable(records: Iterable[Record], prints: Fingerprints) -> dict[str, LabelError]:
    """Why images cannot be used, by record id: they cannot be read, or are of another size than their
    labels."""
    mistakes: dict[str, LabelError] = {}
    for record in records:
        found = prints[record.id]
        try:
            if isinstance(found, LabelError):
                raise found
            check_size(record.media[0].size_wh, found.seen_wh, str(record.media[0].path))
        except LabelError as mistake:
            mistakes[record.id] = mistake
    return mistakes


def _known(paths: Iterable[Path], database: _Database) -> dict[Path, Fingerprint | LabelError]:
    """What the cache has of files that have not changed since."""
    known: dict[Path, Fingerprint | LabelError] = {}
    if database is None:
        return known
    rows = {row[0]: row[1:] for row in database.execute("SELECT * FROM prints")}
    for path in paths if rows else ():
        *stamp, packed = rows.get(os.path.abspath(path), (None, None, None))
        if tuple(stamp) == _stamp(path) and (found := Fingerprint.unpack(packed)) is not None:
            known[path] = found
    return known


def _read(
    paths: list[Path],
    known: dict[Path, Fingerprint | LabelError],
    database: _Database,
    reporter: ProgressReporter,
    threads: int | None,
) -> None:
    """Read files into ``known``, and into the cache every few hundred, so that a pass can be interrupted."""
    count = threads or min(_MOST_THREADS, os.cpu_count() or 1)
    with reporter.task("Reading images", len(paths)) as update, ThreadPoolExecutor(count) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            rows: list[tuple[object, ...]] = []
            # The stamp is taken first: a file that changes while it is read has another one afterwards.
            for path, (stamp, found) in zip(some, pool.map(_try, some), strict=True):
                known[path] = found
                if stamp is not None and isinstance(found, Fingerprint):
                    rows.append((os.path.abspath(path), *stamp, found.pack()))
                update(1, "")
            if database is not None:
                # Where the disk is full, what is found is still found, and read again the next time.
                with suppress(sqlite3.Error), database:
                    database.executemany("INSERT OR REPLACE INTO prints VALUES (?, ?, ?, ?)", rows)


def _try(path: Path) -> tuple[_Stamp | None, Fingerprint | LabelError]:
    stamp = _stamp(path)
    try:
        return stamp, fingerprint(path)
    except LabelError as mistake:
        return stamp, mistake


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The cache in a file, made with its folder where it is missing, and anew where it cannot be used."""
    make_folder(file.parent)
    if not _is_sound(file):
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
    with closing(_made(file)) as database:
        yield database


def _made(file: Path) -> sqlite3.Connection:
    """The cache with its table; in memory where the disk is full."""
    try:
        return _with_table(sqlite3.connect(file))
    except sqlite3.OperationalError:
        return _with_table(sqlite3.connect(":memory:"))


def _with_table(database: sqlite3.Connection) -> sqlite3.Connection:
    with database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS prints "
            "(path TEXT PRIMARY KEY, length INTEGER, changed INTEGER, packed BLOB) WITHOUT ROWID"
        )
        database.execute(f"PRAGMA user_version = {_VERSION}")
    return database


def _is_sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            state = database.execute("PRAGMA integrity_check").fetchone()[0]
            return bool(version == _VERSION and state == "ok")
    except sqlite3.DatabaseError:
        return False
