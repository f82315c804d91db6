"""Who reads a folder: the readers of label formats, and how the right one is found.

A reader is one file in ``vrft.data.formats`` that defines ``READER``, or an entry point of another package in
the group of this name; each is asked what it finds. A reader derived from another one is for a special case
of that format and goes before it.

What a folder is read as follows from all that lies in it. A folder whose only labelled content is one
folder is read as that one. Several readings, or several labelled folders side by side, are an error, which
names them and what decides: the task, a path, or ``data.format``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from vrft.data.data_options import ReadOptions
from vrft.data.images import holds, is_image, subfolders
from vrft.data.label_checks import part_of, some
from vrft.data.no_labels import IMAGES_INSIDE, LABEL_ENDINGS, no_labels
from vrft.errors import InputError, LabelError
from vrft.tasks.number_format import upper_first
from vrft.types import Provides, first_met, in_words
from vrft.types.options import did_you_mean
from vrft.types.plugins import discover

if TYPE_CHECKING:
    from vrft.data.dataset import Dataset


class Reader(Protocol):
    """One way in which people keep labelled images."""

    name: str
    provides: Mapping[Provides, str]
    """What its labels can say, each with what it looks for as a noun phrase for messages."""
    in_files: bool
    """Labels are in label files; these go before labels that are names of folders."""

    def detects(self, path: Path) -> frozenset[Provides]:
        """What a folder or file says that this reader can read; empty where it does not know it."""

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """Read what is needed of what it detects there; LabelError where nothing of it can be read.

        A label or image that is wrong costs that one alone (``Mistakes``): it is listed in ``left_out``,
        and a label's category is unknown on its image.
        """


class OpenReader(Reader, Protocol):
    """A reader of labels that leave something open."""

    open_to: frozenset[str]
    """Keys of ``ReadOptions``: 'coordinates', 'box_order'. Numbers of which nothing is said are pixels, or
    what a reader has as ``coordinates``."""

    def read(self, path: Path, needs: frozenset[Provides], options: ReadOptions | None = None) -> Dataset:
        """As ``Reader.read``, with what was left open."""


class LeadingReader(Reader, Protocol):
    """A reader of labels that can be read in several ways, of which one is the usual."""

    def leading(self, path: Path, given: frozenset[Provides]) -> frozenset[Provides]:
        """What is read of all that is detected where nothing particular is needed."""


def readers() -> tuple[Reader, ...]:
    """All readers, by name."""
    return tuple(
        sorted(discover("vrft.data.formats", "READER", "vrft.data.formats"), key=lambda reader: reader.name)
    )


Fit = tuple[Reader, frozenset[Provides]]


def reader_named(name: str, known: Sequence[Reader]) -> Reader:
    """The reader of a format; InputError where there is none of that name."""
    found = next((reader for reader in known if reader.name == name), None)
    if found is None:
        names = [reader.name for reader in known]
        raise InputError(
            f"There is no format '{name}' of labels.{did_you_mean(name, names)} Choose one of: "
            f"{', '.join(names)}."
        )
    return found


def locate_labels(path: Path, known: Sequence[Reader]) -> tuple[Path, list[Fit]]:
    """The labelled folder or file, which may be the only labelled folder in the path, and who can read it."""
    fits = _fitting(path, known)
    inner = _labelled_folders(path, known, in_files=bool(fits))
    if not fits and not inner:
        for folder in subfolders(path):
            inner |= _labelled_folders(folder, known, in_files=False)
    formats = {reader.name for own in inner.values() for reader, _ in own}
    by_names = bool(fits) and not any(reader.in_files for reader, _ in fits)
    # Parts of one dataset are in one format, which is then also that of the whole.
    if (len(inner) > 1 and (not fits or len(formats) > 1)) or (inner and by_names):
        listed = some([f"{p.name} ({', '.join(r.name for r, _ in own)})" for p, own in inner.items()])
        also = f", or as {fits[0][0].name} of folder names" if by_names else ""
        problem = f"It holds labelled folders: {listed}{also}."
        fix = f"Give the path of one, such as '{next(iter(inner))}'"
        raise LabelError(problem, str(path), fix + (f", or --format {fits[0][0].name}." if by_names else "."))
    # Of exports side by side, the one whose format was named.
    only = next(iter(inner.items())) if len(inner) == 1 else None
    if only is not None and (not fits or (len(known) == 1 and not part_of(only[0].name))):
        return only
    if fits:
        return path, fits
    if len(known) == 1:
        (named,) = known
        expected = "; ".join(named.provides.values())
        raise LabelError(f"It does not read as {named.name}.", str(path), f"Expected: {expected}.")
    raise no_labels(path, {reader.name: list(reader.provides.values()) for reader in known})


def _labelled_folders(path: Path, known: Sequence[Reader], in_files: bool) -> dict[Path, list[Fit]]:
    """The folders in a folder that hold images and labels, with who can read each.

    Args:
        path: a folder; a file has none.
        known: the readers.
        in_files: labels that are names of folders do not count.
    """
    found: dict[Path, list[Fit]] = {}
    for folder in subfolders(path):
        if in_files and not holds(folder, lambda file: file.suffix.lower() in LABEL_ENDINGS):
            continue
        fits = [fit for fit in _fitting(folder, known) if fit[0].in_files or not in_files]
        # Label files without images are those of images elsewhere; parquet holds its images itself.
        if fits and (not in_files or holds(folder, lambda f: is_image(f) or f.suffix in IMAGES_INSIDE)):
            found[folder] = fits
    return found


def _fitting(path: Path, known: Sequence[Reader]) -> list[Fit]:
    """The readers that know a path, with what each finds there."""
    found = [(reader, given) for reader in known if (given := reader.detects(path))]
    # A folder of images next to a label file looks like a class, so label files go first.
    found = [fit for fit in found if fit[0].in_files] or found
    general = {kind for reader, _ in found for kind in type(reader).__mro__[1:]}
    return [fit for fit in found if type(fit[0]) not in general]


def choose_reader(
    path: Path,
    fits: Sequence[Fit],
    needs: frozenset[Provides] | None,
    or_needs: Sequence[frozenset[Provides]] = (),
) -> Fit:
    """The one reader that finds what is needed, or the first of ``or_needs``; and what it reads.

    Raises:
        LabelError: none or several do.
    """
    if needs is None:
        fits = [(reader, _leading(reader, path, given)) for reader, given in fits]
    pairs = [(reader, pair) for reader, given in fits for pair in sorted(given)]
    chosen = [(reader, frozenset([pair])) for reader, pair in pairs]
    if needs is not None:
        wanted = first_met((needs, *or_needs), *(given for _, given in fits))
        chosen = [(r, wanted) for r, given in fits if wanted is not None and wanted <= given]
    read_as = " and ".join(
        f"{reader.name} (for {in_words([pair])}{_classes(reader, path)})" for reader, pair in pairs
    )
    if not chosen:
        assert needs is not None
        add = f"Choose a task for {in_words([pairs[0][1]])}, or add {wanted_labels(readers(), needs)}."
        raise LabelError(f"It has no labels for {in_words(needs)}; it reads as {read_as}.", str(path), add)
    if len(chosen) > 1:
        names = list(dict.fromkeys(reader.name for reader, _ in chosen))
        alike = len({given for _, given in chosen}) == 1
        by_name = f"name the format: --format {' or --format '.join(names)} (data.format)"
        fix = "Give the path of the one label file to read" if alike else "Name the task"
        fix = f"{fix}, or {by_name}" if len(names) > 1 else fix
        fix = fix if any(reader.in_files for reader, _ in chosen) else upper_first(by_name)
        raise LabelError(f"It reads as {read_as}.", str(path), f"{fix}.")
    return chosen[0]


def _leading(reader: Reader, path: Path, given: frozenset[Provides]) -> frozenset[Provides]:
    several = len(given) > 1 and hasattr(reader, "leading")
    return cast(LeadingReader, reader).leading(path, given) if several else given


def _classes(reader: Reader, path: Path) -> str:
    """The first classes that a reader of folder names would read, with a colon before them."""
    named = getattr(reader, "class_names", lambda path: ())(path)
    return f": {some(named, 3)}" if named else ""


def wanted_labels(known: Sequence[Reader], needs: frozenset[Provides]) -> str:
    """What readers of labels look for; tables can hold any value."""
    wants = [reader.provides[pair] for reader in known for pair in sorted(needs) if pair in reader.provides]
    kind = min(needs)[1]
    return (
        "; ".join(wants) or f'a .jsonl file with "image" and "target" {{"kind": "{kind}", ...}} on each line'
    )
