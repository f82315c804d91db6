"""``vrft train`` and ``vrft sft``: one run from one file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from vrft.cli.options import WithQuiet, WithResume
from vrft.cli.output import print_line
from vrft.data.data_options import ReadOptions
from vrft.errors import Interrupted


class TrainArgs(WithResume, WithQuiet):
    """Run Visual-RFT from one configuration file."""

    positional = ("config", "overrides")
    examples: ClassVar[tuple[str, ...]] = (
        "vrft train miniature_detection",
        "vrft train mine.yaml optim.steps=50 out=runs/short",
        "vrft train mine.yaml --resume",
        "torchrun --nproc_per_node 4 -m vrft train mine.yaml",
    )
    config: Path = Field(description="A YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as optim.steps=50.")
    strict: bool = Field(False, description=ReadOptions.model_fields["strict"].description)


class SftArgs(TrainArgs):
    """Run supervised fine-tuning from one configuration file; that of an RFT run will do."""

    examples = ("vrft sft mine.yaml out=runs/sft", "vrft sft mine.yaml out=runs/sft --resume")


def run(args: TrainArgs) -> None:
    """Reinforcement fine-tuning."""
    _train(args, "rft")


def run_sft(args: SftArgs) -> None:
    """Supervised fine-tuning."""
    _train(args, "sft")


def _train(args: TrainArgs, method: str) -> None:
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import load_config
    from vrft.distributed import init_distributed
    from vrft.progress import reporter_for_people
    from vrft.workflows.train import train_config

    strict = ["data.strict=true"] if args.strict else []
    config = load_config(recipe_path(args.config), [f"method={method}", *args.overrides, *strict])
    context = init_distributed()
    reporter = reporter_for_people(args.quiet)
    trained = train_config(config, resume=args.resume, reporter=reporter, context=context)
    if not context.is_first:
        return
    if trained.stopped:
        raise Interrupted(f"Stopped after step {trained.steps}; nothing is lost. Continue with --resume.")
    if trained.validation is not None:
        best = f"Best step {trained.best_step}, validation {trained.validation:.3f}."
    else:
        best = f"Best step {trained.best_step}: the last one, as there was no validation."
    print_line(f"{best} Model: {config.out}/model")
    print_line(f"Next: {shlex.join(['vrft', 'eval', config.out, config.data.path])}")
