"""The pass over the images: right, once a file, kept, and never trusted where it is damaged."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vrft import types
from vrft.data import fingerprints as module
from vrft.data.fingerprints import (
    SIDE,
    Fingerprint,
    fingerprint,
    fingerprints,
    read_prints,
    signature_of,
    unusable,
)
from vrft.data.images import image_size_wh, thumbnail
from vrft.errors import LabelError
from vrft.types import Record


def save(path: Path, seed: int, size_wh: tuple[int, int] = (40, 30), **options: object) -> Path:
    patches = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(patches).resize(size_wh).save(path, **options)
    return path


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    turned = Image.Exif()
    turned[0x0112] = 6
    made = {f"{n}.png": save(tmp_path / f"{n}.png", n) for n in range(5)}
    made["large.jpg"] = save(tmp_path / "large.jpg", 7, (1200, 900))
    made["turned.jpg"] = save(tmp_path / "turned.jpg", 8, exif=turned)
    made["turned.tif"] = save(tmp_path / "turned.tif", 9, exif=turned)
    return made


class Counting:
    """A reporter that counts what was read."""

    def __init__(self) -> None:
        self.read = 0

    def info(self, text: str) -> None: ...

    @contextmanager
    def task(self, title: str, total: int):  # type: ignore[no-untyped-def]
        def update(count: int, note: str) -> None:
            self.read += count

        yield update


def read(images: dict[str, Path], cache: Path) -> tuple[dict[str, Fingerprint | LabelError], int]:
    counting = Counting()
    return fingerprints(images, cache, counting), counting.read


def alike(one: Fingerprint | LabelError, other: Fingerprint | LabelError) -> bool:
    return (
        isinstance(one, Fingerprint)
        and isinstance(other, Fingerprint)
        and (one.sha256, one.seen_wh) == (other.sha256, other.seen_wh)
        and np.array_equal(one.signature.hash_bits, other.signature.hash_bits)
        and np.array_equal(one.signature.cells, other.signature.cells)
    )


def test_it_is_what_the_single_functions_find(images: dict[str, Path]) -> None:
    for name, path in images.items():
        found = fingerprint(path)
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert found.seen_wh == image_size_wh(path)
        assert found.seen_wh == (
            (30, 40) if "turned" in name else (1200, 900) if "large" in name else (40, 30)
        )
        signature = signature_of(thumbnail(path, SIDE))
        assert alike(found, Fingerprint(found.sha256, found.seen_wh, signature))


@pytest.mark.parametrize("threads", [1, 4])
def test_it_does_not_depend_on_the_threads(images: dict[str, Path], threads: int) -> None:
    found = fingerprints(images, threads=threads)
    assert list(found) == list(images)
    assert all(alike(found[name], fingerprint(path)) for name, path in images.items())


def test_every_file_is_read_once_until_it_changes(images: dict[str, Path], tmp_path: Path) -> None:
    cache = tmp_path / "new" / "cache.sqlite"
    first, count = read({**images, "again": images["1.png"]}, cache)
    assert count == len(images) and alike(first["again"], first["1.png"])
    second, count = read(images, cache)
    assert count == 0 and all(alike(second[name], first[name]) for name in images)
    save(images["0.png"], 100)
    status = images["1.png"].stat()
    os.utime(images["1.png"], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    third, count = read(images, cache)
    assert count == 2 and alike(third["0.png"], fingerprint(images["0.png"]))
    assert not alike(third["0.png"], first["0.png"])


def flip(cache: Path) -> None:
    """One byte of every row."""
    with sqlite3.connect(cache) as database:
        for path, packed in database.execute("SELECT path, packed FROM prints").fetchall():
            changed = bytearray(packed)
            changed[len(changed) // 2] ^= 1
            database.execute("UPDATE prints SET packed = ? WHERE path = ?", (bytes(changed), path))
    database.close()


def another_version(cache: Path) -> None:
    with sqlite3.connect(cache) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


DAMAGES = {
    "no database": lambda cache: cache.write_bytes(b"no database at all" * 100),
    "cut short": lambda cache: cache.write_bytes(cache.read_bytes()[:5000]),
    "empty": lambda cache: cache.write_bytes(b""),
    "overwritten": lambda cache: cache.write_bytes(cache.read_bytes()[:4096] + b"\x07" * 8192),
    "a byte in each row": flip,
    "another version": another_version,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_anew(images: dict[str, Path], tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache.sqlite"
    first, _ = read(images, cache)
    DAMAGES[damage](cache)
    second, count = read(images, cache)
    assert count == len(images) and all(alike(second[name], first[name]) for name in images)
    assert read(images, cache)[1] == 0


def test_an_interrupted_pass_goes_on(
    images: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache.sqlite"
    monkeypatch.setattr(module, "_AT_ONCE", 2)

    class Impatient(Counting):
        @contextmanager
        def task(self, title: str, total: int):  # type: ignore[no-untyped-def]
            def update(count: int, note: str) -> None:
                self.read += count
                if self.read == 5:
                    raise KeyboardInterrupt

            yield update

    with pytest.raises(KeyboardInterrupt):
        fingerprints(images, cache, Impatient())
    assert read(images, cache)[1] == len(images) - 4


def test_files_that_cannot_be_read_are_all_reported(images: dict[str, Path], tmp_path: Path) -> None:
    images["1.png"].write_bytes(images["1.png"].read_bytes()[:60])
    held = io.BytesIO()
    Image.new("RGB", (500, 400)).save(held, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(held.getvalue()[:-200])
    images |= {"gone.png": tmp_path / "gone.png", "cut.jpg": tmp_path / "cut.jpg", "folder": tmp_path}
    cache = tmp_path / "cache.sqlite"
    found, _ = read(images, cache)
    broken = {name for name, one in found.items() if isinstance(one, LabelError)}
    assert broken == {"1.png", "gone.png", "cut.jpg", "folder"}
    assert read(images, cache)[1] == len(broken)
    with pytest.raises(LabelError) as caught:
        read_prints(found, images)
    assert {mistake.where for mistake in caught.value.mistakes} == {str(images[name]) for name in broken}
    assert read_prints(found, ["0.png"]) == {"0.png": found["0.png"]}


def test_labels_for_another_size_are_reported(images: dict[str, Path]) -> None:
    records = [Record(name, (types.Image(path, (40, 30)),)) for name, path in images.items()]
    mistakes = list(unusable(records, fingerprints(images)).values())
    assert [Path(mistake.where).name for mistake in mistakes] == ["large.jpg", "turned.jpg", "turned.tif"]
    assert "40x30 pixels but the image has 1200x900" in mistakes[0].problem
    assert all("swapped" in mistake.problem and "EXIF" in mistake.problem for mistake in mistakes[1:])
