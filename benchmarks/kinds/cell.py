"""What is run: rows of tasks and arms, by table, each on three seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mini.systems import BASE

from vrft.miniature.location import KINDS, MINIATURE

VERSION = 1
SEEDS, DEVELOPMENT = (0, 1, 2), 9
"""Of the tables; and the seed on which rates are set, which is in no table."""
BASE_DIRECT = "base_direct"
"""The base in the direct form."""


@dataclass(frozen=True)
class Arm:
    """One way of training; what it does not say is the same in all arms of a row."""

    name: str
    title: str
    overrides: tuple[str, ...] = ()
    """``key=value`` of the configuration."""
    method: str = "rft"
    part: float = 1.0
    """Of the benchmark's number of steps."""
    asks: tuple[str, ...] = ()
    """Tasks of the row that it learns and answers; empty means all."""
    control: bool = False
    """It has RFT's rate, and its last step counts."""
    warm_up: float = 0.0
    """Of the number of steps: so many on puzzles before the labels, as by ``vrft fit --warm-up puzzles``."""
    spends_as: str = ""
    """The arm whose sampled tokens it may spend, warm-up and first answers included; steps follow from it."""
    system: str = ""
    """What its answers are called in the file; empty takes its name."""

    @property
    def answers_as(self) -> str:
        """The system of its answers."""
        return self.system or self.name


SFT, RFT = Arm("sft", "SFT", method="sft"), Arm("rft", "RFT")
CONTROL = Arm("control", "shuffled rewards", ("grpo.shuffle_rewards=true",), control=True)
AP_GRPO = "grpo.advantage=absolute_weighted"


@dataclass(frozen=True, eq=False)
class Row:
    """What is asked and which arms are compared, in each of three cells."""

    name: str
    title: str
    tasks: Mapping[str, int]
    """Training questions a class, or in all where there are no classes, by task; several are a mixture."""
    arms: tuple[Arm, ...]
    core_minutes: float
    """Of a cell, as timed before any has run."""
    folder: str = "objects"
    """Of ``questions.FOLDERS``."""
    model: str = KINDS
    overrides: tuple[str, ...] = ()
    """Of all arms."""
    max_new_tokens: int = 110
    direct: bool = False
    """The base is asked in the direct form too."""

    def arm(self, name: str) -> Arm:
        """One of its arms."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def titles(self) -> dict[str, str]:
        """Of all systems, in order."""
        base = {BASE: "base"} | ({BASE_DIRECT: "base, direct"} if self.direct else {})
        return base | {arm.answers_as: arm.title for arm in self.arms}


@dataclass(frozen=True)
class Cell:
    """A row on a seed."""

    row: Row
    seed: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.row.name}-{self.seed}"


def _task(name: str, title: str, shots: int, minutes: float, tokens: int = 110, part: float = 1) -> Row:
    arms = tuple(replace(arm, part=part) for arm in (SFT, RFT, CONTROL))
    return Row(name, title, {name: shots}, arms, minutes, max_new_tokens=tokens, direct=True)


def _numbers(task: str, exact: str, folder: str, shots: int) -> Row:
    def rewarded(name: str, title: str, setting: str, *further: str) -> Arm:
        return Arm(name, title, (f"reward.setting={setting}", *further))

    arms = (
        rewarded("exact", "exact", exact),
        rewarded("mra", "MRA", "mra"),
        rewarded("snra", "SNRA", "snra"),
        rewarded("exact_ap", "exact, AP-GRPO", exact, AP_GRPO),
        rewarded("snra_ap", "SNRA, AP-GRPO", "snra", AP_GRPO),
    )
    return Row(f"{task}_rewards", task, {task: shots}, arms, 6, folder)


def _puzzle(name: str, title: str, minutes: float) -> Row:
    return Row(name, title, {name: 32}, (SFT, RFT), minutes, direct=True)


_UNPAID = ("reward.setting=paper", "reward.weights={confidence: 0}")
CONFIDENCE = Row(
    "confidence",
    "detection",
    {"detection": 4},
    (
        Arm("paper", "the paper's confidence reward", ("reward.setting=paper",), part=2 / 3),
        Arm("taught", "supervised confidence", (*_UNPAID, "grpo.confidence_weight=0.3"), part=2 / 3),
        Arm("unpaid", "neither", _UNPAID, part=2 / 3),
    ),
    7,
    "plain",
    MINIATURE,
    ("evaluation.score=expected",),
)
MIXED: Mapping[str, int] = {"counting": 6, "pointing": 6, "rotation_puzzle": 36}
"""Tasks that are learned at once, with as many questions each."""
SCALED = "pointing"
"""Whose rewards are ten times as large in some arms."""
NORMALISED = (
    Arm("none", "none", ("grpo.advantage=centered",)),
    Arm("group", "group", ("grpo.advantage=group_normalized",)),
    Arm("ema", "EMA", ("grpo.advantage=ema_normalized",)),
)
_TEN = f"tasks.{SCALED}.reward={{setting: recommended, weights: {{f1: 10, closeness: 10, format: 10}}}}"
SINGLE = "single"
_SINGLES = tuple(
    Arm(f"{SINGLE}_{task}", "three single runs", part=1 / len(MIXED), asks=(task,), system=SINGLE)
    for task in MIXED
)
MIXTURE = Row("mixture", "rewards as they are", MIXED, (*NORMALISED, *_SINGLES), 7)
SCALED_MIXTURE = Row(
    "mixture_scaled",
    f"the rewards of {SCALED} times 10",
    MIXED,
    tuple(replace(arm, overrides=(*arm.overrides, _TEN)) for arm in NORMALISED),
    5,
)


def _warm_up(task: str, title: str, shots: int, tokens: int = 110) -> Row:
    arms = (
        Arm("plain", "labels alone", part=4 / 3),
        Arm("warmed", "puzzles, then labels", warm_up=0.5, spends_as="plain"),
    )
    return Row(f"{task}_warm_up", title, {task: shots}, arms, 4, max_new_tokens=tokens)


def _selected(task: str, title: str, shots: int) -> Row:
    rules = {"pass_rate": "pass rate", "gaussian": "gaussian", "variance": "variance"}
    ruled = (
        Arm(rule, words, (f"tasks.0.data.select={rule}",), spends_as="plain") for rule, words in rules.items()
    )
    return Row(f"{task}_selection", title, {task: shots}, (Arm("plain", "all questions alike"), *ruled), 5)


LONGER = Row(
    "pointing_longer",
    "pointing",
    {"pointing": 6},
    (replace(SFT, part=3), replace(RFT, part=3)),
    7,
    direct=True,
)


TABLES: Mapping[str, tuple[Row, ...]] = {
    "tasks": (
        _task("counting", "counting", 6, 3),
        _task("pointing", "pointing", 6, 4),
        _task("multi_detection", "several categories", 32, 8, 160, part=2 / 3),
        _task("segmentation", "segmentation", 6, 6),
    ),
    "numbers": (
        _numbers("counting", "recommended", "objects", 6),
        _numbers("measuring", "accuracy", "distances", 32),
    ),
    "longer": (LONGER,),
    "puzzles": (
        _puzzle("rotation_puzzle", "rotation", 2.5),
        _puzzle("jigsaw", "jigsaw", 2.5),
        _puzzle("patch_fit", "patch fit", 5),
    ),
    "confidence": (CONFIDENCE,),
    "mixture": (MIXTURE, SCALED_MIXTURE),
    "warm_up": (_warm_up("counting", "counting", 6), _warm_up("pointing", "pointing", 6)),
    "selection": (_selected("counting", "counting", 16), _selected("pointing", "pointing", 16)),
}
"""Rows by table, in the order of their importance."""
ROWS: Mapping[str, Row] = {row.name: row for rows in TABLES.values() for row in rows}
CELLS: Mapping[str, Cell] = {
    cell.name: cell
    for rows in TABLES.values()
    for seed in SEEDS
    for row in rows
    for cell in (Cell(row, seed),)
}
"""Counted cells by name, in the order in which they run."""
DEVELOPMENTS: Mapping[str, Cell] = {
    cell.name: cell for row in ROWS.values() for cell in (Cell(row, DEVELOPMENT),)
}
"""Cells that set rates, likewise."""
