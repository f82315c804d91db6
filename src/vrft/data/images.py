"""Image files: their size as seen, their pixels as RGB, their fingerprint."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from vrft import types
from vrft.errors import ImageError

SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

UNREAD_SUFFIXES = frozenset({".heic", ".heif", ".avif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw"})
"""Images of telephones and cameras that are not read."""
CONVERT = "Save such images as JPEG or PNG (magick mogrify -format jpg), and write these names in the labels."

_TURNED = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height (EXIF 2.32, tag 0x0112)."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise on files that are damaged, cut short or not images."""

# Large images are read as others are; those that Pillow refuses end in a sentence of ours.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is an image; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def images_below(folder: Path) -> Iterator[Path]:
    """The images in a folder and its folders, in order; nothing hidden."""
    return filter(is_image, files_below(folder))


def files_below(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """All files in a folder and its folders, in order; nothing hidden."""
    for file in sorted(folder.rglob(pattern)):
        hidden = any(name.startswith(".") for name in file.relative_to(folder).parts)
        # A link to an image that is gone is an image that cannot be read.
        if not hidden and (file.is_file() or (file.is_symlink() and is_image(file) and not file.is_dir())):
            yield file


def holds(folder: Path, wanted: Callable[[Path], bool]) -> bool:
    """Whether some file in a folder or its folders is wanted; nothing hidden is looked at."""
    for here, inner, files in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        if any(not name.startswith(".") and wanted(Path(here, name)) for name in files):
            return True
    return False


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in order; nothing hidden, and none where it is not a folder."""
    inner = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in inner if path.is_dir() and not path.name.startswith("."))


def image_size_wh(path: Path) -> tuple[int, int]:
    """Width and height in pixels as the image is seen, EXIF rotation applied."""
    with _opened(path) as image:
        return _seen_wh(image)


def open_rgb(path: Path) -> Image.Image:
    """The image as seen: 8-bit RGB, EXIF rotation applied, transparency over white, first frame."""
    with _opened(path) as image:
        return _as_seen(image, path)


def open_image(image: types.Image) -> Image.Image:
    """What a model is shown of an image file: its part, size, side and edits, as 8-bit RGB."""
    return apply_view(open_rgb(image.path), image)


def apply_view(seen: Image.Image, image: types.Image) -> Image.Image:
    """The shown part of an image that is open already, resized, mirrored and edited, in this order."""
    if image.window_px is not None:
        seen = seen.crop(image.window_px)
    if image.resized_wh is not None:
        # Pillow's filter covers all pixels that become one.
        seen = seen.resize(image.resized_wh, Image.Resampling.BICUBIC)
    if image.mirrored:
        seen = ImageOps.mirror(seen)
    for edit in image.edits:
        seen = edit.apply(seen)
    return seen


def thumbnail(path: Path, side: int) -> Image.Image:
    """An image as seen, squeezed into a small square of so many pixels a side."""
    with _opened(path) as image:
        return _squeezed(image, path, side)


def seen_and_thumbnail(path: Path, content: bytes, side: int) -> tuple[tuple[int, int], Image.Image]:
    """``image_size_wh`` and ``thumbnail`` of a file that was read already."""
    with _opened(path, content) as image:
        return _seen_wh(image), _squeezed(image, path, side)


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise ImageError(f"The file cannot be read ({error}).", str(path), "Check its path.") from error


def _seen_wh(image: Image.Image) -> tuple[int, int]:
    if image.format == "TIFF":
        image.load()  # Pillow turns TIFF itself, at a moment that depends on its version.
    width, height = image.size
    turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
    return (height, width) if turned else (width, height)


def _squeezed(image: Image.Image, path: Path, side: int) -> Image.Image:
    # A JPEG can be decoded at an eighth of its size, many times faster; for others this does nothing.
    image.draft("RGB", (4 * side, 4 * side))
    return _as_seen(image, path).resize((side, side), Image.Resampling.BILINEAR)


def _as_seen(image: Image.Image, path: Path) -> Image.Image:
    image.load()
    seen = ImageOps.exif_transpose(image)
    if seen.mode in {"I", "F"}:
        raise ImageError(
            f"The image has pixels of the type '{seen.mode}', which have no fixed range of brightness.",
            str(path),
            "Save it as an 8-bit image.",
        )
    if seen.mode.startswith("I;16"):
        seen = Image.fromarray((np.asarray(seen).astype(np.uint16) >> 8).astype(np.uint8))
    if seen.has_transparency_data:
        layer = seen.convert("RGBA")
        seen = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    rgb = seen.convert("RGB")
    rgb.info = {}
    return rgb


@contextmanager
def _opened(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    try:
        # Given a path, Pillow maps gray TIFF into memory, and then turns the rows of a rotated one wrongly.
        source = path.open("rb") if content is None else io.BytesIO(content)
        with source as handle, Image.open(handle) as image:
            yield image
    except FileNotFoundError as error:
        raise ImageError(
            "There is no such image.", str(path), "Put it back, or remove its labels."
        ) from error
    except _BROKEN as error:
        fix = "Replace the file or remove it and its labels."
        if path.suffix.lower() in UNREAD_SUFFIXES:
            fix = f"vrft does not read {path.suffix[1:].upper()}. {CONVERT}"
        why = "it is no image" if isinstance(error, UnidentifiedImageError) else error or type(error).__name__
        problem = f"The image cannot be read ({why})."
        raise ImageError(problem, str(path), fix) from error
