"""``vrft train`` and ``vrft sft``: one run from one file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from vrft.cli.options import WithCheck, WithQuiet, WithResume
from vrft.cli.output import print_line
from vrft.data.data_options import ReadOptions
from vrft.errors import Interrupted
from vrft.workflows.requests import LABELS, stated

if TYPE_CHECKING:
    from vrft.config.run_config import RunConfig
    from vrft.workflows.train import Trained


class TrainArgs(ReadOptions, WithCheck, WithResume, WithQuiet):
    """Run Visual-RFT from one configuration file."""

    positional = ("config", "overrides")
    examples: ClassVar[tuple[str, ...]] = (
        "vrft train miniature_detection",
        "vrft train mine.yaml optim.steps=50 out=runs/short",
        "vrft train mine.yaml --resume",
        "torchrun --nproc_per_node 4 -m vrft train mine.yaml",
    )
    groups: ClassVar = {"Labels": LABELS}
    config: Path = Field(description="A YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as optim.steps=50.")


class SftArgs(TrainArgs):
    """Run supervised fine-tuning from one configuration file; that of an RFT run will do.

    Then it has a folder of its own: that of the RFT run, with '-sft' at the end.
    """

    examples = ("vrft sft mine.yaml", "vrft sft mine.yaml out=runs/sft --resume")


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
    from vrft.workflows.train_config import train_config

    file = recipe_path(args.config)
    overrides = [*args.overrides, *(f"data.{key}={value}" for key, value in stated(args).items())]
    config = load_config(file, [f"method={method}", *overrides])
    context = init_distributed()
    reporter = reporter_for_people(args.quiet)
    if not any(override.partition("=")[0].strip() == "out" for override in overrides):
        out, says = _own_folder(file, config, load_config(file, overrides).method, args.resume)
        config = config.model_copy(update={"out": out})
        if says and context.is_first:
            reporter.info(says)
    trained = train_config(config, resume=args.resume, check=args.check, reporter=reporter, context=context)
    if not context.is_first:
        return
    if trained.stopped:
        raise Interrupted(f"Stopped after step {trained.steps}; nothing is lost. Continue with --resume.")
    print_line(f"{_best(trained)} Model: {config.out}/model")
    for name, value in trained.validations.items() if config.tasks else ():
        print_line(f"  {name}: validation {value:.3f}")
    for number, own in enumerate(config.by_source.values()):
        task = ["--task", own.task.name] if config.tasks else []
        words = shlex.join(["vrft", "eval", config.out, own.data.path, *task])
        print_line(f"{'      ' if number else 'Next: '}{words}")


def _own_folder(file: Path, config: RunConfig, method: str, resume: bool) -> tuple[str, str]:
    """Where a run goes whose folder is not named on the command line, and what is said of it.

    Args:
        file: the configuration's.
        config: for the method of the verb.
        method: that the file is for.
        resume: whether a run is to go on.
    """
    if config.method != method:
        out = f"{config.out}-{config.method}"
        return out, f"The configuration is that of an {method.upper()} run, so this one goes to {out}."
    if resume and file.name == "config.yaml" and (file.parent / "run.json").exists():
        return str(file.parent), ""  # the run itself, wherever it lies by now
    return config.out, ""


def _best(trained: Trained) -> str:
    if trained.validation is None:
        return f"Best step {trained.best_step}: the last one, as there was no validation."
    if trained.best_step == 0:
        return (
            f"Best step 0, validation {trained.validation:.3f}: no step was better than the start, so the "
            "model has the weights that training began with. Nothing was learned. More steps, another "
            "learning rate or more validation questions may help; 'vrft probe' says whether the rewards "
            "carry a signal."
        )
    return f"Best step {trained.best_step}, validation {trained.validation:.3f}."
