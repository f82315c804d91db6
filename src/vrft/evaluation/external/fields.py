"""From a foreign file's names to ours: which of its fields are read, what stands where one is missing.

Nothing is inferred. A field that is not mapped is read under its own name if that is one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.external.paths import nested, value_at
from vrft.evaluation.external.row_schema import names, unpacked
from vrft.geometry.frames import FrameKind
from vrft.tasks.task import load_task
from vrft.types import Form

FRAMES: dict[str, FrameKind] = {
    "thousand": "thousand",
    "unit": "unit",
    "input_pixels": "input_pixels",
    "pixels": "input_pixels",
}
"""The words for frames. ``pixels`` are those of the original picture: ``input_pixels`` of a picture that was
given to the model as it is."""
LABEL_FRAMES = ("pixels", "thousand", "unit")
"""The words for frames of labels."""
_MAY_BE_UNKNOWN = ("frame", "target.frame")


@dataclass(frozen=True)
class Fields:
    """How rows of one file become rows of ours.

    Args:
        fields: our names, with dots and list indices below them, to paths of the file; an empty path leaves
            out a field of ours that means something else in the file.
        defaults: constants of ours, for rows without a value of their own.
        values: by our names, what the file's words stand for. Where there is such a table, only its words
            count, even if others happen to be ours.

    Raises:
        InputError: a name is none of ours, two of them collide, or a constant is no word of ours.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (*self.fields, *self.defaults, *self.values):
            _check_name(path)
        for paths in (sorted(self.fields), sorted(self.defaults)):
            for one, other in ((a, b) for a in paths for b in paths if b.startswith(f"{a}.")):
                raise InputError(f"'{one}' is given whole and as '{other}'. Give one of the two.")
        for path, word in self.defaults.items():
            _check_word(path, word)
        for path, table in self.values.items():
            for word in table.values():
                _check_word(path, word)

    def row(self, entry: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, str]]:
        """A row of the file by our names.

        Args:
            entry: as the file has it.
            where: its place, for messages.

        Returns:
            The row, and by path the words for frames that the tables of values do not know: what they stand
            for is unknown, and no default speaks for them.

        Raises:
            InputError: a word of another field is not in its table of values.
        """
        taken = {path.partition(".")[0] for path in self.fields}
        leaves = {name: entry.get(name) for name in names() if name not in taken}
        leaves |= {path: value_at(entry, theirs) if theirs else None for path, theirs in self.fields.items()}
        leaves = _opened(leaves, {*self.defaults, *self.values}, where)
        strange: dict[str, str] = {}
        for path, table in self.values.items():
            word = leaves.get(path)
            if word is None:
                continue
            leaves[path] = table.get(str(word))
            if leaves[path] is None:
                strange[path] = str(word)
            if leaves[path] is None and path not in _MAY_BE_UNKNOWN:
                known = ", ".join(map(repr, table))
                raise InputError(
                    f"{where}: what {str(word)[:60]!r} stands for in '{path}' is not told (told: {known}). "
                    "Add it to the values."
                )
        for path, constant in self.defaults.items():
            if leaves.get(path) is None and path not in strange:
                leaves[path] = constant
        return nested(leaves.items()), strange


def _opened(leaves: dict[str, Any], below: set[str], where: str) -> dict[str, Any]:
    """A whole object of the file, taken apart where a constant or a table speaks of something below it."""
    opened: dict[str, Any] = {}
    for name, value in leaves.items():
        inner = any(path.startswith(f"{name}.") for path in below)
        parts = unpacked(value) if inner else None
        if isinstance(parts, Mapping):
            opened |= {f"{name}.{key}": part for key, part in parts.items()}
        elif inner and value is not None:
            raise InputError(f"{where}: '{name}' is no object, and constants are given for parts of it.")
        elif not inner:
            opened[name] = value
    return opened


def _check_name(path: str) -> None:
    first, _, rest = path.partition(".")
    known = names()
    parts = known.get(first, frozenset())
    if first not in known:
        raise InputError(f"There is no field '{path}'. Choose among: {', '.join(known)}.")
    if parts and rest and rest.partition(".")[0] not in parts:
        raise InputError(f"'{first}' has no '{rest}'. Choose among: {', '.join(sorted(parts))}.")


def _check_word(path: str, word: str) -> None:
    if path == "task":
        load_task(word)
    known: dict[str, tuple[str, ...]] = {
        "frame": tuple(FRAMES),
        "target.frame": LABEL_FRAMES,
        "form": tuple(Form),
    }
    if path in known and word not in known[path]:
        raise InputError(f"'{path}' cannot be '{word}'. Choose one of: {', '.join(known[path])}.")
