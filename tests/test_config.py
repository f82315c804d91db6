"""One YAML file, one frozen tree: what is wrong is named by its key, nothing is guessed or lost."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vrft.config.run_config import RunConfig, dump_config, load_config, make_config
from vrft.errors import ConfigError
from vrft.types import Form


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
        make_config({"data": {"path": "photos"}, **tree}, "my.yaml")
    assert str(refused.value).startswith(f"my.yaml: {key}: ")


def test_every_mistake_is_named_at_once():
    with pytest.raises(ConfigError) as refused:
        make_config({"optim": {"steps": 0, "epochs": 2}, "grpo": {"kl": "k4"}})
    for key in ("data: ", "optim.steps: ", "optim.epochs: ", "grpo.kl: "):
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
        ("grpo", "beta", -0.01),
        ("grpo", "clip", 0),
        ("data", "negatives", 1),
        ("data", "shots", 0),
        ("model", "max_pixels", 0),
        ("model", "lora", {"dropout": 1}),
        ("prompt", "form", "haiku"),
        ("reward", "weights", {"iou": math.nan}),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_key(section, key, value):
    tree = {"data": {"path": "photos"}}
    tree.setdefault(section, {})[key] = value
    with pytest.raises(ConfigError, match=rf"{section}\.{key}"):
        make_config(tree)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("rollout", "group_size", 2),
        ("rollout", "top_p", 1),
        ("rollout", "top_k", 0),
        ("grpo", "beta", 0),
        ("data", "negatives", 0),
        ("optim", "micro_prompts", 0),
        ("checks", "validate_every", 0),
    ],
)
def test_the_ends_of_a_range_are_allowed(section, key, value):
    tree = {"data": {"path": "photos"}}
    tree.setdefault(section, {})[key] = value
    assert make_config(tree).model_dump()[section][key] == value


def test_overrides_are_read_as_yaml_and_go_before_the_file(written):
    path = written("data: {path: photos}\noptim: {steps: 9, learning_rate: 0.1}\nmodel: {lora: null}\n")
    config = load_config(
        path,
        [
            "optim.steps=5",
            "optim.learning_rate=1e-5",
            "model.lora.rank=8",
            "prompt.form=direct",
            "prompt.open=true",
            "reward.weights={iou: 2, format: 0.5}",
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
    assert config.prompt.form is Form.DIRECT
    assert config.prompt.open is True
    assert config.reward.weights == {"iou": 2.0, "format": 0.5}
    assert config.rollout.temperature == 0.7
    assert config.data.path == "with=sign"
    assert config.data.manifest is None


def test_an_override_can_take_a_section_away(written):
    path = written("data: {path: photos}\nmodel: {lora: {rank: 4}}\n")
    assert load_config(path).model.lora is not None
    assert load_config(path, ["model.lora=null"]).model.lora is None


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("optim.steps", "optim.steps"),
        ("optim.steps=many", "optim.steps"),
        ("optim.steps=0", "optim.steps"),
        ("optim.steps=", "optim.steps"),
        ("optim.steps=[1", "optim.steps"),
        ("optim.speed=3", "optim.speed"),
        ("seed.deeper=1", "'seed' is no section"),
        ("optim=3", "optim"),
        ("=3", "run.yaml"),
    ],
)
def test_a_bad_override_is_refused(written, override, told):
    with pytest.raises(ConfigError, match=told):
        load_config(written("seed: 1\ndata: {path: photos}\n"), [override])


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "data: [unclosed", "just words"])
def test_a_file_that_holds_no_mapping_is_refused_by_name(written, text):
    path = written(text)
    with pytest.raises(ConfigError, match=r"run\.yaml"):
        load_config(path)


def test_a_missing_or_binary_file_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff\xe0\x00")
    with pytest.raises(ConfigError, match=r"picture\.yaml"):
        load_config(tmp_path / "picture.yaml")


def test_a_configuration_cannot_be_changed():
    config = make_config({"data": {"path": "photos"}, "model": {"lora": {}}})
    for section, key in ((config, "seed"), (config.optim, "steps"), (config.model.lora, "rank")):
        before = getattr(section, key)
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, key, 1)
        assert getattr(section, key) == before


POSITIVE = st.floats(min_value=0, max_value=1e300, exclude_min=True)
TREES = st.fixed_dictionaries(
    {"data": st.fixed_dictionaries({"path": st.text(), "negatives": st.floats(0, 1, exclude_max=True)})},
    optional={
        "seed": st.integers(),
        "out": st.text(),
        "kind": st.sampled_from(["rft", "sft"]),
        "model": st.fixed_dictionaries(
            {}, optional={"lora": st.none() | st.fixed_dictionaries({"rank": st.integers(1, 512)})}
        ),
        "prompt": st.fixed_dictionaries({"form": st.sampled_from(list(Form)), "open": st.booleans()}),
        "reward": st.fixed_dictionaries(
            {"weights": st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False))}
        ),
        "optim": st.fixed_dictionaries({"learning_rate": POSITIVE, "steps": st.integers(1)}),
    },
)


@given(TREES)
def test_a_dumped_configuration_reads_back_equal(tree):
    config = make_config(tree)
    again = make_config(yaml.safe_load(dump_config(config)))
    assert again == config
    assert dump_config(again) == dump_config(config)


def test_a_dumped_file_loads_equal(written):
    config = make_config({"data": {"path": "photos"}, "model": {"lora": {"rank": 8}}, "kind": "sft"})
    assert load_config(written(dump_config(config))) == config


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
