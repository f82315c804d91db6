"""From an arguments model to a command: names, values, help, and what the user did not say."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
import typer
import yaml
from pydantic import Field
from typer.testing import CliRunner

from vrft import cli
from vrft.cli.options import WithJson, command
from vrft.config.recipes import recipe_names
from vrft.config.run_config import make_config
from vrft.errors import ConfigError, InputError
from vrft.tasks.registry import task_names
from vrft.types import Form
from vrft.workflows.requests import Names, Numbers


class Args(WithJson):
    """Do one thing."""

    positional = ("place", "words")
    place: Path = Field(description="Where.")
    words: tuple[str, ...] = Field(min_length=1, description="What.")
    form: Form | None = Field(None, description="How.")
    part: Literal["all", "half"] | None = Field(None, description="How much.")
    count: int = Field(3, ge=1, description="How often.")
    scales: Numbers = Field((0.5,), description="How large.")
    names: Names = Field((), description="Who.")
    files: tuple[Path, ...] = Field((), description="From where.")
    flip: bool = Field(False, description="Whether.")
    near: bool = Field(True, description="Whether not.")
    out: Path | None = Field(None, description="Where to.")


def said(*arguments):
    """What the verb is given."""
    given = []
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command(Args, given.append))
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return given[0] if given else result.output


def test_what_the_user_leaves_out_has_its_default_and_is_known_as_left_out():
    args = said("here", "a", "b")
    assert args == Args(place=Path("here"), words=("a", "b"))
    assert args.model_fields_set == {"place", "words"}
    assert (args.count, args.scales, args.near, args.as_json) == (3, (0.5,), True, False)


def test_values_of_every_kind_are_read():
    options = [
        "--form",
        "direct",
        "--part",
        "half",
        "--count",
        "2",
        "--scales",
        "0.75, 1.5",
        "--names",
        "a b,c",
    ]
    flags = ["--files", "x", "--files", "y", "--flip", "--no-near", "--out", "there", "--json"]
    args = said("here", "a", *options, *flags)
    assert (args.form, args.part, args.count, args.scales) == (Form.DIRECT, "half", 2, (0.75, 1.5))
    assert (args.names, args.files) == (("a b", "c"), (Path("x"), Path("y")))
    assert (args.flip, args.near, args.out, args.as_json) == (True, False, Path("there"), True)
    assert said("here", "a", "--scales", "").scales == ()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--scales", "big"), r"--scales 'big': write numbers as in 0\.75,1\.25\."),
        (("--part", "most"), "--part 'most'.*'all' or 'half'"),
        (("--count", "0"), "--count '0'.*greater than or equal to 1"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_option(arguments, says):
    with pytest.raises(InputError, match=says):
        said("here", "a", *arguments)


def test_the_help_has_every_option_the_common_ones_last():
    shown = said("--help")
    assert "Do one thing." in shown
    places = [shown.index(name) for name in ("How often.", "Whether not.", "Where to.", "--json")]
    assert places == sorted(places)


def test_every_option_of_every_verb_can_be_understood_alone():
    modules = [value for value in vars(cli).values() if isinstance(value, ModuleType)]
    models = {v for m in modules for name, v in vars(m).items() if name.endswith("Args") and name != "Args"}
    groups = [group.typer_instance for group in cli.app.registered_groups]
    assert len(models) == sum(len(one.registered_commands) for one in (cli.app, *groups)) >= 12
    for model in models:
        assert model.__doc__ and model.__doc__[0].isupper()
        for name, field in model.model_fields.items():
            words = field.description or field.metadata[0].help
            assert words and words.endswith("."), (model.__name__, name)


def run(*arguments):
    result = CliRunner().invoke(cli.app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_config_show_prints_what_a_recipe_and_overrides_come_to(tmp_path):
    name = recipe_names()[0]
    whole = yaml.safe_load(run("config", "show", name, "optim.steps=7", "rollout.temperature=0.5"))
    assert (whole["optim"]["steps"], whole["rollout"]["temperature"]) == (7, 0.5)
    assert make_config(whole).optim.steps == 7
    few = tmp_path / "few.yaml"
    few.write_text("task: detection\ndata: {path: photos}\n")
    shown = yaml.safe_load(run("config", "show", str(few)))
    assert {"model", "rollout", "reward", "grpo", "optim", "checks"} <= shown.keys()
    with pytest.raises(ConfigError, match=r"optim\.stepz"):
        run("config", "show", str(few), "optim.stepz=7")
    few.write_text("task: detection\ndata: {path: photos}\nprompt: {form: direct}\n")
    with pytest.raises(ConfigError, match="form"):
        run("config", "show", str(few))


def test_tasks_are_listed_with_what_they_take():
    listed = json.loads(run("tasks", "--json"))
    assert {"classification", "detection", "grounding"} <= listed.keys() == set(task_names())
    assert listed["classification"]["options"] == ["subject", "open_naming"]
    assert "recommended" in listed["detection"]["reward settings"]
    shown = run("tasks")
    assert all(f"{name}: {row['help']}" in shown for name, row in listed.items())
