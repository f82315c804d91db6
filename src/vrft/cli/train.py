"""``vrft train`` and ``vrft sft``: one run from one file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vrft.cli.options import WithResume
from vrft.cli.output import print_line
from vrft.errors import Interrupted


class TrainArgs(WithResume):
    """Run Visual-RFT from one configuration file."""

    positional = ("config", "overrides")
    config: Path = Field(description="A YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as optim.steps=50.")


class SftArgs(TrainArgs):
    """Run supervised fine-tuning from one configuration file; that of an RFT run will do."""


def run(args: TrainArgs) -> None:
    """Reinforcement fine-tuning."""
    _train(args, "rft")


def run_sft(args: SftArgs) -> None:
    """Supervised fine-tuning."""
    _train(args, "sft")


def _train(args: TrainArgs, method: str) -> None:
    from vrft.cli.output import RichReporter
    from vrft.config.questions import pseudo_of, questions_of
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import load_config
    from vrft.distributed import init_distributed
    from vrft.run_folder import RunFolder
    from vrft.workflows.train import shown_by, train_run

    config = load_config(recipe_path(args.config), [f"method={method}", *args.overrides])
    context = init_distributed()
    reporter = RichReporter(quiet=not context.is_first)
    with context.first_goes_first():  # what it finds of the images is kept on disk
        questions = questions_of(config, reporter)
        pseudo = pseudo_of(config, questions, reporter)
    with reporter.task(method.upper(), config.optim.steps) as update:
        trained = train_run(
            config,
            RunFolder(Path(config.out)),
            questions.split.train,
            questions.split.val,
            pseudo=pseudo,
            resume=args.resume,
            progress=shown_by(update),
            context=context,
        )
    if not context.is_first:
        return
    if trained.stopped:
        raise Interrupted(f"Stopped after step {trained.steps}; nothing is lost. Go on with --resume.")
    print_line(f"Best step {trained.best_step}, validation {trained.validation}. Model: {config.out}/model")
