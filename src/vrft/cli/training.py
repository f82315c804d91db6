"""``vrft train``, ``vrft sft`` and ``vrft probe``: one run from one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vrft.cli.common import JsonFlag, ResumeFlag, one_process, out
from vrft.errors import Interrupted


def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, or a shipped recipe's name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, as in optim.steps=50.")] = None,
    resume: ResumeFlag = False,
) -> None:
    """Run Visual-RFT from one configuration file."""
    _train(config, ["kind=rft", *(overrides or [])], resume)


def sft(
    config: Annotated[Path, typer.Argument(help="A YAML file or recipe; the one of the RFT run serves.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, as in optim.steps=50.")] = None,
    resume: ResumeFlag = False,
) -> None:
    """Run supervised fine-tuning from one configuration file."""
    _train(config, ["kind=sft", *(overrides or [])], resume)


def _train(path: Path, overrides: list[str], resume: bool) -> None:
    from vrft.commands.voice import Voice
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import load_config
    from vrft.distributed import launched
    from vrft.run_folder import RunFolder
    from vrft.training.run_questions import pseudo_of, questions_of
    from vrft.training.train import train_run

    config = load_config(recipe_path(path), overrides)
    share = launched()
    voice = Voice(quiet=not share.is_first)
    with share.first_goes_first():  # what it finds of the pictures is kept on disk
        questions = questions_of(config, voice)
        pseudo = pseudo_of(config, questions, voice)
    last = 0
    with voice.stage(config.kind.upper(), config.optim.steps) as advance:

        def progress(step: int, steps: int, row: dict[str, Any]) -> None:
            nonlocal last
            advance(
                step - last, f"reward {row['reward']:.2f}" if "reward" in row else f"loss {row['loss']:.2f}"
            )
            last = step

        split = questions.split
        folder = RunFolder(Path(config.out))
        trained = train_run(
            config,
            folder,
            split.train,
            split.val,
            pseudo=pseudo,
            resume=resume,
            progress=progress,
            share=share,
        )
    if not share.is_first:
        return
    if trained.stopped:
        raise Interrupted(f"Stopped after step {trained.steps}; nothing is lost. Go on with --resume.")
    out.print(f"Best step {trained.best_step}, validation {trained.validation}. Model: {config.out}/model")


def probe(
    config: Annotated[Path, typer.Argument(help="A YAML file, or a shipped recipe's name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, as in data.shots=8.")] = None,
    samples: Annotated[
        int | None, typer.Option(min=2, help="Answers to each question; 32, or the group size.")
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="Training questions at most.")] = 16,
    temperatures: Annotated[
        str, typer.Option(help="Compared on a few questions; '' leaves that out.")
    ] = "0.7,1.0,1.3",
    output: Annotated[Path | None, typer.Option("--out", help="Folder of probe.json; the run's own.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Sample from the policy before training: will it learn, and what should be changed?"""
    from vrft.commands.probe import print_probe, run_probe
    from vrft.commands.voice import Voice

    one_process("probe")
    found = run_probe(config, overrides or [], samples, questions, temperatures, output, Voice(as_json))
    if as_json:
        typer.echo(json.dumps(found.row(), indent=1, allow_nan=False))
    else:
        print_probe(found, out)
