"""``vrft config show``: what a configuration comes to, defaults included."""

from __future__ import annotations

from pathlib import Path

import typer
from pydantic import Field

from vrft.cli.options import Args, command


class ShowArgs(Args):
    """Print the resolved configuration as YAML: every key, with its default where none was given."""

    positional = ("config", "overrides")
    config: Path = Field(description="A YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as optim.steps=50.")


def show(args: ShowArgs) -> None:
    """Print a configuration."""
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import dump_config, load_config

    typer.echo(dump_config(load_config(recipe_path(args.config), args.overrides)), nl=False)


config_app = typer.Typer(no_args_is_help=True, help="Look at configurations.")
config_app.command("show")(command(ShowArgs, show))


@config_app.callback()
def _group() -> None:
    """Keeps 'show' a command of its own."""
