"""Runs written for other trainers: what their files say, by transformers' processors, the shell and TRL."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from datasets import Image as ImageFeature
from datasets import List, load_dataset
from PIL import Image
from pyarrow import parquet
from transformers import AutoImageProcessor, AutoTokenizer
from trl import GRPOConfig, ModelConfig, TrlParser

from launch import vrft
from tiny import save_tiny
from vrft.config.questions import questions_of
from vrft.config.run_config import dump_config, make_config, set_key
from vrft.errors import ConfigError, InputError
from vrft.integrations.packing import unpack
from vrft.miniature.folders import write_detection
from vrft.rollout.driver import prompts_for
from vrft.tasks.registry import task_of
from vrft.tasks.scorer import Scorer
from vrft.workflows.configured import policy_of
from vrft.workflows.trainer_export.export_run import export_run
from vrft.workflows.trainer_export.trainer_format import trainer_formats

TRAINERS = ("easyr1", "openrlhf", "swift", "trl", "verl")
RUN = ("form=direct", "optim.prompts_per_step=8", "optim.steps=5", "rollout.group_size=4", "data.shots=2")
REWARD = ("reward.setting=recommended", "reward.weights={format: 0.5}")
FEW_PIXELS = "model.max_pixels=4096"
STUB = f"""#!{sys.executable} -S
import json, os, sys
print(json.dumps([os.getcwd(), os.environ.get("NPROC_PER_NODE"), *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset, and a Qwen2.5-VL, which writes pixels of the image after its resize."""
    folder = tmp_path_factory.mktemp("place")
    write_detection(folder / "photos", 0, ("one", "two"), train=6, val=4, heldout=2)
    save_tiny("qwen2_5_vl", folder / "model")
    return folder


def config_of(place, *overrides):
    tree = {"task": "detection", "data": {"path": str(place / "photos")}}
    for override in (f"model.path={place / 'model'}", FEW_PIXELS, *RUN, *REWARD, *overrides):
        set_key(tree, override)
    return make_config(tree)


@pytest.fixture(scope="module")
def exported(place):
    """A folder for each trainer."""
    for name in TRAINERS:
        export_run(config_of(place), name, place / name)
    return place


def rows_of(folder, part="train"):
    """Text, image files and packed target of each row, whichever the form of the file is."""
    if (table := folder / f"{part}.parquet").exists():
        rows = parquet.read_table(table).to_pylist()
        images = [[image["bytes"] for image in row["images"]] for row in rows]
    else:
        rows = [json.loads(line) for line in (folder / f"{part}.jsonl").read_text("utf-8").splitlines()]
        images = [[(folder / name).read_bytes() for name in row["images"]] for row in rows]
    for row, own in zip(rows, images, strict=True):
        text = row["problem"] if "problem" in row else (row.get("messages") or row["prompt"])[0]["content"]
        packed = row.get("vrft_target") or row.get("answer") or row.get("label")
        yield text, own, packed or row["reward_model"]["ground_truth"]


def test_there_is_a_format_for_each_trainer():
    assert tuple(sorted(trainer_formats())) == TRAINERS


@pytest.fixture(scope="module")
def wanted(place):
    """vrft's own questions with their prompts, by their ids."""
    config = config_of(place)
    split, policy = questions_of(config).split, policy_of(config, weights=False)
    examples = [*split.train, *split.val]
    return {e.id: (e, p) for e, p in zip(examples, prompts_for(policy, examples), strict=True)}


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize("name", TRAINERS)
def test_a_row_gives_the_prompt_that_vrft_trains_on(name, part, exported, wanted):
    """By the model's own template and image processor, without the pixel limits of the configuration."""
    tokenizer = AutoTokenizer.from_pretrained(exported / "model")
    processor = AutoImageProcessor.from_pretrained(exported / "model", backend="pil")
    rows, step = list(rows_of(exported / name, part)), 8
    assert len(rows) >= (step if part == "train" else 1)
    for text, (image,), packed in rows:
        example, frames = unpack(packed)
        shown = Image.open(io.BytesIO(image))
        _, high, wide = (int(n) for n in processor(images=[shown], return_tensors="np")["image_grid_thw"][0])
        side = processor.patch_size
        assert frames[0].name == "resized_pixels"
        assert frames[0].input_wh == (wide * side, high * side) == shown.size != example.image.size_wh
        question = text if name == "trl" else text.removeprefix("<image>")
        assert question == task_of(example).question(example, frames)
        content = [{"type": "image"}, {"type": "text", "text": question}]
        chat = [{"role": "user", "content": content}]
        written = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        pads = "<|image_pad|>" * (high * wide // processor.merge_size**2)
        ids = tokenizer(written.replace("<|image_pad|>", pads), add_special_tokens=False)["input_ids"]
        assert tuple(ids) == wanted[example.id][1].token_ids


def scores(folder, name, text, packed, monkeypatch):
    """What the exported rewards give, called as the trainer calls them."""
    found = {}
    if name == "swift":
        module = ModuleType("swift.rewards")
        module.orms = found
        monkeypatch.setitem(sys.modules, "swift", ModuleType("swift"))
        monkeypatch.setitem(sys.modules, "swift.rewards", module)
        runpy.run_path(str(folder / "plugin.py"))
        return found["vrft"]()([text], vrft_target=[packed])[0]
    if name == "trl":
        code = runpy.run_path(str(folder / "train.py"))
        return code["trl_reward"](**code["REWARD"])([text], vrft_target=[packed])[0]
    code = runpy.run_path(str(folder / "reward.py"))
    if name == "openrlhf":
        return float(code["reward_func"]([f"Q?{text}"], ["Q?"], [packed])["rewards"][0])
    if name == "easyr1":
        row = {"response": text, "response_length": 3, "ground_truth": packed}
        return code["compute_score"]([row])[0]["overall"]
    return code["compute_score"]("vrft", text, packed, {"index": 0}, router=None)["score"]


@pytest.mark.parametrize("name", TRAINERS)
def test_rewards_are_those_of_the_configuration(name, exported, wanted, monkeypatch):
    _, _, packed = next(rows_of(exported / name))
    example, prompt = wanted[unpack(packed)[0].id]
    task, found = task_of(example), []
    scorer = Scorer(task, config_of(exported).reward)
    for text in (task.gold(example, prompt.frames), "<answer>[]</answer>", "nothing"):
        found.append(scores(exported / name, name, text, packed, monkeypatch))
        own = scorer.score_text(text, example, prompt.frames)
        assert found[-1] == pytest.approx(own.reward)
    assert found[0] > found[1] > found[2] == 0


@pytest.fixture
def started(exported, tmp_path):
    """Starts a script with stand-ins for its programs; gives folder, environment and words."""
    for program in ("python3", "accelerate", "swift"):
        (tmp_path / program).write_text(STUB)
        (tmp_path / program).chmod(0o755)

    def start(name, *more, **environment):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", str(exported / name / "run.sh"), *more]
        env = {**os.environ, "PATH": path, **environment}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return start


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("easyr1", ["worker.rollout.n=4", "data.rollout_batch_size=8", "data.max_pixels=4096"]),
        ("openrlhf", ["--rollout.n_samples_per_prompt 4", "--train.batch_size 32"]),
        ("swift", ["--num_generations 4", "--max_steps 5", "--freeze_vit true"]),
        ("trl", ["train.py --config settings.yaml", "--gradient_accumulation_steps 4"]),
        ("verl", ["actor_rollout_ref.rollout.n=4", "data.train_batch_size=8", "trainer.n_gpus_per_node=2"]),
    ],
)
def test_the_script_starts_the_trainer_in_its_folder(name, words, exported, started):
    folder, processes, *said = started(name, "--and=this one", GPUS="2")
    assert folder == str(exported / name) and said[-1] == "--and=this one"
    assert [phrase for phrase in words if f" {phrase} " not in " ".join(said)] == []
    assert processes == ("2" if name == "swift" else None)


def test_trl_reads_its_settings_and_the_images(exported, monkeypatch):
    monkeypatch.chdir(exported / "trl")
    given = ["--config", "settings.yaml", "--gradient_accumulation_steps", "4", "--bf16", "False"]
    args, model = TrlParser((GRPOConfig, ModelConfig)).parse_args_and_config(given)
    assert (args.num_generations, args.max_steps, args.beta, args.loss_type) == (4, 5, 0.04, "grpo")
    assert model.model_name_or_path == str(exported / "model")
    # A step's answers are those to eight questions on two GPUs.
    assert args.per_device_train_batch_size * args.gradient_accumulation_steps * 2 == 8 * 4
    files = {part: f"{part}.parquet" for part in ("train", "val")}
    data = load_dataset("parquet", data_files=files, cache_dir="cache")
    row = data.cast_column("images", List(ImageFeature()))["train"][0]
    assert row["images"][0].size == (64, 64) and row["prompt"][0]["role"] == "user"


def test_settings_without_a_place_are_listed(place, tmp_path):
    lora = ("model.lora={rank: 8, dropout: 0.1}", "grpo.advantage=term_normalized", "grpo.loss=bnpo")
    more = (*lora, "grpo.only_signal=true", "augment.color=0.5", "checks.validate_every=0")
    found = export_run(config_of(place, *more), "verl", tmp_path / "verl")
    (lost,) = (note for note in found.notes if "no place" in note)
    for name in ("grpo.only_signal", "grpo.advantage", "grpo.loss", "model.lora.dropout", "augment.color"):
        assert name in lost
    assert "model.lora.rank" not in lost and "max_pixels" not in lost
    text = (tmp_path / "verl/run.sh").read_text()
    assert "lora_rank=8" in text and "visual" in text and "trainer.test_freq=-1" in text


def test_what_cannot_be_exported_is_said(place, tmp_path):
    with pytest.raises(ConfigError, match="RFT"):
        export_run(config_of(place, "method=sft"), "verl", tmp_path / "a")
    with pytest.raises(InputError, match=r"no trainer 'verll'.*openrlhf"):
        export_run(config_of(place), "verll", tmp_path / "a")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(InputError, match="not empty"):
        export_run(config_of(place), "verl", tmp_path / "full")


def test_the_command_says_what_it_wrote_and_what_is_next(place, tmp_path):
    (tmp_path / "run.yaml").write_text(dump_config(config_of(place)))
    ended = vrft("export", "verl", "run.yaml", "--out", "out", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "questions written for verl" in ended.stdout and "bash out/run.sh" in ended.stdout
    assert "was written 4 times" in ended.stdout


def test_trl_still_hands_expanded_image_tokens_to_vllm(monkeypatch):
    """A defect of TRL, seen without vLLM: that expands image tokens itself, and so they are there twice.
    Where this fails, TRL has changed: try its vLLM modes again, and correct docs/adapters.md."""
    from trl.generation import vllm_generation

    handed = []

    def generate(prompts, **_):
        handed.extend(prompts)
        return []

    image, expanded = Image.new("RGB", (8, 8)), [1, 7, 7, 7, 7, 2]
    used = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}
    off = dict.fromkeys(("accelerator", "logprobs", "structured_outputs_regex"))
    engine = SimpleNamespace(
        mode="colocate",
        llm=SimpleNamespace(generate=generate),
        max_completion_length=4,
        generation_kwargs={},
        tensor_parallel_size=1,
        enable_sleep_mode=False,
        model=torch.nn.Linear(1, 1),
        **used,
        **off,
    )
    monkeypatch.setattr(vllm_generation, "SamplingParams", dict, raising=False)
    vllm_generation.VLLMGeneration.generate(engine, [expanded], [[image]], num_generations=1)
    assert handed == [{"prompt_token_ids": expanded, "multi_modal_data": {"image": image}}]


def test_trl_still_leaves_a_servers_image_features_of_old_weights():
    """A defect of TRL, seen without vLLM: prefixes alone are forgotten, and not what the vision tower made of
    an image before it learned. Where this fails, TRL has changed: do as the test above says."""
    from trl.generation import vllm_client, vllm_generation

    asked = []
    client = object.__new__(vllm_client.VLLMClient)
    client.base_url, client._post = "", lambda url, **_: asked.append(url)
    client.session = SimpleNamespace(
        post=lambda url, **_: asked.append(url) or SimpleNamespace(status_code=200)
    )
    client.update_named_params = lambda *_: None
    engine = SimpleNamespace(
        mode="server",
        vllm_client=client,
        accelerator=SimpleNamespace(is_main_process=True),
        _weight_metadata=[],
        _iter_named_params=lambda: iter(()),
    )
    vllm_generation.VLLMGeneration.sync_weights(engine)
    assert asked == ["/reset_prefix_cache"]
