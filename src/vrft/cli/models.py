"""``vrft models``: which models can be trained, and which are at hand."""

from __future__ import annotations

from vrft.cli.options import WithJson
from vrft.cli.output import print_json, print_line


class ModelsArgs(WithJson):
    """List the model families that vrft trains, and the models that are on this machine."""

    examples = ("vrft models", "vrft fit photos --task detection --model Qwen/Qwen2.5-VL-3B-Instruct")


def run(args: ModelsArgs) -> None:
    """Print families and models."""
    from vrft.workflows.suggest import models_here

    found = models_here()
    if args.as_json:
        print_json(found)
        return
    print_line("Families, by the model_type of a model's config.json:")
    for name, says in found["families"].items():
        print_line(f"    {name}: {says}")
    print_line("On this machine:")
    for name, says in found["models"].items():
        print_line(f"    {name}: {says}")
    print_line(
        "Any folder or Hugging Face hub name of these families can be given as --model; a LoRA adapter too."
    )
