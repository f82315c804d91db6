"""Studies beside the main table, one command each; one JSON file a point, found again when it is there.

A point is some training questions, a model and some systems; its file has the same numbers as a cell's. The
study of data is of few-shot detection; the others may be of any setting, at its reference number of shots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mini.attempts import attempts
from mini.bench import Bench
from mini.cell import Cell
from mini.difficulty import thirds
from mini.effort import Effort
from mini.points import Picked, Point
from mini.settings import SETTINGS
from mini.systems import DESCRIBED, System, rft, twins
from vrft.errors import InputError
from vrft.types import Example, Form

SETTING = "detection"
"""Where no other is named."""
SEEDS = range(3)
DIFFICULTY_SHOTS = 16
MOST_PICTURES = 2000
DATA_SHOTS = (1, 2, 4, 8, 16, 32, 64, 128, 580)
"""Of SFT, a class; 580 of six categories are nearly all of 2,000 pictures."""
DATA_STEPS = 260
"""Of SFT from so many pictures: 4,160 places for at most some 4,100 questions about them."""
GROUP_SIZES = (2, 4, 8, 16)
BETAS = (0.0, 0.01, 0.04, 0.16)
RATES = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 4e-4)


def data(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """At how many pictures does SFT catch up with RFT of few, in few-shot detection?

    RFT of few shots stands in the main table, with the same held-out questions.
    """
    longer = replace(effort, steps=max(effort.steps, DATA_STEPS), every=max(effort.every, DATA_STEPS // 4))
    long = effort if effort.tries_code else longer
    for seed in SEEDS:
        for shots in DATA_SHOTS:
            cell = Cell(SETTING, shots, seed)
            x = {"system": "sft", "shots": shots}
            yield Point("data", f"sft-{shots}-{seed}", cell, long, _sft, x, train=MOST_PICTURES)


def size(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """Miniatures of other widths; the shipped one stands in the main table.

    Raises:
        InputError: no second model was named.
    """
    if not models:
        raise InputError(
            "The study needs a second miniature. Train one of another width with "
            "'python -m vrft.miniature.pretrain OUT --width 128': --study size --models OUT/model."
        )
    for model in models:
        for seed in SEEDS:
            cell, name = Cell(setting, SETTINGS[setting].reference, seed), Path(model).name
            own = replace(effort, model=model)
            yield Point("size", f"{setting}-{name}-{seed}", cell, own, _both, {"model": name})


def difficulty(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """RFT and SFT from the hard, middle and easy third of 16 shots, by the base policy's successes."""
    for part in ("hard", "middle", "easy"):
        for seed in SEEDS:
            cell, name = Cell(setting, DIFFICULTY_SHOTS, seed), f"{setting}-{part}-{seed}"
            yield Point("difficulty", name, cell, effort, _both, {"part": part}, _third(part))


def sensitivity(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """RFT at other group sizes, KL weights and learning rates, one trial each, seed 0."""
    cell = Cell(setting, SETTINGS[setting].reference, 0)
    for group in GROUP_SIZES:
        for rate in RATES:
            own = replace(effort, group=group, rft_rates=(rate,))
            x = {"group": group, "rate": rate, "beta": effort.beta}
            yield Point("sensitivity", f"{setting}-group-{group}-rate-{rate:.0e}", cell, own, _rft, x)
    for beta in (b for b in BETAS if b != effort.beta):
        for rate in RATES:
            own = replace(effort, beta=beta, rft_rates=(rate,))
            x = {"group": effort.group, "rate": rate, "beta": beta}
            yield Point("sensitivity", f"{setting}-beta-{beta}-rate-{rate:.0e}", cell, own, _rft, x)


def twin(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """Supervised fine-tuning as the paper's authors described it, beside the twin that was tuned.

    What they told readers of their code: LoRA, 200 steps, 100 of them warming up, where RFT trained all
    weights. Rank 8, the rate of 1e-4 and the cosine are the examples' of the tool that they named (LLaMA
    Factory), since the paper gives none. Nothing is chosen on validation, and the last step counts.
    """
    for seed in SEEDS:
        cell = Cell(setting, SETTINGS[setting].reference, seed)
        yield Point("twin", f"{setting}-{seed}", cell, effort, _described, {"system": DESCRIBED})


STUDIES: Mapping[str, Callable[[Effort, Sequence[str], str], Iterator[Point]]] = {
    "data": data,
    "size": size,
    "difficulty": difficulty,
    "sensitivity": sensitivity,
    "attempts": attempts,
    "twin": twin,
}
"""Points of each study, by its name."""


def _rft(bench: Bench) -> list[System]:
    return [rft(bench.effort, bench.form)]


def _sft(bench: Bench) -> list[System]:
    return [replace(twins(bench.effort, bench.form)[0], name="sft")]


def _described(bench: Bench) -> list[System]:
    steps, warmup = (2, 1) if bench.effort.tries_code else (200, 100)
    changes = (
        "model.lora={rank: 8, alpha: 16}",
        "optim.schedule=cosine",
        f"optim.warmup_steps={warmup}",
    )
    return [System(DESCRIBED, "sft", Form.DIRECT, (1e-4,), steps, 0, overrides=changes)]


def _both(bench: Bench) -> list[System]:
    return [*_sft(bench), *_rft(bench)]


def _third(part: str) -> Picked:
    def picked(bench: Bench) -> list[Example]:
        names = set(thirds(bench.shares)[part])
        return [e for e in bench.split.train if e.id in names]

    return picked
