"""The shipped configurations: differences from the defaults, with the settings that the paper and its
release state."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from vrft.config import recipes
from vrft.config.recipes import recipe_names, recipe_path
from vrft.config.run_config import RunConfig, config_schema, dump_config, load_config, make_config
from vrft.errors import ConfigError
from vrft.models.families import FAMILIES
from vrft.tasks.classification.classification import ASPECTS
from vrft.workflows.demo import DEMO_TASKS, EVAL_MAX
from vrft.workflows.fit_settings import MINIATURE_RECIPE, FitSettings

NAMES = recipe_names()
PAPER = [name for name in NAMES if name.startswith("table")]
FOLDER = Path(recipes.__file__).parent
README = (FOLDER / "README.md").read_text("utf-8")


def read(name):
    return load_config(recipe_path(Path(name)))


def leaves(tree, above=""):
    """Dotted names of all leaves; an empty mapping is one."""
    found = set()
    for key, value in tree.items():
        inner = isinstance(value, dict) and value
        found |= leaves(value, f"{above}{key}.") if inner else {f"{above}{key}"}
    return found


def test_every_table_that_trains_has_its_recipes():
    expected = sorted(
        [
            *(f"table2_{data}_2b" for data in ("flowers102", "pets37", "fgvc_aircraft", "stanford_cars")),
            *(f"table3_coco_few_shot_{size}" for size in ("2b", "7b")),
            *(f"table4_lvis_few_shot_{size}" for size in ("2b", "7b")),
            "table5_mg_2b",
            *(f"table6_lisa_{size}" for size in ("2b", "7b")),
            *(f"table7_coco_open_vocabulary_{size}" for size in ("2b", "7b")),
        ]
    )
    assert expected == PAPER


NAMED = {"task", "out", "data.path", "model.path", "data.negatives"}
"""What a reader wants to see even where it is the default."""


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_holds_only_what_differs_from_the_defaults(name):
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    bare = RunConfig.model_validate({"task": written["task"], "data": {"path": "x"}}).model_dump(mode="json")
    full = read(name).model_dump(mode="json")
    for key in leaves(written):
        given, default = full, bare
        for part in key.split("."):
            given = given.get(part) if isinstance(given, dict) else None
            default = default.get(part) if isinstance(default, dict) else None
        assert given != default or key in NAMED or key.startswith(("task.", "model.lora")), key


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_reads_back_equal_from_its_dump(name):
    config = read(name)
    assert make_config(yaml.safe_load(dump_config(config))) == config


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_asks_only_for_what_there_is(name):
    config = read(name)
    task = config.task.load()
    assert task.name == config.task.name
    assert config.reward.setting in task.settings
    assert set(config.reward.weights) <= set(task.settings[config.reward.setting])
    assert config.optim.micro_prompts <= config.optim.prompts_per_step
    assert not Path(config.data.path).is_absolute()
    assert config.out == f"runs/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_is_and_what_its_data_must_be(name):
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    assert text.startswith("# ")
    assert re.search(r"^data:\n(  # .+\n)+  path: ", text, re.MULTILINE)
    assert all(len(line) <= 110 for line in text.splitlines())


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_settings(name):
    config = read(name)
    assert config.method == "rft"
    assert config.model.train_vision
    assert config.model.lora is None
    assert config.model.min_pixels == 4 * 28 * 28
    assert config.model.max_pixels == 512 * 28 * 28
    assert config.form == "think"
    assert config.data.negatives == 0
    rollout = config.rollout
    assert (rollout.temperature, rollout.top_k, rollout.top_p) == (1.0, 50, 1.0)
    assert rollout.max_new_tokens == 256
    assert rollout.group_size == (4 if name == "table7_coco_open_vocabulary_7b" else 8)
    assert (config.reward.setting, config.reward.weights) == ("paper", {})
    grpo = config.grpo
    assert not grpo.shuffle_rewards
    plain = grpo.model_dump(mode="json")
    assert (plain["advantage"], plain["loss"]) == ("group_normalized", "grpo")
    assert (grpo.kl.estimator, grpo.kl.beta, grpo.loss.edges) == ("k3", 0.04, (0.8, 1.2))
    optim = config.optim
    assert (optim.learning_rate, optim.schedule, optim.warmup_steps) == (1e-6, "linear", 0)
    assert (optim.weight_decay, optim.max_grad_norm) == (0.0, 1.0)
    assert optim.prompts_per_step == 8 * 1 * 2
    assert config.checks.validate_every == 0


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_steps_shots_tasks_and_models(name):
    config = read(name)
    table, size = int(name[5]), name[-2:]
    assert config.model.path == {"2b": "Qwen/Qwen2-VL-2B-Instruct", "7b": "Qwen/Qwen2-VL-7B-Instruct"}[size]
    assert config.optim.steps == {2: 200, 3: 200, 4: 200, 5: 200, 6: 500, 7: 750}[table]
    assert config.data.shots == {2: 4, 3: 4, 4: 10, 5: 4, 6: 239, 7: 92}[table]
    assert config.task.name == {2: "classification", 6: "grounding"}.get(table, "detection")


@pytest.mark.parametrize(
    ("data", "subject"),
    [("flowers102", "plant"), ("pets37", "pet"), ("fgvc_aircraft", "aircraft"), ("stanford_cars", "car")],
)
def test_classification_asks_as_the_paper_does(data, subject):
    task = read(f"table2_{data}_2b").task.load()
    assert task.subject == subject
    assert subject in ASPECTS
    assert task.open_naming


def test_the_miniatures_recipe_is_what_the_demo_trains():
    config = read("miniature_detection")
    assert config.optim.learning_rate in MINIATURE_RECIPE.rft_rates
    data = Path(config.data.path)
    settings = FitSettings(
        data, "detection", shots=DEMO_TASKS["detection"].shots, seed=config.seed, eval_max=EVAL_MAX
    )
    trial = settings.trial(
        "rft",
        rate=config.optim.learning_rate,
        out=Path(config.out),
        form=config.form,
        manifest=Path("manifest.json"),
        model="miniature",
    )
    # The demo splits once for all its trials and hands the split over; alone, the same draw is made anew. Its
    # runs are used from other folders too, so they know the whole path.
    assert Path(trial.data.path) == data.resolve()
    data_alone = trial.data.model_copy(update={"manifest": None, "path": str(data)})
    assert config == trial.model_copy(update={"data": data_alone})


@pytest.mark.parametrize(
    ("name", "model", "family"),
    [
        ("qwen25_vl_3b_lora_detection", "Qwen/Qwen2.5-VL-3B-Instruct", "qwen2_5_vl"),
        ("qwen3_vl_4b_lora_detection", "Qwen/Qwen3-VL-4B-Instruct", "qwen3_vl"),
        ("qwen25_vl_7b_4bit_lora_detection", "Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_5_vl"),
    ],
)
def test_the_lora_recipes(name, model, family):
    config = read(name)
    assert config.model.path == model
    assert family in FAMILIES
    assert config.model.lora is not None
    assert config.model.lora.rank is None  # 16, or that of an adapter that goes on
    assert not config.model.train_vision
    assert config.model.max_pixels == 401408
    assert config.optim.learning_rate == 1e-5
    assert config.data.negatives > 0


def test_every_recipe_is_in_the_table_of_recipes():
    table = README.split("\n## ")[0]
    for name in NAMES:
        family = f"`{name[:-3]}_2b`, `_7b`" if name.removesuffix("_7b") + "_2b" in NAMES else ""
        assert f"`{name}`" in table or (name.endswith("_7b") and family in table), name
    listed = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    assert listed <= set(NAMES)


def test_a_name_means_the_shipped_recipe_with_and_without_suffix():
    for argument in ("table5_mg_2b", "table5_mg_2b.yaml"):
        assert recipe_path(Path(argument)) == FOLDER / "table5_mg_2b.yaml"


def test_an_existing_file_goes_before_a_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = Path("table5_mg_2b.yaml")
    own.write_text("task: detection\ndata: {path: mine}\n")
    assert load_config(recipe_path(own)).data.path == "mine"
    (tmp_path / "table5_mg_2b").mkdir()
    assert recipe_path(Path("table5_mg_2b")).parent == FOLDER


@pytest.mark.parametrize(
    "argument", ["table9", "elsewhere/table5_mg_2b.yaml", "../recipes/table5_mg_2b", "."]
)
def test_a_name_of_nothing_is_refused_with_what_there_is(argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        recipe_path(Path(argument))
    assert argument in str(refused.value)
    assert all(name in str(refused.value) for name in NAMES)


def test_editors_find_the_schema_of_a_recipe_and_it_is_the_one_of_today():
    folder = recipe_path(Path(recipe_names()[0])).parent
    assert json.loads((folder / "schema.json").read_text("utf-8")) == config_schema(), (
        "Run: vrft config schema > src/vrft/config/recipes/schema.json"
    )
    for name in recipe_names():
        first = recipe_path(Path(name)).read_text("utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=schema.json", name
