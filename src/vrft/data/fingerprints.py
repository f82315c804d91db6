"""The pass over the pictures themselves: their content, their size as seen, and what they look like.

Every file is read once, by several threads. A cache beside the run keeps what was found, by path, length and
time of change.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vrft.data.fingerprint_cache import NO_CACHE, Cache, Stamp, Stored, open_cache
from vrft.data.image_similarity import SIDE, Look, look_of
from vrft.data.images import seen_and_thumbnail
from vrft.data.label_checks import check_size, raise_all
from vrft.errors import LabelError
from vrft.progress import Narrator, Silence
from vrft.types import Record

CACHE = "fingerprints.sqlite"
"""The cache's file in a run's folder."""
_AT_ONCE = 512
_MOST_THREADS = 16


@dataclass(frozen=True)
class Fingerprint:
    """What is known of a picture file."""

    sha256: str
    """Of its bytes, 64 hexadecimal digits."""
    seen_wh: tuple[int, int]
    """Width and height in pixels, EXIF rotation applied."""
    look: Look


Prints = Mapping[str, Fingerprint | LabelError]
"""Fingerprints by record id; why there is none where a file cannot be read."""


def fingerprint(path: Path) -> Fingerprint:
    """Read a picture once.

    Args:
        path: a picture file.

    Raises:
        LabelError: the file is missing, cut short or no picture.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise LabelError("There is no such picture.", str(path), "Check that it is there.") from error
    except OSError as error:
        raise LabelError("The file cannot be read.", str(path), "Check that it may be read.") from error
    seen_wh, small = seen_and_thumbnail(path, content, SIDE)
    return Fingerprint(hashlib.sha256(content).hexdigest(), seen_wh, look_of(small))


def fingerprints(
    images: Mapping[str, Path],
    cache: Path | None = None,
    narrator: Narrator | None = None,
    threads: int | None = None,
) -> dict[str, Fingerprint | LabelError]:
    """Read the pictures of a data set.

    Args:
        images: picture files by record id.
        cache: a file that keeps fingerprints for the next time; made with its folder where it is missing,
            made anew where it is damaged. None keeps nothing.
        narrator: where progress goes.
        threads: readers at a time; as many as there are processors, at most 16, where it is None.

    Returns:
        For every record its fingerprint, or why its file cannot be read; never an exception for a file.
    """
    paths = list(dict.fromkeys(images.values()))
    with open_cache(cache) if cache is not None else NO_CACHE as kept:
        known = _known(paths, kept)
        missing = [path for path in paths if path not in known]
        if missing:
            _read(missing, known, kept, narrator or Silence(), threads)
    return {name: known[path] for name, path in images.items()}


def read_prints(prints: Prints, names: Iterable[str]) -> dict[str, Fingerprint]:
    """The fingerprints of some records.

    Args:
        prints: of all of them.
        names: record ids.

    Raises:
        LabelError: a file cannot be read; all such files are told together.
    """
    found = {name: prints[name] for name in names}
    raise_all([mistake for mistake in found.values() if isinstance(mistake, LabelError)])
    return {name: print_ for name, print_ in found.items() if isinstance(print_, Fingerprint)}


def wrong_sizes(records: Iterable[Record], prints: Prints) -> list[LabelError]:
    """A mistake for every picture whose labels are for another size than the file's own.

    Args:
        records: with the sizes that their label file states.
        prints: of their pictures; files that cannot be read are passed over.
    """
    mistakes: list[LabelError] = []
    for record in records:
        found = prints[record.id]
        try:
            if isinstance(found, Fingerprint):
                check_size(record.image_wh, found.seen_wh, str(record.image))
        except LabelError as mistake:
            mistakes.append(mistake)
    return mistakes


def _known(paths: Iterable[Path], kept: Cache) -> dict[Path, Fingerprint | LabelError]:
    """What the cache has of files that have not changed since."""
    stored = kept.read()
    known: dict[Path, Fingerprint | LabelError] = {}
    for path in paths if stored else ():
        entry = stored.get(os.path.abspath(path))
        if entry is not None and entry[0] == _stamp(path):
            sha256, seen_wh, bits, cells = entry[1]
            known[path] = Fingerprint(sha256, seen_wh, Look(bits, cells))
    return known


def _read(
    paths: list[Path],
    known: dict[Path, Fingerprint | LabelError],
    kept: Cache,
    narrator: Narrator,
    threads: int | None,
) -> None:
    """Read files into ``known``, and into the cache every few hundred, so that a pass can be interrupted."""
    count = threads or min(_MOST_THREADS, os.cpu_count() or 1)
    with narrator.stage("Reading pictures", len(paths)) as advance, ThreadPoolExecutor(count) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            rows: dict[str, tuple[Stamp, Stored]] = {}
            # The stamp is taken first: a file that changes while it is read has another one afterwards.
            for path, (stamp, found) in zip(some, pool.map(_try, some), strict=True):
                known[path] = found
                if stamp is not None and isinstance(found, Fingerprint):
                    look = found.look
                    row = (found.sha256, found.seen_wh, look.hash_bits, look.cells)
                    rows[os.path.abspath(path)] = (stamp, row)
                advance(1, "")
            kept.write(rows)


def _try(path: Path) -> tuple[Stamp | None, Fingerprint | LabelError]:
    stamp = _stamp(path)
    try:
        return stamp, fingerprint(path)
    except LabelError as mistake:
        return stamp, mistake


def _stamp(path: Path) -> Stamp | None:
    """Length in bytes and time of change; None where there is no file."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_size, told.st_mtime_ns
