"""``vrft export``: a run as files of another trainer."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vrft.cli.options import WithJson, WithQuiet, one_process
from vrft.cli.output import print_json, print_line


class ExportArgs(WithJson, WithQuiet):
    """Write a run for another trainer: its questions with images, its rewards, and one ready command.

    Nothing is trained, and no weights are read.
    """

    positional = ("trainer", "config", "overrides")
    examples = (
        "vrft export verl mine.yaml --out mine-verl",
        "vrft export trl qwen25_vl_3b_lora_detection data.path=photos --out photos-trl",
    )
    trainer: str = Field(description="verl, trl, swift, easyr1 or openrlhf.")
    config: Path = Field(description="A YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as optim.steps=50.")
    out: Path = Field(description="A new or empty folder.")


def run(args: ExportArgs) -> None:
    """Export, then say what has no place there and how to start."""
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import load_config
    from vrft.progress import reporter_for_people
    from vrft.workflows.trainer_export.export_run import export_run

    one_process("export")
    config = load_config(recipe_path(args.config), args.overrides)
    found = export_run(config, args.trainer, args.out, reporter_for_people(args.quiet or args.as_json))
    if args.as_json:
        row = {"trainer": found.trainer, "folder": str(found.folder), "questions": dict(found.rows)}
        print_json({**row, "notes": list(found.notes)})
        return
    for sentence in found.notes:
        print_line(sentence)
    counts = ", ".join(f"{count} {part}" for part, count in found.rows.items())
    print_line(f"{counts} questions written for {found.trainer}: {found.folder.resolve()}")
    print_line(f"Next: bash {found.folder / 'run.sh'}")
