"""A real vLLM against the policy in this process, where VRFT_VLLM_PYTHON names one (dev/vllm_env.sh)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from architectures import ask, loaded, sample
from tiny import save_tiny
from vrft.config.run_config import make_config
from vrft.data.dataset import labels_for
from vrft.errors import RunError
from vrft.miniature.folders import write_detection
from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import PolicyScorer
from vrft.rollout.sampler import load_sampler
from vrft.rollout.vllm import served_weights
from vrft.rollout.vllm.server import VllmServer
from vrft.run_folder import RunFolder
from vrft.tasks.registry import load_task
from vrft.types import Form, SampleSeed, SamplingParams, Turn
from vrft.workflows.train import train_run
from vrft.workflows.train_config import train_config

PYTHON = os.environ.get("VRFT_VLLM_PYTHON")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(PYTHON is None, reason="VRFT_VLLM_PYTHON is not set")]
WIDE = 64
"""Of the tiny text models: vLLM knows no heads of 16 on processors."""


def start(model, *further, port=None):
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    program = Path(PYTHON).parent / "vllm"
    command = [sys.executable, "-m", "vrft", "serve", model, "--vllm", program, "--port", port,
               "--max-length", "512", *further, "--", "--max-num-seqs", "32"]  # fmt: skip
    return subprocess.Popen(list(map(str, command))), VllmServer(f"http://127.0.0.1:{port}")


@contextmanager
def served(model, *further, port=None):
    process, server = start(model, *further, port=port)
    try:
        while not server.alive:
            assert process.poll() is None, "the server has ended"
            time.sleep(1)
        yield server
    finally:
        process.terminate()
        process.wait()


def compared(policy, prompts, server):
    """Greedy answers that are equal, their largest gap, and that of 8 sampled answers scored here."""
    sampler, greedy = load_sampler("vllm", policy, urls=[server.url]), SamplingParams(0.0, max_new_tokens=48)
    whole = SampleSeed.whole(len(prompts))
    theirs, ours = sampler.generate(prompts, 1, greedy, whole), sample(policy, prompts, 1, greedy)
    pairs = [(a, b) for (a,), (b,) in zip(theirs, ours, strict=True)]
    same = [(a, b) for a, b in pairs if a.token_ids == b.token_ids]
    gap = max(abs(p - q) for a, b in same for p, q in zip(a.logprobs, b.logprobs, strict=True))
    drawn = sampler.generate(prompts, 8, SamplingParams(max_new_tokens=48), whole)
    turns = [Turn(prompt, said) for prompt, group in zip(prompts, drawn, strict=True) for said in group]
    known = PolicyScorer(policy).logprobs(turns)
    off = max(
        abs(p - q)
        for turn, own in zip(turns, known, strict=True)
        for p, q in zip(turn.completion.logprobs, own, strict=True)
    )
    assert len({turn.completion.token_ids for turn in turns}) > len(prompts)
    sampler.close()
    return len(same), gap, off


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_detection(tmp_path_factory.mktemp("served") / "photos", seed=0, train=30, val=6, heldout=8)


def questions(photos):
    task = load_task("detection")
    found = task.examples(labels_for(task, photos).records)[:16]
    return [replace(example, form=Form.DIRECT) for example in found]


def test_the_miniatures_answers_are_equal(photos):
    policy = loaded("miniature", dtype="float32")
    with served("miniature") as server:
        same, gap, off = compared(policy, prompts_for(policy, questions(photos)), server)
    print(f"{same} of 16 equal, {gap:.1e}, sampled {off:.1e}")
    assert same == 16 and gap <= 1e-5 and off <= 1e-4


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_those_of_each_family_are_equal(family, images, tmp_path):
    folder = save_tiny(family, tmp_path / family, width=WIDE, head=32)
    policy = loaded(folder, dtype="float32")
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.mul_(0.9)  # so that all weights must have reached the server
    with served(folder) as server:
        same, gap, off = compared(policy, [ask(policy, "What is it?", path) for path in images], server)
    assert same == len(images) and gap <= 1e-5 and off <= 1e-4


def config(photos, tmp_path, url, **model):
    return make_config(
        {
            "task": "detection",
            "model": {"path": "miniature", "dtype": "float32", "device": "cpu", **model},
            "data": {"path": str(photos), "shots": 2, "val_max": 4, "near_duplicates": False},
            "form": "direct",
            "rollout": {"group_size": 8, "max_new_tokens": 96, "sampler": "vllm", "url": url},
            "optim": {
                "learning_rate": 1e-3 if "lora" in model else 4e-5,
                "schedule": "constant",
                "steps": 6,
                "prompts_per_step": 8,
            },
            "checks": {"validate_every": 0},
            "out": str(tmp_path / "run"),
        }
    )


def rows_of(trained):
    return [row for row in trained.folder.rows("metrics.jsonl") if "loss" in row]


def test_six_steps_of_all_weights(photos, tmp_path, monkeypatch):
    """The tower learns too; without a pause around the updates its images are kept, and the run stops."""
    with served("miniature") as server:
        trained = train_config(config(photos, tmp_path / "a", server.url, train_vision=True), check=False)
        assert max(row["sampling_mismatch"] for row in rows_of(trained)) <= 1e-3
        assert server.get("weight_info")["weight_version"].split("-")[2] == "5"
        monkeypatch.setattr(served_weights, "paused", lambda server: nullcontext())
        with pytest.raises(RunError, match="image features"):
            train_config(config(photos, tmp_path / "b", server.url, train_vision=True), check=False)


def test_a_server_that_is_killed_and_started_again(photos, tmp_path):
    """After the third step: the run waits, gives it the weights again, and goes on."""
    process, server = start("miniature")
    server.wait()
    running = [process]

    def restart(step, steps, row):
        if step == 3:
            running[0].kill()
            running[0].wait()
            running.append(start("miniature", port=int(server.url.rpartition(":")[2]))[0])

    own = config(photos, tmp_path, server.url)
    try:
        trained = train_run(own, RunFolder(Path(own.out)), questions(photos), [], progress=restart)
        assert len(rows_of(trained)) == 6 and len(running) == 2
        assert max(row["sampling_mismatch"] for row in rows_of(trained)) <= 1e-3
    finally:
        running[-1].terminate()
        running[-1].wait()


def test_six_steps_of_an_adapter(photos, tmp_path):
    with served("miniature", "--lora-rank", "16") as server:
        trained = train_config(config(photos, tmp_path, server.url, lora={"rank": 16}), check=False)
    assert max(row["sampling_mismatch"] for row in rows_of(trained)) <= 1e-3
