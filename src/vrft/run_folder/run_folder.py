"""A run: one folder on disk that explains itself.

run.json         what it is: method, seed, versions, hardware, where its images were, parity of the methods of
                 log-probabilities
config.yaml      the resolved configuration
manifest.json    the split: ids by part, a hash of each image, a digest of each label
check.json       what was found in the data before; check/ shows labels as the model sees them
metrics.jsonl    one row per step, and one for each validation
rollouts.jsonl   sampled groups, whole (RFT)
reward_failures.jsonl  reward terms that could not be computed
pseudo.jsonl     pseudo-labels that it learned from, where it was asked to
checkpoints/     step_000040/ : what a resume needs; the two newest are kept
model/           the trained policy, an ordinary Hugging Face folder
eval/            predictions
probe.json       samples of the policy before training, and advice (`vrft probe`)
done.json        written last
error.txt        the traceback of an error that ended it, where that was a fault of vrft
fingerprints.sqlite    what was found of each image file; may be deleted
.lock            held by the process that trains; an empty file otherwise
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vrft.errors import Interrupted, RunError, VrftError
from vrft.run_folder.files import append_row, make_folder, read_json, read_rows, write_json, write_text
from vrft.run_folder.writing import TRACEBACK, keep_traceback

METRICS, ROLLOUTS, FAILURES = "metrics.jsonl", "rollouts.jsonl", "reward_failures.jsonl"
PSEUDO, MANIFEST, CHECK = "pseudo.jsonl", "manifest.json", "check"
BEFORE_A_RUN = frozenset(
    {".lock", "config.yaml", "fingerprints.sqlite", "fingerprints.sqlite-journal", "probe.json", PSEUDO}
    | {MANIFEST, CHECK, f"{CHECK}.json", TRACEBACK}
)
"""What may lie in a folder before its run begins, or when it was stopped at once."""


class RunFolder:
    """Paths and files of one run. Nothing in it is ever overwritten by another run.

    Args:
        path: the folder.
        writes: False reads it alone: of several processes that train together one writes.
    """

    def __init__(self, path: Path, writes: bool = True) -> None:
        self.path, self.writes = path, writes

    def open(self, resume: bool) -> None:
        """Make the folder, or come back to it.

        Args:
            resume: whether an existing run is meant.

        Raises:
            RunError: the folder holds a run and ``resume`` was not asked for, a run of vrft 0.1, or
                something else than a run.
        """
        if not self.writes:
            return
        make_folder(self.path)
        there = {p.name for p in self.path.iterdir()}
        if "run.json" not in there and (foreign := sorted(there - BEFORE_A_RUN)):
            raise RunError(
                f"{self.path} is not empty and is not a run ({', '.join(foreign[:3])}). Name another folder."
            )
        if "run.json" in there and "kind" in self.read_json("run.json"):
            raise RunError(
                f"{self.path} holds a run of vrft 0.1, which this version cannot continue. Train again in "
                "another folder; docs/from_0.1.md says what keys are called now."
            )
        if "run.json" in there and not resume:
            raise RunError(
                f"{self.path} holds a run already. Add --resume to continue it, or name another folder."
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from training here meanwhile; a process that dies lets go.

        Raises:
            RunError: another one does.
        """
        if not self.writes:
            yield
            return
        from filelock import FileLock, Timeout

        make_folder(self.path)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"{self.path}: another process is training in this folder. Wait until it ends, or name "
                "another folder."
            ) from None
        try:
            yield
        except VrftError:
            raise
        except Exception as error:
            keep_traceback(error, self.path)
            raise
        finally:
            lock.release()

    @property
    def began(self) -> bool:
        """Whether a run began here, which can go on."""
        return (self.path / "run.json").exists()

    @property
    def done(self) -> bool:
        """Whether the run ended."""
        return (self.path / "done.json").exists()

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file whole or not at all."""
        if self.writes:
            write_json(self.path / name, value)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all."""
        if self.writes:
            write_text(self.path / name, text)

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises:
            RunError: it is missing or torn.
        """
        return read_json(self.path / name)

    def append(self, name: str, row: dict[str, Any]) -> None:
        """Add one line to a JSONL file."""
        if self.writes:
            append_row(self.path / name, row)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Lines of a JSONL file; a torn last line is left out, a missing file is empty."""
        return list(read_rows(self.path / name))

    def cut(self, name: str, step: int) -> None:
        """Drop lines of steps after ``step``: they will be computed again after a resume."""
        target = self.path / name
        if self.writes and target.exists():
            kept = [row for row in read_rows(target) if row["step"] <= step]
            write_text(target, "".join(json.dumps(row) + "\n" for row in kept))


@contextmanager
def removed_if_refused(folder: Path, sign: str, writes: bool = True) -> Iterator[None]:
    """Take a folder away again that a refused command has made.

    Args:
        folder: that the command may make, with those above it.
        sign: a file in it that says that work began: then everything stays.
        writes: False where another process does this.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    except Interrupted:
        raise
    except VrftError:  # a fault of vrft has left its traceback
        if writes and made and not (folder / sign).exists():
            shutil.rmtree(folder, ignore_errors=True)
            for place in made[1:]:
                with suppress(OSError):  # it holds something else by now
                    place.rmdir()
        raise


def place_of_data(
    named: Path | str, root: Path, folder: Path, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Where a run's images lie, so that they are found after the run, the data or both were moved.

    Args:
        named: by the user.
        root: the folder of the dataset.
        folder: of the run.
        before: what the run said of them when it was begun.

    Returns:
        ``data`` as it was named, ``data_root`` absolutely, ``data_from_run`` as seen from the run's folder,
        and, where they were elsewhere before, ``data_before`` with these places.
    """
    now = {"data": str(named), "data_root": str(root.resolve())}
    known = before or {}
    earlier = [*known.get("data_before", ()), *(known.get(key) for key in now)]
    others = sorted({place for place in earlier if place} - set(now.values()))
    now["data_from_run"] = os.path.relpath(root.resolve(), folder.resolve())
    return {**now, **({"data_before": others} if others else {})}


def chosen_folder(out_folder: Path | None, stem: Path, resume: bool) -> Path:
    """Where work is kept: the user's folder, else a fresh one, or the newest to go on."""
    return out_folder or (newest_folder(stem) if resume else fresh_folder(stem))


def fresh_folder(stem: Path) -> Path:
    """A folder that does not exist yet: the stem itself, or with the next free number."""
    number, folder = 1, stem
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}-{number}")
    return folder


def newest_folder(stem: Path) -> Path:
    """The folder with the highest number that exists; the stem where there is none."""
    number, folder = 1, stem
    while True:
        following = stem.with_name(f"{stem.name}-{number + 1}")
        if not following.exists():
            return folder
        number, folder = number + 1, following
