"""Writing to a disk that may be full: what is half written goes, and a sentence says why."""

from __future__ import annotations

import errno
import os
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vrft.errors import RunError

TRACEBACK, KEPT_IN = "error.txt", "The traceback is in "
GO_ON = (
    "What was written before is kept. Free space, or make the place writable; then run the same command "
    "again, fit, train and sft with --resume."
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_WRITTEN = ("pytorchstreamwriter failed", "unexpected pos", "disk is full", "disk i/o error")
"""What libraries say that write for themselves: torch, SQLite."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in a sentence where and why something cannot be written; what is half written is removed.

    Raises:
        RunError: the disk is full, or the place cannot be written to.
    """
    try:
        yield
    except Exception as error:
        why = why_not_written(error)
        if why is None:
            raise
        if path.suffix == ".new":
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise RunError(f"{path}: it cannot be written ({why}). {GO_ON}") from error


def why_not_written(error: BaseException) -> str | None:
    """Why something cannot be written, in the system's words; None where an error means something else.

    Example:
        >>> import errno
        >>> why_not_written(OSError(errno.ENOSPC, "No space left on device"))
        'No space left on device'
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or str(error)
    text = str(error).lower()
    full = next((os.strerror(number) for number in _FULL if os.strerror(number).lower() in text), None)
    if full is None and any(words in text for words in _NOT_WRITTEN):
        full = "the disk is full, or a file may not become larger"
    return full


def keep_traceback(error: BaseException, folder: Path) -> None:
    """Write an error's traceback into a folder, and note on the error where it is; on a full disk nothing."""
    file = folder / TRACEBACK
    with suppress(OSError):
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        error.add_note(f"{KEPT_IN}{file}")
