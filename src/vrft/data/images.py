"""Picture files: their size as seen, their pixels as RGB, their fingerprint."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from vrft.errors import LabelError

SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""File endings that count as pictures, in lower case."""

_TURNED = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height (EXIF 2.32, tag 0x0112)."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise on files that are damaged, cut short or no pictures."""


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture; hidden files are none.

    Example:
        >>> is_picture(Path("cat/IMG_1.JPG")), is_picture(Path("cat/._IMG_1.jpg"))
        (True, False)
    """
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def image_size_wh(path: Path) -> tuple[int, int]:
    """Width and height in pixels as the picture is seen, EXIF rotation applied.

    Only the header is read, but for PNG, whose EXIF data may stand behind the pixels, and TIFF.

    Args:
        path: a picture file.

    Returns:
        (width, height) in pixels.

    Raises:
        LabelError: the file is missing or no readable picture.
    """
    with _opened(path) as image:
        return _seen_wh(image)


def open_rgb(path: Path) -> Image.Image:
    """The picture as seen: 8-bit RGB, EXIF rotation applied, transparency over white, first frame.

    Args:
        path: a picture file; 16-bit grey keeps its upper eight bits.

    Returns:
        A loaded picture of mode RGB.

    Raises:
        LabelError: the file is missing, cut short, no picture, or of a pixel type without a known range.
    """
    with _opened(path) as image:
        return _as_seen(image, path)


def thumbnail(path: Path, side: int) -> Image.Image:
    """A picture as seen, squeezed into a small square.

    Args:
        path: a picture file.
        side: of the square in pixels.

    Returns:
        A picture of mode RGB and size (side, side).

    Raises:
        LabelError: as ``open_rgb``.
    """
    with _opened(path) as image:
        return _squeezed(image, path, side)


def seen_and_thumbnail(path: Path, content: bytes, side: int) -> tuple[tuple[int, int], Image.Image]:
    """``image_size_wh`` and ``thumbnail`` of a file that was read already.

    Args:
        path: the picture's, for messages.
        content: its bytes.
        side: of the square in pixels.

    Raises:
        LabelError: no readable picture, as ``open_rgb``.
    """
    with _opened(path, content) as image:
        return _seen_wh(image), _squeezed(image, path, side)


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Args:
        path: any file.

    Returns:
        64 hexadecimal digits.

    Raises:
        LabelError: the file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise LabelError("The file cannot be read.", str(path), "Check that it is there.") from error


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
        raise LabelError(
            f"Its pixels are of the type '{seen.mode}', whose range of brightness is not known.",
            str(path),
            "Save it as an 8-bit picture.",
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
        # Given a path, Pillow maps grey TIFF into memory, and then turns the rows of a rotated one wrongly.
        source = path.open("rb") if content is None else io.BytesIO(content)
        with source as handle, Image.open(handle) as image:
            yield image
    except FileNotFoundError as error:
        raise LabelError("There is no such picture.", str(path)) from error
    except _BROKEN as error:
        raise LabelError(
            f"The picture cannot be read ({error or type(error).__name__}).",
            str(path),
            "Replace the file or remove it and its labels.",
        ) from error
