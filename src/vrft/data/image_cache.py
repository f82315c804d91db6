"""Images that a dataset holds inside another file, written as files once, outside the user's folder."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from pathlib import Path

from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from vrft.errors import ImageError, InputError

_BROKEN = (OSError, SyntaxError, ValueError, PILImage.DecompressionBombError)


def cache_folders() -> tuple[Path, Path]:
    """``~/.cache/vrft``, and where that cannot be written a folder for temporary files."""
    own = f"vrft-{os.path.basename(os.path.expanduser('~'))}"
    return Path(os.path.expanduser("~"), ".cache", "vrft"), Path(tempfile.gettempdir(), own)


def cached_image(content: bytes, where: str, fix: str) -> Path:
    """The file of an image, named by its content and written where it is not there yet.

    Args:
        content: the bytes of an image file.
        where: the place, for messages.
        fix: what to do where the bytes are no image.

    Raises:
        ImageError: the bytes are no image.
        InputError: no folder of caches can be written.
    """
    try:
        with PILImage.open(io.BytesIO(content)) as image:
            suffix = str(image.format).lower()
    except _BROKEN as error:
        why = "it is no image" if isinstance(error, UnidentifiedImageError) else error
        raise ImageError(f"The image cannot be read ({why}).", where, fix) from error
    name = hashlib.sha256(content).hexdigest()[:32]
    problems = []
    for cache in cache_folders():
        file = cache / "images" / name[:2] / f"{name}.{suffix}"
        try:
            if not file.is_file() or file.stat().st_size != len(content):
                file.parent.mkdir(parents=True, exist_ok=True)
                unfinished = file.with_suffix(f".{os.getpid()}.unfinished")
                unfinished.write_bytes(content)
                os.replace(unfinished, file)
            return file
        except OSError as error:
            problems.append(f"{cache} ({error})")
    raise InputError(
        f"The images of the dataset cannot be written to {' or '.join(problems)}. Make one of these folders "
        "writable, or free some space there."
    )
