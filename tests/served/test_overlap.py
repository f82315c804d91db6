"""The next step's answers, drawn by a server while this step's gradient is computed."""

from __future__ import annotations

import math
from threading import Event

import pytest
import torch
from fake_vllm import FakeVllm

from training.planted import plant_rewards, question
from vrft.config.run_config import make_config
from vrft.errors import ConfigError, RunError
from vrft.rollout.logprobs import PolicyScorer
from vrft.rollout.vllm import server as server_module
from vrft.training.grpo import GrpoObjective
from vrft.training.optimizer import Optimizer
from vrft.types import Clock
from vrft.types.rows import group_from_row
from vrft.workflows.configured import policy_of, train_step_of

OVERLAP = {"overlap": True}
NO_CHECKS = {"validate_every": 0, "checkpoint_every": 1}
PATIENCE_S = 60.0
"""What no test waits for unless it fails."""


@pytest.fixture
def around(monkeypatch):
    """``around(owner, name, before)`` calls ``before`` with the arguments of each call, first."""

    def change(owner, name, before):
        honest = getattr(owner, name)

        def changed(*arguments, **named):
            before(*arguments)
            return honest(*arguments, **named)

        monkeypatch.setattr(owner, name, changed)

    return change


def test_the_next_answers_are_drawn_while_the_gradient_is_computed_and_before_the_update(
    serve, train, around
):
    """The server answers the second step only when the first one's gradient has begun."""
    server, begun, met, asked = serve(), Event(), [], []
    around(GrpoObjective, "__call__", lambda *arguments: begun.set())
    around(FakeVllm, "generate", lambda self, body: len(self.asked) < 2 or met.append(begun.wait(PATIENCE_S)))
    around(Optimizer, "step", lambda self: asked.append(len(server.asked)))
    rows, _ = train(server.url, 3, {"lora": {"rank": 4}}, rollout=OVERLAP, checks=NO_CHECKS)
    assert met == [True] * 4
    assert asked == [4, 6, 6]
    names = [body["model"] for body in server.asked]
    assert names[:4] == names[:1] * 4 and names[4:] == names[4:5] * 2 and names[0] != names[4]
    assert server.calls.count("pause") == server.calls.count("resume") == 2
    assert [row["staleness"] for row in rows] == [0, 1, 1]
    assert max(row["sampling_mismatch"] for row in rows) < 1e-4, "compared under the same weights"
    assert rows[0]["ratio_mean"] == 1 and all(abs(row["ratio_mean"] - 1) > 1e-3 for row in rows[1:])
    assert rows[0]["seconds_waiting"] == rows[0]["seconds_sampling"]
    assert all(0 <= row["seconds_waiting"] < row["seconds"] for row in rows)


def test_validation_a_tower_several_updates_and_groups_without_signal_go_together_with_it(serve, train):
    server = serve()
    rows, folder = train(
        server.url,
        3,
        {"train_vision": True},
        val=True,
        rollout=OVERLAP,
        grpo={"only_signal": True, "updates": 2},
    )
    assert [row["staleness"] for row in rows] == [0, 2, 2], "in optimizer steps"
    greedy = [place for place, b in enumerate(server.asked) if b["sampling_params"]["temperature"] == 0]
    assert len(greedy) == 8 and folder.read_json("done.json")["validation"] is not None


@pytest.mark.parametrize("cap", [None, 1.05])
def test_the_gradient_on_older_answers_is_that_of_finite_differences(
    serve, tiny_folders, images, tmp_path, monkeypatch, cap
):
    """Of -min(ratio A, clip(ratio) A) with the server's q as the old policy, or, with a cap, of
    -min(p / q, cap) A log pi."""
    plant_rewards(monkeypatch, lambda r, names: ({}, len(r.completion.text) % 5 / 4))
    server = serve()
    tree = {
        "model": {"path": str(tiny_folders["qwen3_vl"]), "device": "cpu", "dtype": "float64"},
        "task": "detection",
        "data": {"path": "unused"},
        "form": "direct",
        "rollout": {
            "group_size": 4,
            "max_new_tokens": 6,
            "sampler": "vllm",
            "url": server.url,
            **OVERLAP,
            "max_mismatch": 0.01,
        },
        "grpo": {
            "kl": {"beta": 0.0},
            "importance_cap": cap,
            "loss": {"name": "grpo", "clip": 0.01, "clip_high": 0.02},
        },
        "optim": {"prompts_per_step": 2},
        "out": str(tmp_path / "run"),
    }
    config = make_config(tree)
    policy = policy_of(config)
    examples = [question(path, wh, str(wh)) for path, wh in zip(images, ((64, 48), (40, 64)), strict=False)]
    step = train_step_of(config, policy, examples, "plain")
    learned = [p for p in policy.model.parameters() if p.requires_grad]
    step(Clock(0, 2))
    with torch.no_grad():
        for weight in learned:
            if weight.grad is not None:
                weight -= 0.05 * weight.grad
                weight.grad = None
    row = step(Clock(1, 2))
    step.source.close()
    rollouts = [r for group in step.batch.groups for r in group.rollouts]

    def logprobs():
        return PolicyScorer(policy, 1.0, "plain").logprobs([r.turns[0] for r in rollouts])

    started = logprobs()

    def loss():
        total = 0.0
        for rollout, now, own in zip(rollouts, logprobs(), started, strict=True):
            advantage, terms = rollout.advantages[0][0], []
            for pi, p, q in zip(now, own, rollout.completion.logprobs, strict=True):
                ratio = math.exp(pi - q)
                clipped = min(max(ratio, 0.99), 1.02)
                terms.append(
                    -min(ratio * advantage, clipped * advantage)
                    if cap is None
                    else -min(math.exp(p - q), cap) * advantage * pi
                )
            total += sum(terms) / len(terms) / len(rollouts)
        return total

    assert row["staleness"] == 1 and row["sampling_mismatch"] < 1e-4
    gradient = [torch.zeros_like(w) if w.grad is None else w.grad.clone() for w in learned]
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradient))
    if cap is None:
        assert 0 < row["clipped_low_share"] + row["clipped_high_share"] < 1
        assert row["loss"] == pytest.approx(loss(), abs=1e-9)
    else:
        weights = [
            min(math.exp(p - q), cap)
            for r, own in zip(rollouts, started, strict=True)
            for p, q in zip(own, r.completion.logprobs, strict=True)
        ]
        assert max(weights) == cap > min(weights)
        assert row["importance_weight"] == pytest.approx(sum(weights) / len(weights))

    def moved(by):
        with torch.no_grad():
            for weight, slope in zip(learned, gradient, strict=True):
                weight += by * slope / norm
        return loss()

    width = 3e-4  # norms are computed in single precision
    ahead, behind = moved(width), moved(-2 * width)
    assert norm > 1e-3
    assert (ahead - behind) / (2 * width) == pytest.approx(norm, rel=3e-3)


def test_a_run_that_goes_on_asks_the_same_questions_and_draws_what_was_on_its_way_again(serve, train, around):
    server, updates = serve(), []
    options = {"count": 3, "rollout": OVERLAP, "optim": {"prompts_per_step": 1}, "checks": NO_CHECKS}
    asked = []
    for out in ("whole", "cut"):
        if out == "cut":

            def dies(self):
                updates.append(self)
                if len(updates) == 3:
                    raise KeyboardInterrupt

            around(Optimizer, "step", dies)
            with pytest.raises(KeyboardInterrupt):
                train(server.url, 4, out=out, **options)
        rows, folder = train(server.url, 4, out=out, resume=out == "cut", **options)
        groups = [group_from_row(row) for row in folder.rows("rollouts.jsonl")]
        asked.append([(step, group.example.id) for step, group in groups])
    assert asked[0] == asked[1] and len({name for _, name in asked[0]}) == 3
    assert [row["staleness"] for row in rows] == [0, 1, 0, 1]
    assert max(row["sampling_mismatch"] for row in rows) < 1e-4


def test_what_the_server_refuses_meanwhile_stops_the_run_in_its_words(serve, train, around):
    def refuses(self, body):
        if len(self.asked) == 3:
            raise ValueError("there is no memory left")

    around(FakeVllm, "generate", refuses)
    with pytest.raises(RunError, match=r"refused inference/v1/generate \(400: there is no memory left\)"):
        train(serve().url, rollout=OVERLAP, checks=NO_CHECKS)


def test_answers_of_other_weights_are_found_before_they_are_trained_on(serve, train):
    server = serve(faults=("other weights",))
    with pytest.raises(RunError, match="had other weights than this run gave it"):
        train(server.url, 4, rollout=OVERLAP, checks=NO_CHECKS)


def test_a_run_that_fails_does_not_wait_for_a_server_that_has_gone(serve, train, around, monkeypatch):
    """Its thread waits for the server, and the run has ended in the meantime."""
    server, gone = serve(), Event()
    monkeypatch.setattr(server_module, "PAUSE_S", 0.01)

    def dies(self, body):
        if len(self.asked) == 3:
            self.close()
            gone.set()
            raise ConnectionAbortedError

    def fails(*arguments):
        assert gone.wait(PATIENCE_S)
        raise ZeroDivisionError

    around(FakeVllm, "generate", dies)
    around(GrpoObjective, "__call__", fails)
    with pytest.raises(ZeroDivisionError):
        train(server.url, rollout=OVERLAP, checks=NO_CHECKS)


def test_questions_that_are_chosen_by_answers_are_refused():
    tree = {
        "task": "detection",
        "data": {"path": "photos", "select": "variance"},
        "rollout": {"sampler": "vllm", "url": "http://127.0.0.1:8000", "overlap": True},
    }
    with pytest.raises(ConfigError, match=r"overlap, data.select.*Leave data.select out"):
        make_config(tree)
