"""Answers on disk: written batch by batch, so that what was answered is never asked again.

Only whole batches count. A batch that was cut short is asked again as a whole: then an interrupted evaluation
ends with the file of an uninterrupted one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vrft.distributed import ALONE, Share
from vrft.errors import RunError
from vrft.evaluation.answers_file import read_judged, to_row, write_judged
from vrft.evaluation.judged import Judged
from vrft.types import Example

Batch = Sequence[Example]


class Kept:
    """The answers file of one evaluation; with several processes each writes a part of it.

    Args:
        path: the answers file.
        batches: all questions.
        share: which process this is.

    Raises:
        RunError: the file holds answers to other questions, or cannot be read or written.
    """

    def __init__(self, path: Path, batches: Sequence[Batch], share: Share = ALONE) -> None:
        self._path, self._batches, self._share = path, batches, share
        if share.is_first:
            self._gather()
        share.wait()
        self._known = {j.example.id: j for j in read_judged(path)} if path.exists() else {}
        self._own = path if share.count == 1 else path.with_name(f"{path.name}.part-{share.index}")

    def missing(self) -> list[int]:
        """Numbers of the batches that this process is to ask."""
        open_batches = [i for i, batch in enumerate(self._batches) if not self._answered(batch, self._known)]
        return open_batches[self._share.index :: self._share.count]

    def append(self, judged: Sequence[Judged]) -> None:
        """Add the answers of one batch.

        Raises:
            RunError: the file cannot be written.
        """
        lines = "".join(json.dumps(to_row(j), allow_nan=False) + "\n" for j in judged)
        try:
            self._own.parent.mkdir(parents=True, exist_ok=True)
            with self._own.open("a", encoding="ascii", newline="\n") as file:
                file.write(lines)
        except OSError as error:
            raise RunError(
                f"{self._own}: the answers cannot be written ({error}). Free space; nothing is asked twice."
            ) from error

    def finish(self) -> list[Judged]:
        """Every answer, in the order of the questions; the file has them in this order too."""
        self._share.wait()
        if self._share.is_first:
            self._gather()
        self._share.wait()
        return read_judged(self._path) if self._path.exists() else []

    def _gather(self) -> None:
        """Bring parts and what an interrupted process left into one file of whole batches, in order."""
        parts = sorted(self._path.parent.glob(f"{self._path.name}.part-*"))
        files = [path for path in (self._path, *parts) if path.exists()]
        found = {j.example.id: j for path in files for j in read_judged(path)}
        stranger = next(iter(found.keys() - {e.id for batch in self._batches for e in batch}), None)
        if stranger is not None:
            raise RunError(
                f"{self._path}: it holds an answer to '{stranger}', which is not among the questions. "
                "Name another folder for other questions."
            )
        whole = [found[e.id] for batch in self._batches if self._answered(batch, found) for e in batch]
        if files:
            write_judged(self._path, whole)
        for part in parts:
            part.unlink()

    @staticmethod
    def _answered(batch: Batch, found: dict[str, Judged]) -> bool:
        return all(example.id in found for example in batch)
