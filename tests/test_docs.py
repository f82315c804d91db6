"""The documents are true: their links, paths, commands, keys and names exist, and their examples run."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from PIL import Image as PILImage
from pydantic import BaseModel

from test_house import LAYERS
from vrft.config.old_keys import RENAMED, VALUES
from vrft.config.run_config import RunConfig, make_config
from vrft.rewards.custom_reward import load_custom_reward
from vrft.rollout.sampler import load_sampler
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Answer, Boxes, Example, Label, Prompt, Rollout, RolloutGroup
from vrft.types.options import Choice
from vrft.workflows.audit_reward import audit_reward
from vrft.workflows.requests import AuditRequest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(ROOT.glob("README*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "results" / "README.md",
    *sorted((ROOT / "examples").rglob("README.md")),
    ROOT / "src" / "vrft" / "config" / "recipes" / "README.md",
    ROOT / "src" / "vrft" / "miniature" / "card.md",
]
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
OLD = "docs/from_0.1.md"
"""Its left columns speak of what is gone."""
ADD = ROOT / "docs" / "add"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def text_of(name: str) -> str:
    text = (ROOT / name).read_text("utf-8")
    return re.sub(r"^\| (.*?) \|", "|", text, flags=re.M) if name == OLD else text


def code_of(name: str) -> list[str]:
    """What stands in backticks, and the lines of blocks of commands."""
    text = text_of(name)
    fenced = re.findall(r"```(\w*)\n(.*?)```", text, flags=re.S)
    plain = re.sub(r"```.*?```", "", text, flags=re.S)
    shell = "".join(block for language, block in fenced if language in ("", "sh", "bash"))
    indented = re.findall(r"^ {4}(\w.*)$", plain, flags=re.M)
    return [*re.findall(r"`([^`\n]+)`", plain), *re.sub(r"\\\n", " ", shell).splitlines(), *indented]


@cache
def anchors(page: Path) -> frozenset[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), flags=re.M)
    return frozenset(re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads)


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_links_lead_somewhere(name):
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


FOLDERS = ("src", "tests", "docs", "benchmarks", "dev", "examples", "results")
FROM_SOURCE = "docs/architecture.md"
"""It names files from src/vrft on."""
NOT_THERE = ("formats/label_list.py", "results/gpu_step.json")
"""A reader's example, and a measurement that nobody has made yet."""


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_paths_exist(name):
    """Files and folders in backticks that begin with a folder of the repository."""
    missing = []
    for word in (word for code in code_of(name) for word in code.split()):
        path = word.split("::")[0]
        start = path.split("/")[0]
        if not re.fullmatch(r"[\w./*-]+/[\w./*-]+", path) or path.endswith(NOT_THERE):
            continue
        base = ROOT
        if name == "benchmarks/README.md" and start == "results":
            base = ROOT / "benchmarks"
        elif start not in FOLDERS:
            if name != FROM_SOURCE or not path.endswith(".py"):
                continue
            base = ROOT / "src" / "vrft"
        if not list(base.glob(path)):
            missing.append(path)
    assert missing == []


@cache
def commands() -> dict[str, Any]:
    from typer.main import get_command

    from vrft.cli import app

    found: dict[str, Any] = {}
    for name, command in get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {own}": one for own, one in inner.items()}
    return found


GROUPS = ("config", "task")


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_verbs_and_options_exist(name):
    """Every ``vrft VERB ... --option``, also behind a launcher or a pipe."""
    strange = []
    for code in code_of(name):
        for said in re.findall(r"(?<![\w./-])vrft ([a-z].*)", code.split("  #")[0]):
            verb, *rest = said.split("|")[0].split()
            if verb in GROUPS and not rest:
                continue
            if verb in GROUPS:
                verb, *rest = [f"{verb} {rest[0]}", *rest[1:]]
            if verb not in commands():
                strange.append(said)
                continue
            command = commands()[verb]
            options = {
                o for parameter in command.params for o in (*parameter.opts, *parameter.secondary_opts)
            }
            given = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(rest))
            strange += [f"{verb} {option}" for option in given if option not in options]
    assert strange == []


def test_a_verb_or_an_option_that_does_not_exist_is_seen():
    assert "imagine" not in commands()
    names = {o for parameter in commands()["eval"].params for o in parameter.opts}
    assert {"--samples", "--task-option"} <= names and "--subject" not in names


SECTIONS = sorted(RunConfig.model_fields)


def has_key(path: list[str]) -> bool:
    """A dotted key of the configuration; of a choice, any of its classes may have it."""
    models: list[type[BaseModel]] = [RunConfig]
    for number, part in enumerate(path):
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if not fields:
            # Options of a task and terms of a reward have names of their own.
            return path[0] == "task" or (path[0] == "reward" and number > 1)
        models = []
        for field in fields:
            kinds = [field.annotation, *get_args(field.annotation)]
            models += [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
            inner = [
                part for kind in get_args(field.annotation) for part in getattr(kind, "__metadata__", ())
            ]
            for choice in (c for c in (*field.metadata, *inner) if isinstance(c, Choice)):
                models += choice.table.values()
    return True


@pytest.mark.parametrize("name", [name for name in PAGE_NAMES if name != "docs/adapters.md"])
def test_keys_of_the_configuration_exist(name):
    """Of ours; the page of adapters has keys of other trainers."""
    pattern = re.compile(rf"(?<![\w./-])((?:{'|'.join(SECTIONS)})(?:\.[a-z_]+)+)(?![\w/(.:]*[/(.])")
    endings = (".py", ".json", ".jsonl", ".md", ".yaml", ".txt", ".jpg")
    keys = {key for code in code_of(name) for key in pattern.findall(code)}
    assert {key for key in keys if not key.endswith(endings) and not has_key(key.split("."))} == set()


def test_a_key_that_does_not_exist_is_seen():
    assert has_key(["grpo", "loss", "clip_high"]) and has_key(["pseudo_labels", "min_agreement"])
    assert not any(map(has_key, (["grpo", "beta"], ["data", "pseudo"], ["reward", "permute"])))


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_names_in_python_exist(name):
    """Every ``vrft.a.b`` in backticks is a module, or something in one."""
    text = text_of(name)
    found = set(re.findall(r"(?<![\w./:-])(vrft(?:\.\w+)+)", text))
    found |= {f"{m}.{n}" for m, names in re.findall(r"from (vrft[\w.]*) import (.+)", text)
              for n in re.findall(r"(\w+)(?: as \w+)?(?:,|$)", names.split("#")[0].strip())}  # fmt: skip
    assert {name for name in found if not exists(name)} == set()


def exists(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            there: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if part in getattr(there, "__annotations__", {}):
                return True
            if not hasattr(there, part):
                return False
            there = getattr(there, part)
        return True
    return False


def test_a_name_that_does_not_exist_is_seen():
    assert exists("vrft.types.options.Options") and not exists("vrft.types.options.Imagined")
    assert not exists("vrft.engine.sampling")


# ---- what changed since 0.1


def test_every_old_key_is_on_the_page_of_0_1():
    old = re.findall(r"^\| (.*?) \|", (ROOT / OLD).read_text("utf-8"), flags=re.M)
    words = set(re.findall(r"[\w.]+", " ".join(old)))
    assert {key for key in RENAMED if key not in words} == set()
    assert {value for _, value in VALUES if value not in words} == set()


# ---- the code map of docs/architecture.md, and the examples of docs/add


def test_the_code_map_is_that_of_the_rules():
    rows = re.findall(r"^\| (\d+) \| `([\w.]+)` \|", ARCHITECTURE, flags=re.M)
    shown: dict[int, set[str]] = {}
    for number, entry in rows:
        shown.setdefault(int(number), set()).add(entry.removesuffix(".py"))
    assert shown == {number: set(names) for number, names in enumerate(LAYERS, 1)}
    assert [int(number) for number, _ in rows] == sorted(int(number) for number, _ in rows)


def blocks() -> dict[str, tuple[str, str]]:
    """Code by file name, with what its first line says of its use."""
    found = {}
    pages = "".join(page.read_text("utf-8") for page in sorted(ADD.glob("*.md")))
    for code in re.findall(r"```python\n(.*?)```", pages, flags=re.S):
        file, _, use = code.splitlines()[0].removeprefix("# ").partition(" ")
        found[Path(file).name] = (code, use.strip())
    return found


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, (code, _) in blocks().items():
        Path(name).write_text(code)
    return tmp_path


def configured(use: str) -> RunConfig:
    key, _, value = use.partition(": ")
    section, name = key.split(".") if "." in key else (key, None)
    inner = yaml.safe_load(value)
    tree = {section: {name: inner} if name else inner}
    return make_config({"task": "detection", "data": {"path": "photos"}, **tree})


def test_the_examples_are_those_of_the_pages():
    assert set(blocks()) == {
        "my_reward.py",
        "my_judge.py",
        "my_sampler.py",
        "my_logger.py",
        "my_loss.py",
        "label_list.py",
    }


def test_the_reward(written):
    (name,) = configured(blocks()["my_reward.py"][1]).reward.custom
    reward = load_custom_reward(name)
    two = Boxes(((0.0, 0.0, 9.0, 9.0), (9.0, 0.0, 20.0, 9.0)))
    said = [Answer(two), Answer(Boxes(two.xyxy_px[:1])), Answer(None)]
    assert [reward(answer, two) for answer in said] == [1.0, 0.0, 0.0]


def test_the_audit_fails_the_reward_as_the_page_says(written):
    page = (ADD / "reward.md").read_text("utf-8").partition("This one fails")[2].partition("). ")[0]
    request = AuditRequest(reward="my_reward.py:right_number", task="detection", targets=60)
    assert set(audit_reward(request).failed) == set(re.findall(r"`(\w+)`", page))


def test_the_reward_of_all_answers(written):
    (name,) = configured(blocks()["my_judge.py"][1]).reward.custom
    scorer = Scorer(load_task("classification"), RewardOptions(custom={name: 1.0}))
    example = Example("a", "a", "classification", (), "thing", Label("cat"))
    group = RolloutGroup(example, tuple(Rollout(example, (), Answer(text="x" * n)) for n in (0, 100)))
    assert [one.terms[name] for one in scorer.score([group])[0].rollouts] == [1.0, 0.5]


def test_the_sampler(written, tiny_folders):
    from vrft.models.load_policy import load_policy
    from vrft.models.model_options import ModelOptions
    from vrft.types import Message, SampleSeed, SamplingParams

    name = configured(blocks()["my_sampler.py"][1]).rollout.sampler
    policy = load_policy(ModelOptions(path=str(tiny_folders["qwen2_vl"]), device="cpu"))
    sampler = load_sampler(name, policy)
    prompt: Prompt = policy.first([Message("user", ("How many?",))])
    params = SamplingParams(max_new_tokens=3, min_new_tokens=3)
    drawn = sampler.generate([prompt], 2, params, SampleSeed.whole(1))
    assert [len(said.token_ids) for said in drawn[0]] == [3, 3]
    assert sampler.tokens == 6
    sampler.sync(policy, 4)
    assert sampler.generate([prompt], 1, params, SampleSeed.whole(1))[0][0].policy_version == 4
    sampler.close()


def test_the_logger(written, capsys):
    (options,) = configured(blocks()["my_logger.py"][1]).loggers
    logger = options.open(None)
    logger.start(0)
    for step in (4, 5):
        logger.log(step, {"reward": 0.25})
        logger.log_groups(step, [])
    logger.close()
    assert capsys.readouterr().out == "5 0.25\n"


def test_the_loss(written):
    import torch

    from vrft.training.losses import Grpo, StepSize

    half = configured(blocks()["my_loss.py"][1]).grpo.loss
    assert half.power == 0.5
    one = type(half)()
    logprobs, advantages = torch.tensor([[-0.1, -0.2], [-0.3, 0.0]]), torch.tensor([[1.0], [-1.0]])
    mask, size = torch.tensor([[True, True], [True, False]]), StepSize(2, 3, 8)
    given = (logprobs, torch.full((2, 2), -0.2), advantages, mask, size)
    assert torch.equal(one(*given).value, Grpo()(*given).value)
    assert half(*given).value != one(*given).value


def small_image(folder: Path) -> Any:
    from vrft.types import Image

    PILImage.new("RGB", (64, 48)).save(folder / "a.png")
    return Image(folder / "a.png", (64, 48))


def test_the_data_format(written):
    code, _ = blocks()["label_list.py"]
    there: dict[str, Any] = {}
    exec(compile(code, "label_list.py", "exec"), there)
    reader = there["READER"]
    assert reader.detects(written) == frozenset()
    shown = small_image(written)
    (written / "labels.txt").write_text("a.png coffee cup\n")
    (needs,) = [reader.detects(written)]
    dataset = reader.read(written, needs)
    (record,) = dataset.records
    assert record.media == (shown,) and record.id == "a.png"
    assert [value for _, value in record.about("image", Label)] == [Label("coffee cup")]
    assert dataset.provides == needs == load_task("classification").needs
