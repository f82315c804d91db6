"""The pass over the images themselves: their content, their size as seen, and what they look like.

Every file is read once, by several threads. A cache (SQLite) next to the run keeps what was found, by path,
length and time of change. Each of its rows is compressed with a checksum (zlib), so that a changed byte is
noticed; what is damaged or of another version is never used.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vrft.data.image_similarity import HASH_BITS, SIDE, ImageSignature, signature_of
from vrft.data.images import seen_and_thumbnail
from vrft.data.label_checks import Mistakes, check_size, raise_all
from vrft.errors import LabelError
from vrft.progress import NullReporter, ProgressReporter
from vrft.types import Record

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
        raise LabelError("There is no such image.", str(path), "Check that it is there.") from error
    except OSError as error:
        raise LabelError("The file cannot be read.", str(path), "Check that it may be read.") from error
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


def read_prints(prints: Fingerprints, names: Iterable[str]) -> dict[str, Fingerprint]:
    """The fingerprints of some records."""
    found = {name: prints[name] for name in names}
    raise_all([mistake for mistake in found.values() if isinstance(mistake, LabelError)])
    return {name: print_ for name, print_ in found.items() if isinstance(print_, Fingerprint)}


def wrong_sizes(records: Iterable[Record], prints: Fingerprints) -> list[LabelError]:
    """A mistake for every readable image whose labels are for another size than the file's own."""
    mistakes = Mistakes()
    for record in records:
        found = prints[record.id]
        with mistakes.kept():
            if isinstance(found, Fingerprint):
                check_size(record.image.size_wh, found.seen_wh, str(record.image.path))
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
                with database:
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
    file.parent.mkdir(parents=True, exist_ok=True)
    if not _is_sound(file):
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as database:
        with database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS prints "
                "(path TEXT PRIMARY KEY, length INTEGER, changed INTEGER, packed BLOB) WITHOUT ROWID"
            )
            database.execute(f"PRAGMA user_version = {_VERSION}")
        yield database


def _is_sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            return version == _VERSION and database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        return False
