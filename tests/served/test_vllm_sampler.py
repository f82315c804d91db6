"""Answers from servers, against the same policy in this process; the server is a fake that speaks as vLLM."""

from __future__ import annotations

import logging
import math
import socket
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from fake_vllm import FakeVllm

from architectures import ask, loaded, sample
from launch import vrft
from tiny import save_tiny
from vrft.config.run_config import dump_config, make_config
from vrft.errors import ConfigError, InputError, RunError
from vrft.evaluation.predictor import read_predictions
from vrft.miniature.folders import write_detection
from vrft.rollout.sampler import load_sampler
from vrft.rollout.scripted import ScriptedSampler
from vrft.rollout.vllm import served_weights
from vrft.rollout.vllm import server as server_module
from vrft.run_folder import RunFolder
from vrft.training.grpo import Forward, GrpoObjective, GrpoOptions
from vrft.training.kl import KlOptions
from vrft.training.losses import StepSize
from vrft.training.mismatch_alarm import MismatchAlarm
from vrft.types import Completion, Prompt, SampleSeed, SamplingParams, Turn
from vrft.workflows.resume import check_unchanged

GREEDY = SamplingParams(temperature=0, max_new_tokens=8)


@pytest.fixture
def photos(tmp_path):
    return write_detection(tmp_path / "photos", seed=0, train=4, val=2, heldout=4)


def prompts_of(policy, images):
    return [ask(policy, "What is it?", path) for path in images]


def alike(ours, theirs):
    for one, other in zip((a for g in ours for a in g), (a for g in theirs for a in g), strict=True):
        assert replace(one, logprobs=()) == replace(other, logprobs=())
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)


def test_servers_answer_as_the_policy_in_this_process(serve, tiny_folders, images):
    """Three prompts over two servers; what is sent is a placeholder an image, and the image at its size."""
    servers = [serve(), serve()]
    policy = loaded(tiny_folders["qwen3_vl"], dtype="float32")
    with torch.no_grad():
        policy.core.get_output_embeddings().weight.mul_(1.1)  # not what the servers were started with
    sampler = load_sampler("vllm", policy, urls=[one.url for one in servers])
    prompts = prompts_of(policy, images)
    alike(sampler.generate(prompts, 2, GREEDY, SampleSeed.whole(3)), sample(policy, prompts, 2, GREEDY))
    assert [len(one.asked) for one in servers] == [2, 1]
    sent = servers[1].asked[0]
    assert sent["token_ids"].count(policy.image_token_id) == 1 and len(sent["content_parts"]) == 1
    assert sent["sampling_params"]["n"] == 1
    sampler.sync(policy, 7)
    params = SamplingParams(1.0, top_k=20, max_new_tokens=6, min_new_tokens=2)
    whole = sampler.generate(prompts, 3, params, SampleSeed.whole(3, 5))
    assert {one.policy_version for group in whole for one in group} == {7}
    alike(sampler.generate(prompts[2:], 3, params, SampleSeed(5, (2,), 3)), whole[2:])
    assert sampler.generate([], 2, params, SampleSeed.whole(0)) == []
    with pytest.raises(InputError, match="END"):
        sampler.generate(prompts, 2, SamplingParams(stop=("END",)), SampleSeed.whole(3))
    sampler.close()


def test_all_weights_reach_the_server_at_each_step_also_those_of_a_tower(serve, train):
    server = serve()
    rows, folder = train(server.url, model={"train_vision": True}, val=True)
    assert [row["sampling_mismatch"] < 1e-4 for row in rows] == [True, True]
    assert all(row["sampling_mismatch_mean"] <= row["sampling_mismatch"] for row in rows)
    assert server.calls.count("finish_weight_update") == 3  # two steps and the last validation
    greedy = [body for body in server.asked if body["sampling_params"]["temperature"] == 0]
    assert len(greedy) == 6, "validation asks the server too"
    assert folder.read_json("done.json")["validation"] is not None


def test_each_version_of_an_adapter_has_a_folder_of_its_own(serve, train):
    server = serve()
    rows, folder = train(server.url, steps=3, model={"lora": {"rank": 4}})
    assert max(row["sampling_mismatch"] for row in rows) < 1e-4
    names = list(dict.fromkeys(body["model"] for body in server.asked))
    assert len(names) == 3 and server.adapters == {}
    assert list((folder.path / "adapters").iterdir()) == []
    assert server.calls.count("pause") == server.calls.count("resume") == 3


@pytest.mark.parametrize(
    ("fault", "model", "says"),
    [
        ("old adapter", {"lora": {"rank": 4}}, "adapter's path is used twice"),
        ("other weights", {}, "had other weights than this run gave it"),
        ("doubles", {}, "they were doubled"),
    ],
)
def test_a_server_that_does_not_answer_as_the_policy_stops_the_run(serve, train, fault, model, says):
    server = serve(faults=(fault,))
    with pytest.raises(RunError, match=says) as raised:
        train(server.url, model=model, checks={"validate_every": 0})
    assert fault == "doubles" or "rollout.max_mismatch" in str(raised.value)


def test_kept_caches_are_told_from_weights_by_dropping_them(serve, train, monkeypatch):
    """What a trainer would see that does not pause around its updates."""
    server = serve()
    monkeypatch.setattr(served_weights, "paused", lambda server: nullcontext())
    with pytest.raises(RunError, match="kept beginnings of prompts or image features"):
        train(server.url, model={"train_vision": True}, checks={"validate_every": 0})


@pytest.mark.parametrize("model", [{}, {"lora": {"rank": 4}}])
def test_a_server_that_goes_and_comes_back_gets_the_weights_again(serve, train, monkeypatch, caplog, model):
    monkeypatch.setattr(server_module, "PAUSE_S", 0.05)
    first, later = serve(), []
    honest = FakeVllm.generate

    def dies(self, body):
        if self is first and len(self.asked) == 3:
            self.close()
            later.append(serve(port=self.port))
            raise ConnectionAbortedError
        return honest(self, body)

    monkeypatch.setattr(FakeVllm, "generate", dies)
    with caplog.at_level(logging.WARNING, "vrft.rollout"):
        rows, _ = train(first.url, steps=3, model=model, checks={"validate_every": 0})
    assert max(row["sampling_mismatch"] for row in rows) < 1e-4
    assert later[0].asked and len(rows) == 3


def test_what_cannot_be_used_is_refused_with_what_to_do(serve, tiny_folders, images, tmp_path, monkeypatch):
    policy = loaded(tiny_folders["qwen3_vl"], dtype="float32")
    prompts = prompts_of(policy, images)

    def asked(url, own=policy):
        load_sampler("vllm", own, urls=[url]).generate(prompts, 1, GREEDY, SampleSeed.whole(3))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(RunError, match=r"there is no vLLM server at http.*vrft serve"):
            asked(f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(RunError, match=r"image limits differ.*--max-pixels 4096"):
        asked(serve(max_pixels=1024).url)
    with pytest.raises(InputError, match=r"room for 20.*--max-length"):
        asked(serve(room=20).url)
    with pytest.raises(RunError, match=r"takes no weights in vrft's way.*vrft serve"):
        asked(serve(faults=("no plugin",)).url)
    wider = serve(save_tiny("qwen3_vl", tmp_path / "wide", width=64))
    with pytest.raises(RunError, match=r"cannot take the policy's weights.*another model"):
        asked(wider.url)
    with pytest.raises(ConfigError, match=r"gemma3.*shared_prompt"):
        load_sampler("vllm", loaded(tiny_folders["gemma3"]), urls=["http://127.0.0.1:1"])

    adapted = loaded(tiny_folders["qwen3_vl"], dtype="float32", lora={"rank": 4})
    with pytest.raises(RunError, match=r"serves other weights.*base of this adapter"):
        asked(serve(name="other@0123456789ab").url, adapted)
    used = serve()
    used.version = "vrft-abcd-3-1"
    with pytest.raises(RunError, match="has the weights of another run"):
        asked(used.url, adapted)
    twice, names = serve(), iter(("aaaaaaaa", "aaaaaaaa"))
    monkeypatch.setattr("vrft.rollout.vllm.vllm_sampler.run_tag", lambda: next(names))
    asked(twice.url, adapted)
    with pytest.raises(RunError, match=r"knows an adapter .* from before"):
        asked(twice.url, adapted)


@pytest.mark.parametrize(
    ("rollout", "says"),
    [
        ({"sampler": "vllm"}, "vrft serve MODEL"),
        ({"url": "http://127.0.0.1:8000"}, "rollout.sampler: vllm"),
        ({"sampler": "vllm", "url": "localhost:8000"}, "is no address"),
        ({"sampler": "vllm", "url": ["http://a:1"], "temperature": 0.7, "top_p": 0.9}, "Set it to 1"),
        ({"overlap": True}, r"overlap, rollout.sampler: 'shared_prompt'.*Set rollout.sampler: vllm"),
        (
            {"sampler": "vllm", "url": "http://a:1", "overlap": True, "resample": 1},
            r"overlap, rollout.resample.*Set rollout.resample: 0",
        ),
    ],
)
def test_settings_that_leave_servers_open_are_refused(rollout, says):
    with pytest.raises(ConfigError, match=says):
        make_config({"task": "detection", "data": {"path": "photos"}, "rollout": rollout})


def test_an_evaluation_by_a_server_is_that_of_this_process(serve, tiny_folders, photos, tmp_path):
    server, texts = serve(), []
    for out, further in (("here", ()), ("served", ("--url", server.url))):
        asked = (tiny_folders["qwen3_vl"], photos, "--task", "detection", "--form", "direct", "--eval-max", 4)
        ended = vrft("eval", *asked, "--max-new-tokens", 12, "--out", out, *further, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        texts.append([one.text for one in read_predictions(tmp_path / out / "predictions.jsonl")])
    assert texts[0] == texts[1] and len(server.asked) == len(texts[0]) == 4


def test_a_run_that_goes_on_may_ask_other_servers(tmp_path):
    folder = RunFolder(tmp_path / "run")
    first, second = (
        make_config(
            {
                "task": "detection",
                "data": {"path": "photos"},
                "rollout": {"sampler": "vllm", "url": f"http://{name}:8000"},
            }
        )
        for name in "ab"
    )
    folder.write_text("config.yaml", dump_config(first))
    folder.write_json("run.json", {})
    check_unchanged(second, folder)


def test_tokens_are_weighed_by_what_the_policy_gives_them_over_what_the_sampler_gave():
    """At ratio 1 the gradient is each token's advantage, times its weight up to the cap."""
    own = torch.tensor([[-1.0, -2.0, -0.5], [-1.0, -1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    sampled = torch.tensor([[-1.0, -2.5, -2.5], [-0.2, -1.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    advantages = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    options = GrpoOptions(importance_cap=2.0, kl=KlOptions(beta=0.0))
    forward = Forward(own, mask, sampled, advantages, mask[:, 0], {}, own_RA=own.detach())
    part = GrpoObjective(options)(forward, StepSize(2, 5, 3))
    part.loss.backward()
    weights = [[1.0, math.exp(0.5), 2.0], [math.exp(-0.8), 1.0, 0.0]]
    expected = [
        [-a * w / (2 * n) for w in row] for row, a, n in zip(weights, (1.0, -2.0), (3, 2), strict=True)
    ]
    assert torch.allclose(own.grad, torch.tensor(expected, dtype=torch.float64))
    assert part.metrics["importance_weight"] == pytest.approx(sum(map(sum, weights)) / 5)


@pytest.mark.parametrize(
    ("dtype", "limit", "row", "stops"),
    [
        ("float32", None, (2e-3, 1e-4), True),
        ("float32", 0.01, (2e-3, 1e-4), False),
        ("bfloat16", None, (1.5, 0.01), False),
        ("bfloat16", None, (1.5, 0.2), True),
    ],
)
def test_the_alarm_looks_at_single_tokens_or_at_their_mean(dtype, limit, row, stops):
    class Elsewhere(ScriptedSampler):
        def explain(self, turn, scorer, limit, temperature):
            return "Because."

    policy = SimpleNamespace(core=SimpleNamespace(dtype=getattr(torch, dtype)))
    scorer, turn = SimpleNamespace(policy=policy), Turn(Prompt(), Completion(""))
    measured = dict(zip(("sampling_mismatch", "sampling_mismatch_mean"), row, strict=True))
    MismatchAlarm(ScriptedSampler("a"), scorer, None, 1.0).see(
        measured, (row[0], turn)
    )  # draws in this process
    alarm = MismatchAlarm(Elsewhere("a"), scorer, limit, 1.0)
    with pytest.raises(RunError, match=r"max_mismatch.*Because") if stops else nullcontext():
        alarm.see(measured, (row[0], turn))
