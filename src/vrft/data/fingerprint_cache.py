"""Fingerprints kept in a file; what is damaged or of another version is never used.

Each row is compressed with a checksum (zlib), so that a changed byte is noticed.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import numpy as np

from vrft.data.image_similarity import HASH_BITS, SIDE

Stamp = tuple[int, int]
"""A file's length in bytes and its time of change in nanoseconds."""
Stored = tuple[str, tuple[int, int], np.ndarray, np.ndarray]
"""SHA-256, width and height, hash bits, cells of the thumbnail."""

_VERSION = 1
"""Of the rows and of what is computed; a cache of another version is made anew."""
_HEAD = struct.Struct(f"<32sII{HASH_BITS // 8}s")
_CELLS = (SIDE, SIDE, 3)


class Cache:
    """Rows by absolute path; without a database it has none and keeps none."""

    def __init__(self, database: sqlite3.Connection | None = None) -> None:
        self._database = database

    def read(self) -> dict[str, tuple[Stamp, Stored]]:
        """All rows that can be read."""
        if self._database is None:
            return {}
        rows: dict[str, tuple[Stamp, Stored]] = {}
        for path, length, changed, packed in self._database.execute("SELECT * FROM prints"):
            stored = _unpacked(packed)
            if stored is not None:
                rows[path] = ((length, changed), stored)
        return rows

    def write(self, rows: Mapping[str, tuple[Stamp, Stored]]) -> None:
        """Add rows, or put them in the place of older ones."""
        if self._database is not None:
            packed = ((path, *stamp, _packed(stored)) for path, (stamp, stored) in rows.items())
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO prints VALUES (?, ?, ?, ?)", packed)


NO_CACHE = nullcontext(Cache())
"""Keeps nothing."""


@contextmanager
def open_cache(file: Path) -> Iterator[Cache]:
    """The cache in a file.

    Args:
        file: made with its folder where it is missing, and anew where it is damaged or of another version.
    """
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
        yield Cache(database)


def _is_sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            return version == _VERSION and database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        return False


def _packed(stored: Stored) -> bytes:
    sha256, (width, height), bits, cells = stored
    head = _HEAD.pack(bytes.fromhex(sha256), width, height, np.packbits(bits).tobytes())
    return zlib.compress(head + cells.tobytes(), 1)


def _unpacked(packed: object) -> Stored | None:
    try:
        content = zlib.decompress(packed) if isinstance(packed, bytes) else b""
    except zlib.error:
        return None
    if len(content) != _HEAD.size + SIDE * SIDE * 3:
        return None
    sha256, width, height, bits = _HEAD.unpack_from(content)
    cells = np.frombuffer(content, np.uint8, offset=_HEAD.size).reshape(_CELLS)
    unpacked = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(bool)
    return sha256.hex(), (width, height), unpacked, cells
