"""How a command ends: the one place where exceptions become sentences.

Status 2: the user's data, settings or machine; the sentence says what to change. Status 130: stopped by the
user. Status 1: a fault of vrft, whose traceback is kept in a file. ``--debug`` prints every traceback.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from tempfile import mkdtemp

from vrft.errors import Interrupted, VrftError
from vrft.run_folder import GO_ON, KEPT_IN, keep_traceback, why_not_written

DEBUG = "--debug"
_PACKAGE = Path(__file__).parents[1]
_RAW_WARNING = re.compile(
    r"(?P<file>[^\n]+?):(?P<line>\d+): (?P<kind>\w+): (?P<text>.*?)\n(?:  [^\n]*\n)?", re.DOTALL
)
"""As ``warnings.formatwarning`` writes it: with the line of the program that warns below it."""
INPUT, STOPPED, FAULT = 2, 130, 1
SMALLER = (
    "The memory is used up. Take fewer at once: optim.micro_prompts=1 and "
    "optim.activation_checkpointing=true in training, --samples, --batch or --max-pixels elsewhere, or a "
    "smaller model. 'vrft check' forecasts it."
)
_NO_ROOM = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)
_NO_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP})
_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "unable to allocate")
"""Words of torch's and NumPy's errors; their types are of modules that may not be loaded."""


@contextmanager
def plain_endings(debug: bool) -> Iterator[None]:
    """Let a command end in a sentence on the error stream, and in its status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show must not end the work
            stream.reconfigure(errors="backslashreplace")
    with _notices(debug):
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if debug:
                traceback.print_exception(error)
            sentence, status = ending_of(error)
            print(sentence, file=sys.stderr)
            sys.exit(status)


def ending_of(error: BaseException) -> tuple[str, int]:
    """What is said of an exception that ended a command, and its status.

    Example:
        >>> ending_of(KeyboardInterrupt())
        ('Stopped.', 130)
    """
    if isinstance(error, VrftError):
        return str(error), STOPPED if isinstance(error, Interrupted) else INPUT
    if isinstance(error, KeyboardInterrupt):
        return "Stopped.", STOPPED
    if isinstance(error, ModuleNotFoundError) and error.name and (extra := _extra_with(error.name)):
        return f"'{error.name}' is not installed. Run: pip install 'vrft[{extra}]'.", INPUT
    if _is_memory(error):
        return f"{SMALLER} ({_short(error)})", INPUT
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        if error.errno in _NO_ROOM:
            return f"{place}{error.strerror}. {GO_ON}", INPUT
        if place and error.errno in _NO_PLACE:
            return f"{place}{error.strerror}. Check the path.", INPUT
    elif (why := why_not_written(error)) is not None:
        return f"{why}. {GO_ON}", INPUT
    return _fault(error), FAULT


def _fault(error: BaseException) -> str:
    if not _kept_in(error):
        keep_traceback(error, Path(mkdtemp(prefix="vrft-")))
    kept = _kept_in(error) or f"Add {DEBUG} to see the traceback"
    return (
        f"This is a fault of vrft, not of your input: {_short(error)}. {kept}; please open an issue with it "
        "and the command that you ran."
    )


def _kept_in(error: BaseException) -> str:
    notes: list[str] = getattr(error, "__notes__", [])
    return next((note for note in notes if note.startswith(KEPT_IN)), "")


def _short(error: BaseException) -> str:
    said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _is_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in _NO_MEMORY)
    )


def _extra_with(module: str) -> str | None:
    """The extra of vrft that brings a module, by its own metadata."""
    try:
        needed = requires("vrft") or []
    except PackageNotFoundError:
        return None
    for line in needed:
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and name[0].replace("-", "_").lower() == module.partition(".")[0].lower():
            return extra[1]
    return None


@contextmanager
def _notices(debug: bool) -> Iterator[None]:
    """Show what vrft reports as sentences, and what libraries say to their developers with --debug alone."""
    logger, handler = logging.getLogger("vrft"), logging.StreamHandler(_ErrorStream())
    logger.addHandler(handler)
    with warnings.catch_warnings():
        if not debug:
            for category in (FutureWarning, DeprecationWarning, PendingDeprecationWarning, ResourceWarning):
                warnings.simplefilter("ignore", category)
            # Which of its kernels are missing here, and where it rounds.
            logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
            # Pillow's words about large images; files that are too large are refused by name.
            warnings.filterwarnings("ignore", message="Image size .* exceeds limit")
            raw = logging.StreamHandler(_ErrorStream())
            raw.setFormatter(_WarningAsSentence())
            logging.getLogger("py.warnings").addHandler(raw)
            logging.captureWarnings(True)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            if not debug:
                logging.captureWarnings(False)
                logging.getLogger("py.warnings").removeHandler(raw)


class _WarningAsSentence(logging.Formatter):
    """What Python logs of a warning, with its place where it is not of vrft alone."""

    def format(self, record: logging.LogRecord) -> str:
        said = super().format(record)
        if (found := _RAW_WARNING.fullmatch(said)) is None:
            return said
        ours = Path(found["file"]).is_relative_to(_PACKAGE)
        place = "" if ours else f" ({found['kind']}, {found['file']}, line {found['line']})"
        return f"{found['text']}{place}"


class _ErrorStream:
    """The error stream of the moment: a progress bar puts its own in the place of it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
