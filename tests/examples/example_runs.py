"""What the tests of examples share: where they are, and a short training run on the miniature."""

from __future__ import annotations

from pathlib import Path

from vrft.config.questions import questions_of
from vrft.config.run_config import make_config
from vrft.run_folder import RunFolder
from vrft.types import Image
from vrft.workflows.train import Trained, train_run

EXAMPLES = Path(__file__).parents[2] / "examples"


def any_image(folder: Path) -> Image:
    return Image(sorted(folder.rglob("*.png"))[0], (100, 100))


def two_steps(data: Path, out: Path, **changed) -> tuple[Trained, list[dict]]:
    """A run of two steps, and what each of them logged; sections of the configuration may be given."""
    usual = {
        "task": "detection",
        "form": "direct",
        "data": {"path": str(data)},
        "model": {"device": "cpu"},
        "rollout": {"group_size": 2, "max_new_tokens": 30},
        "optim": {"steps": 2, "prompts_per_step": 2, "learning_rate": 1e-4},
        "checks": {"validate_every": 0},
    }
    sections = {
        key: {**value, **changed.pop(key)} if key in changed and isinstance(value, dict) else value
        for key, value in usual.items()
    }
    config = make_config({**sections, **changed, "out": str(out)})
    rows: list[dict] = []
    train = questions_of(config).split.train
    done = train_run(config, RunFolder(out), train, [], progress=lambda step, of, row: rows.append(row))
    return done, rows
