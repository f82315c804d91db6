"""One YAML file, one frozen tree: what is wrong is named by its key, nothing is guessed or lost."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vrft.config.old_keys import RENAMED, VALUES
from vrft.config.run_config import RunConfig, dump_config, load_config, make_config
from vrft.errors import ConfigError
from vrft.training.losses import Dapo, Grpo
from vrft.types import Form


def made(**tree):
    return make_config({"task": "detection", "data": {"path": "photos"}, **tree}, "my.yaml")


@pytest.fixture
def written(tmp_path):
    """Writes a YAML text and gives its path."""

    def write(text: str):
        path = tmp_path / "run.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        ({"stepz": 3}, "stepz"),
        ({"optim": {"stepz": 3}}, "optim.stepz"),
        ({"model": {"lora": {"ranks": 4}}}, "model.lora.ranks"),
    ],
)
def test_an_unknown_key_is_refused_by_its_dotted_name(tree, key):
    with pytest.raises(ConfigError) as refused:
        made(**tree)
    assert str(refused.value).startswith(f"my.yaml: {key}: ")


@pytest.mark.parametrize(
    ("tree", "near"),
    [
        ({"optim": {"stepz": 3}}, "optim.stepz: there is no such key. Did you mean 'steps'?"),
        (
            {"rollout": {"max_new_token": 3}},
            "rollout.max_new_token: there is no such key. Did you mean 'max_new_tokens'?",
        ),
        ({"modle": {}}, "modle: there is no such key. Did you mean 'model'?"),
        ({"model": {"lora": {"ranks": 4}}}, "model.lora.ranks: there is no such key. Did you mean 'rank'?"),
        ({"grpo": {"loss": "dapoo"}}, "grpo.loss: there is no 'dapoo'. Did you mean 'dapo'?"),
        (
            {"grpo": {"loss": {"name": "dapo", "clip": -1}}},
            "grpo.loss: dapo.clip: Input should be greater than 0",
        ),
        ({"grpo": {"loss": {"name": "sapo", "clip": 0.1}}}, "options of sapo: tau_positive, tau_negative"),
        ({"loggers": ["tensorbord"]}, "Did you mean 'tensorboard'?"),
    ],
)
def test_the_nearest_key_or_name_is_named(tree, near):
    with pytest.raises(ConfigError) as refused:
        made(**tree)
    assert near in str(refused.value)


@pytest.mark.parametrize("old", RENAMED)
def test_a_key_of_version_0_1_is_refused_with_its_new_name(old):
    *sections, leaf = old.split(".")
    tree = {leaf: 1}
    for section in reversed(sections):
        tree = {section: tree}
    with pytest.raises(ConfigError, match=r"written for vrft 0\.1") as refused:
        make_config({"task": "detection", "data": {"path": "photos"} | tree.pop("data", {}), **tree})
    assert f"'{old}' is called {RENAMED[old]} now" in str(refused.value)


@pytest.mark.parametrize(("key", "value"), VALUES)
def test_a_value_of_version_0_1_is_refused_with_its_new_name(key, value):
    section, leaf = key.split(".")
    with pytest.raises(ConfigError, match=r"written for vrft 0\.1") as refused:
        made(**{section: {leaf: value}})
    assert f"the value '{value}' of '{key}' is called {VALUES[key, value]} now" in str(refused.value)


def test_every_mistake_is_named_at_once():
    with pytest.raises(ConfigError) as refused:
        make_config({"optim": {"steps": 0, "epochs": 2}, "grpo": {"kl": {"estimator": "k4"}}})
    for key in ("task: ", "data: ", "optim.steps: ", "optim.epochs: ", "grpo.kl.estimator: "):
        assert key in str(refused.value)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("optim", "steps", 0),
        ("optim", "steps", 1.5),
        ("optim", "learning_rate", 0),
        ("optim", "learning_rate", math.nan),
        ("optim", "learning_rate", math.inf),
        ("optim", "max_grad_norm", math.inf),
        ("optim", "schedule", "step"),
        ("rollout", "group_size", 1),
        ("rollout", "temperature", 0),
        ("rollout", "top_p", 0),
        ("rollout", "top_p", 1.01),
        ("rollout", "top_k", -1),
        ("grpo", "kl", {"beta": -0.01}),
        ("grpo", "loss", {"name": "grpo", "clip": 0}),
        ("grpo", "advantage", "median"),
        ("data", "negatives", 1),
        ("data", "shots", 0),
        ("model", "max_pixels", 0),
        ("model", "lora", {"dropout": 1}),
        ("checks", "rollouts", "some"),
        ("reward", "weights", {"iou": math.nan}),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_key(section, key, value):
    tree = {"task": "detection", "data": {"path": "photos"}}
    tree.setdefault(section, {})[key] = value
    with pytest.raises(ConfigError, match=rf"{section}\.{key}"):
        make_config(tree)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("rollout", "group_size", 2),
        ("rollout", "top_p", 1),
        ("rollout", "top_k", 0),
        ("data", "negatives", 0),
        ("optim", "micro_prompts", 0),
        ("checks", "validate_every", 0),
    ],
)
def test_the_ends_of_a_range_are_allowed(section, key, value):
    tree = {"task": "detection", "data": {"path": "photos"}}
    tree.setdefault(section, {})[key] = value
    assert make_config(tree).model_dump()[section][key] == value


def test_overrides_are_read_as_yaml_and_go_before_the_file(written):
    path = written(
        "task: classification\ndata: {path: photos}\noptim: {steps: 9, learning_rate: 0.1}\n"
        "model: {lora: null}\n"
    )
    config = load_config(
        path,
        [
            "optim.steps=5",
            "optim.learning_rate=1e-5",
            "model.lora.rank=8",
            "form=direct",
            "task.open_naming=true",
            "grpo.loss=dapo",
            "grpo.loss.clip_high=0.28",
            "grpo.kl.beta=0",
            "reward.weights={accuracy: 2, format: 0.5}",
            "rollout.temperature=0.5",
            "rollout.temperature=0.7",
            "data.path=with=sign",
            "data.manifest=null",
        ],
    )
    assert config.optim.steps == 5
    assert config.optim.learning_rate == 1e-5
    assert config.model.lora is not None
    assert config.model.lora.rank == 8
    assert config.form is Form.DIRECT
    assert config.task.load().open_naming is True
    assert config.grpo.loss.edges == (0.8, 1.28)
    assert config.grpo.kl.beta == 0
    assert config.reward.weights == {"accuracy": 2.0, "format": 0.5}
    assert config.rollout.temperature == 0.7
    assert config.data.path == "with=sign"
    assert config.data.manifest is None


def test_an_override_can_take_a_section_away(written):
    path = written("task: detection\ndata: {path: photos}\nmodel: {lora: {rank: 4}}\n")
    assert load_config(path).model.lora is not None
    assert load_config(path, ["model.lora=null"]).model.lora is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.steps", "optim.steps"),
        ("optim.steps=many", "optim.steps"),
        ("optim.steps=0", "optim.steps"),
        ("optim.steps=", "optim.steps"),
        ("optim.steps=[1", "optim.steps"),
        ("optim.speed=3", "optim.speed"),
        ("seed.deeper=1", "'seed' is not a section"),
        ("optim=3", "optim"),
        ("=3", "run.yaml"),
    ],
)
def test_a_bad_override_is_refused(written, override, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written("seed: 1\ntask: detection\ndata: {path: photos}\n"), [override])


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "data: [unclosed", "just words"])
def test_a_file_that_holds_no_mapping_is_refused_by_name(written, text):
    path = written(text)
    with pytest.raises(ConfigError, match=r"run\.yaml"):
        load_config(path)


def test_a_missing_or_binary_file_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xd8\xff\xe0\x00")
    with pytest.raises(ConfigError, match=r"image\.yaml"):
        load_config(tmp_path / "image.yaml")


def test_a_configuration_cannot_be_changed():
    config = made(model={"lora": {}})
    for section, key in ((config, "seed"), (config.optim, "steps"), (config.model.lora, "rank")):
        before = getattr(section, key)
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, key, 1)
        assert getattr(section, key) == before


POSITIVE = st.floats(min_value=0, max_value=1e300, exclude_min=True)
TREES = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["detection", {"name": "classification", "subject": "plant"}]),
        "data": st.fixed_dictionaries({"path": st.text(), "negatives": st.floats(0, 1, exclude_max=True)}),
    },
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "out": st.text(),
        "method": st.sampled_from(["rft", "sft"]),
        "form": st.sampled_from(list(Form)),
        "grpo": st.fixed_dictionaries(
            {
                "loss": st.sampled_from(["gspo", {"name": "dapo", "clip_high": 0.28}, {"name": "grpo"}]),
                "advantage": st.sampled_from(["centered", {"name": "group_normalized", "std_floor": 0.1}]),
            }
        ),
        "loggers": st.sampled_from([[], "tensorboard", ["wandb"], [{"name": "wandb", "mode": "offline"}]]),
        "model": st.fixed_dictionaries(
            {}, optional={"lora": st.none() | st.fixed_dictionaries({"rank": st.integers(1, 512)})}
        ),
        "reward": st.fixed_dictionaries(
            {
                "weights": st.dictionaries(
                    st.sampled_from(["format", "length_cosine", "no_repetition"]),
                    st.floats(min_value=0, max_value=1e6),
                )
            }
        ),
        "optim": st.fixed_dictionaries({"learning_rate": POSITIVE, "steps": st.integers(1)}),
    },
)


@given(TREES)
def test_a_dumped_configuration_reads_back_equal(tree):
    config = make_config(tree)
    reread = make_config(yaml.safe_load(dump_config(config)))
    assert reread == config
    assert dump_config(reread) == dump_config(config)


def test_a_dumped_file_loads_equal(written):
    config = made(model={"lora": {"rank": 8}}, method="sft")
    assert load_config(written(dump_config(config))) == config


def test_options_alone_belong_to_the_default():
    assert made(grpo={"loss": {"clip": 0.3}}).grpo.loss == Grpo(clip=0.3)
    assert made(grpo={"loss": {"name": "dapo", "clip": 0.3}}).grpo.loss == Dapo(clip=0.3)
    with pytest.raises(ConfigError, match="a name was expected"):
        made(grpo={"loss": {}})


@pytest.mark.parametrize("number", [-1, True, 1.5, "some"])
def test_rollouts_are_all_none_or_a_number(number):
    with pytest.raises(ConfigError, match=r"checks\.rollouts"):
        made(checks={"rollouts": number})
    assert made(checks={"rollouts": 0}).checks.rollouts == 0


def test_a_key_that_is_there_twice_is_refused(written):
    path = written("task: detection\ndata: {path: x}\noptim: {steps: 3}\noptim: {steps: 4}\n")
    with pytest.raises(ConfigError, match="'optim' is there twice"):
        load_config(path)


def test_a_tasks_file_is_found_from_other_folders_too(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("TASK = None\n")
    monkeypatch.chdir(tmp_path)
    assert made(task="mine.py").task.name == str(tmp_path / "mine.py")
    assert made(task={"name": "mine.py:TASK", "subject": "leaf"}).task.name == f"{tmp_path / 'mine.py'}:TASK"
    assert made(task="not_there.py").task.name == "not_there.py"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from([*RunConfig.model_fields, "steps", "path", "lora", "rank"]) | st.text(max_size=5)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS | st.integers(), ANYTHING, max_size=5))
def test_any_tree_is_either_refused_or_a_configuration(tree):
    try:
        config = make_config(tree)
    except ConfigError:
        return
    assert config.data.path == tree["data"]["path"]


def test_the_schema_is_json_and_knows_every_section():
    schema = json.loads(json.dumps(RunConfig.model_json_schema()))
    assert set(schema["properties"]) == set(RunConfig.model_fields)
