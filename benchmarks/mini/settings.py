"""The paper's settings in small: how each folder is drawn, what trains, what is held out.

A setting's images are drawn once and for all from ``DATA_SEED``. A cell's seed decides which of its
training images are the shots, which validation images choose, and all randomness of training; the
held-out questions are the same for every seed and every number of shots.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vrft.config.questions import ask_about, compute_fingerprints
from vrft.data.dataset import Dataset, load_dataset
from vrft.data.splits.few_shot import Split, few_shot_split
from vrft.errors import InputError
from vrft.miniature.folders import write_classification, write_detection, write_grounding
from vrft.miniature.scenes import BASE, NOVEL
from vrft.tasks.registry import load_task
from vrft.tasks.task import Task
from vrft.types import Example, Record

DATA_SEED = 2503
FEWEST_HELDOUT = 200
"""Held-out images of a setting, and of each of its scopes, at least."""
VALIDATION = 200
"""Questions that choices are made by, at most."""
DEVELOPMENT = 200
"""Questions that attempts are scored on, at most."""
ALL = "all"

Scope = Callable[[Example], bool]


@dataclass(frozen=True)
class Setting:
    """One setting."""

    name: str
    family: str
    """Which of the five settings of the paper it is a small form of; several domains are one family."""
    title: str
    paper: str
    """The table of the paper that it is compared with."""
    task: str
    write: Callable[[Path, int], Path]
    """Draws the folder, from its place and the number of training images (a class, for classification)."""
    train: int
    asked: int
    """Held-out questions at most."""
    seeds: Mapping[int, int]
    """For each number of shots how many seeds."""
    reference: int
    """The number of shots at which the further controls and the studies run."""
    unit: str = "a class"
    unseen: tuple[str, ...] = ()
    """Categories that no training image shows."""
    scopes: Mapping[str, Scope] = field(default_factory=lambda: {ALL: lambda example: True})
    """Parts of the held-out questions that are scored apart; the first is the headline."""
    develop: Callable[[Path], Path] | None = None
    """Draws the images that attempts are scored on; None takes the training part's that are no shots."""

    @property
    def headline(self) -> str:
        """The scope whose value counts."""
        return next(iter(self.scopes))


@dataclass(frozen=True)
class CellQuestions:
    """A cell's questions."""

    task: Task
    split: Split


def _classification(folder: Path, train: int) -> Path:
    return write_classification(folder, DATA_SEED, train=train, val=25, heldout=32)


def _detection(domain: str) -> Callable[[Path, int], Path]:
    return lambda folder, train: write_detection(
        folder, DATA_SEED, train=train, val=160, heldout=420, domain=domain
    )


def _grounding(folder: Path, train: int) -> Path:
    return write_grounding(folder, DATA_SEED, train=train, val=160, heldout=320)


def _open_vocabulary(folder: Path, train: int) -> Path:
    return write_detection(folder, DATA_SEED, BASE, train=train, val=160, heldout=760, further=NOVEL)


def _novel_too(folder: Path) -> Path:
    """Images that show the novel categories, in handwriting of the training part."""
    return write_detection(folder, DATA_SEED + 1, (*BASE, *NOVEL), train=440, val=0, heldout=0)


def _out_of_domain(domain: str, title: str) -> Setting:
    return Setting(
        f"out_of_domain_{domain}",
        "out of domain",
        f"detection out of domain, {title}",
        "Table 5",
        "detection",
        _detection(domain),
        200,
        300,
        {4: 3, 16: 1},
        4,
    )


FEW = {1: 3, 2: 3, 4: 3, 8: 1, 16: 1}
SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "classification",
            "few-shot classification",
            "few-shot classification, ten digits",
            "Table 2",
            "classification",
            _classification,
            20,
            310,
            FEW | {1: 5},
            1,
        ),
        Setting(
            "detection",
            "few-shot detection",
            "few-shot detection, six base categories",
            "Table 3",
            "detection",
            _detection("plain"),
            200,
            300,
            FEW | {2: 5},
            2,
        ),
        _out_of_domain("inverted", "inverted palette"),
        _out_of_domain("outline", "hand-drawn outlines"),
        _out_of_domain("texture", "other textures"),
        Setting(
            "grounding",
            "reasoning grounding",
            "reasoning grounding",
            "Table 6",
            "grounding",
            _grounding,
            120,
            300,
            {16: 3, 64: 3},
            16,
            unit="in all",
        ),
        Setting(
            "open_vocabulary",
            "open vocabulary",
            "open-vocabulary detection, 14 base and 4 novel categories",
            "Table 7",
            "detection",
            _open_vocabulary,
            400,
            1080,
            {16: 3},
            16,
            unseen=NOVEL,
            scopes={
                "novel": lambda example: example.question in NOVEL,
                "base": lambda example: example.question in BASE,
                ALL: lambda example: True,
            },
            develop=_novel_too,
        ),
    )
}
"""Settings by name, in the paper's order."""
FAMILIES = tuple(dict.fromkeys(setting.family for setting in SETTINGS.values()))
PAPER = {
    "few-shot classification": (24.3, 28.6),
    "few-shot detection": (21.9, 20.5),
    "out of domain": (41.2, 35.0),
    "reasoning grounding": (10.7, 9.3),
    "open vocabulary": (21.5, 17.7),
}
"""The paper's RFT minus its base and minus its SFT, at the reference number of shots: one-shot average of
Table 2, two shots of Table 3, four of Table 5, mIoU on the test part of Table 6, novel ones of Table 7."""


def questions(
    setting: Setting,
    folder: Path,
    shots: int,
    seed: int,
    *,
    asked: int | None = None,
    train: int | None = None,
    development: bool = False,
) -> CellQuestions:
    """Draw a setting's folder and split its questions.

    Args:
        setting: which.
        folder: where its images go; found again where they are there.
        shots: training images a class (grounding: in all).
        seed: of the draw of shots and validation questions.
        asked: held-out questions at most; fewer than the setting's own for trials of the code alone.
        train: training images to draw; None takes the setting's own number.
        development: ask, instead of the held-out questions, those of the headline about images that are
            neither held out nor learned from: for choices, which held-out questions must not decide.

    Raises:
        InputError: a class has too few images, fewer images than ``FEWEST_HELDOUT`` are held out, or one
            of them trains too.
    """
    task = load_task(setting.task)
    dataset = load_dataset(setting.write(folder, train or setting.train), task.needs)
    by, of = VALIDATION, min(setting.asked, DEVELOPMENT) if development else setting.asked
    by, of = (by, of) if asked is None else (asked, asked)
    split = few_shot_split(
        ask_about(task, dataset),
        shots=shots,
        seed=seed,
        eval_max=0,
        val_max=by,
        parts=dataset.parts,
        prints=compute_fingerprints(dataset),
    )
    if development:
        unseen = _development(setting, task, folder, dataset, {example.record_id for example in split.train})
    else:
        unseen = _only(dataset, [r for r in dataset.records if dataset.parts[r.id] == "test"])
    heldout = _balanced(task, unseen, setting.scopes[setting.headline if development else ALL], of)
    _check(setting, split, heldout, development or asked is not None)
    return CellQuestions(task, replace(split, heldout=heldout))


def images(examples: Sequence[Example]) -> int:
    """How many images questions are about."""
    return len({example.record_id for example in examples})


def _development(
    setting: Setting, task: Task, folder: Path, dataset: Dataset, shots: Collection[str]
) -> Dataset:
    """Images that are neither held out nor learned from."""
    if setting.develop is None:
        records = [r for r in dataset.records if dataset.parts[r.id] == "train" and r.id not in shots]
        return _only(dataset, records)
    further = load_dataset(setting.develop(folder.with_name(f"{folder.name}-development")), task.needs)
    # Names of their own: an image is known by its id, and both folders count from zero.
    return _only(further, [replace(record, id=f"development/{record.id}") for record in further.records])


def _only(dataset: Dataset, records: Iterable[Record]) -> Dataset:
    return replace(dataset, records=tuple(records))


def _balanced(task: Task, dataset: Dataset, scope: Scope, asked: int) -> tuple[Example, ...]:
    """Questions of a scope about some images alone, whose categories training need not know."""
    # The rule that balances classes needs one shot of each to put aside: these few images go unused.
    split = few_shot_split(
        [example for example in ask_about(task, dataset) if scope(example)],
        shots=1,
        seed=DATA_SEED,
        val_fraction=0,
        eval_max=asked,
        prints=compute_fingerprints(dataset),
    )
    return split.heldout


def _check(setting: Setting, split: Split, heldout: Sequence[Example], small: bool) -> None:
    learned = {e.record_id for e in (*split.train, *split.val)}
    if lost := sorted(split.left_out.keys() - set(setting.unseen)):
        raise InputError(f"{setting.name}: '{lost[0]}' would be left out: {split.left_out[lost[0]]}.")
    if shared := learned & {e.record_id for e in heldout}:
        raise InputError(f"{setting.name}: {sorted(shared)[0]} is both learned from and held out.")
    for name, scope in setting.scopes.items():
        count = images([e for e in heldout if scope(e)])
        if count < FEWEST_HELDOUT and not small:
            raise InputError(
                f"{setting.name}: {count} held-out images in '{name}', {FEWEST_HELDOUT} are needed."
            )
