"""``vrft config``: what a configuration comes to, defaults included, and what it may hold."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from pydantic import Field

from vrft.cli.options import Args, Verbs, verb


class ShowArgs(Args):
    """Print the resolved configuration as YAML: every key, with its default where none was given."""

    positional = ("config", "overrides")
    examples = (
        "vrft config show miniature_detection",
        "vrft config show qwen25_vl_3b_lora_detection data.path=photos > mine.yaml",
    )
    config: Path = Field(description="A YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as optim.steps=50.")


class SchemaArgs(Args):
    """Print the JSON Schema of a configuration, by which editors complete and check YAML files.

    A file names its schema in its first line: # yaml-language-server: $schema=vrft.schema.json
    """

    examples = ("vrft config schema > vrft.schema.json",)


def show(args: ShowArgs) -> None:
    """Print a configuration."""
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import dump_config, load_config

    typer.echo(dump_config(load_config(recipe_path(args.config), args.overrides)), nl=False)


def schema(args: SchemaArgs) -> None:
    """Print the schema."""
    from vrft.config.run_config import config_schema

    typer.echo(json.dumps(config_schema(), indent=1))


config_app = typer.Typer(
    cls=Verbs, no_args_is_help=True, rich_markup_mode=None, help="Show a configuration, or what it may hold."
)
verb(config_app, "show", ShowArgs, run=show)
verb(config_app, "schema", SchemaArgs, run=schema)
