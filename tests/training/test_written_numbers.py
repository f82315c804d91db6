"""The term that teaches written confidences: its value and gradient against formulas written out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from vrft.config.run_config import make_config
from vrft.errors import ConfigError
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.token_ends import token_ends
from vrft.rollout.hidden_states import plain_hidden
from vrft.rollout.prompt_batch import answer_batch
from vrft.tasks.registry import load_task
from vrft.training.batch import Batch
from vrft.training.grpo import GrpoObjective, GrpoOptions
from vrft.training.losses import StepSize, number_loss
from vrft.training.train_step import TrainStep
from vrft.training.written_numbers import number_means
from vrft.types import (
    Boxes,
    Clock,
    Completion,
    Example,
    Form,
    Image,
    Message,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)

DETECTION = load_task("detection")
LABEL = (100.0, 100.0, 500.0, 500.0)
HALF = (100.0, 100.0, 300.0, 500.0)
"""Half of the label: IoU 0.5 with it."""
FAR = (600.0, 600.0, 900.0, 900.0)
SHOWN = Image(Path("a.png"), (1000, 1000))
FRAMES = (SHOWN.frame("resized_pixels", (1000, 1000)),)


def listed(*boxes):
    each = [f"{{'Position': {[int(n) for n in box]}, 'Confidence': {c}}}" for box, c in boxes]
    return f"<answer>[{', '.join(each)}]</answer>"


def rolled(text, prompt=None, said=None, image=SHOWN):
    example = Example("a", "a", "detection", (image,), "cup", Boxes((LABEL,)), form=Form.DIRECT)
    said = said or Completion(text, tuple(range(len(text))), ends=tuple(i + 1 for i in range(len(text))))
    turns = (Turn(prompt or Prompt(frames=FRAMES), said),)
    return Rollout(example, turns, DETECTION.parse_turns(example, turns), advantages=((0.0,),))


def test_the_mean_of_each_confidence_is_that_of_its_digits_and_ends_at_the_iou_of_its_box():
    first, second = listed((HALF, "0.85"), (FAR, "0.30")), listed((LABEL, "1.00"))
    rollouts = [rolled(first), rolled(second), rolled("<answer>No Objects</answer>")]
    shown = 3  # columns that were shown and not said come before the answer of the first row
    width = max(map(len, (first, second))) + shown
    digits_RA = torch.linspace(0, 0.9, 3 * width, dtype=torch.float64).reshape(3, width).requires_grad_()
    said = [[False] * shown + [True] * len(first), [True] * len(second), [True] * 30]
    found = number_means(rollouts, digits_RA, said)
    wanted = []
    for row, text, at, before in (
        (0, first, "0.85", shown),
        (0, first, "0.30", shown),
        (1, second, "1.00", 0),
    ):
        place = text.index(at) + before
        e, tenths, hundredths = (digits_RA[row, place + i] for i in (0, 2, 3))
        e = e.clamp(max=1.0)
        wanted.append((e + (1 - e) * (tenths / 10 + hundredths / 100)).clamp(max=1.0))
    assert torch.allclose(found.mean_N, torch.stack(wanted))
    assert found.right_N.tolist() == pytest.approx([0.5, 0.0, 1.0]) and found.share_N.tolist() == [
        0.5,
        0.5,
        1,
    ]
    loss = number_loss(found.mean_N, found.right_N, found.share_N, StepSize(3, 9, 9))
    first_row = ((wanted[0] - 0.5) ** 2 + wanted[1] ** 2) / 2
    expected = (first_row + (wanted[2] - 1) ** 2) / 3
    assert loss.item() == pytest.approx(expected.item())
    grads = [torch.autograd.grad(one, digits_RA, retain_graph=True)[0] for one in (loss, expected)]
    assert torch.allclose(*grads) and grads[0].abs().sum() > 0
    empty = number_means(rollouts[2:], digits_RA, said[2:])
    assert number_loss(empty.mean_N, empty.right_N, empty.share_N, StepSize(1, 1, 1)).item() == 0


def test_the_mean_that_costs_least_is_the_mean_of_what_is_right():
    right = torch.tensor([0.0, 0.0, 0.9, 0.7], dtype=torch.float64)
    logit = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([logit], lr=8.0)
    for _ in range(300):
        optimizer.zero_grad()
        mean_N = logit.sigmoid().expand(4)
        number_loss(mean_N, right, torch.ones(4, dtype=torch.float64), StepSize(4, 4, 4)).backward()
        optimizer.step()
    assert logit.sigmoid().item() == pytest.approx(right.mean().item(), abs=1e-6)


def test_a_training_step_moves_the_digits_of_confidences_alone(images):
    """Against the same term on one plain forward pass of the model, its ten digits picked out by hand."""
    policy = load_policy(ModelOptions(path="miniature", device="cpu"))
    image = Image(images[0], (64, 48))
    prompt = policy.first([Message("user", (image, "Where is the cup?"))])
    text = listed((HALF, "0.85"))
    ids = tuple(policy.tokenizer.encode(text, add_special_tokens=False))
    said = Completion(text, ids, (-0.5,) * len(ids), token_ends(policy.decode, ids, text))
    rollout = rolled(text, prompt, said, image)
    iou = DETECTION.written_numbers(rollout)[0].right
    group = RolloutGroup(rollout.example, (rollout,))

    class Fixed:
        def batch(self, now):
            return Batch((group,), (0,), max_tokens=len(ids))

    objective = GrpoObjective(GrpoOptions(kl={"beta": 0.0}, confidence_weight=0.3))
    row = TrainStep(policy, Fixed(), objective, method="plain")(Clock())
    own = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    policy.model.zero_grad()
    with policy.learning():
        hidden = plain_hidden(policy, [prompt], answer_batch(policy, [ids]), 1)
        logits = policy.core.get_output_embeddings()(hidden).float()
        start = [begin for begin, _ in said.token_spans].index(text.index("0.85"))
        digits = F.softmax(logits[:, list(policy.digit_ids)], -1) @ torch.arange(10.0)
        # '0.' is one token here, and stays as it is written.
        loss = 0.3 * (digits[start + 1] / 10 + digits[start + 2] / 100 - iou) ** 2
        loss.backward()
    assert row["loss"] == pytest.approx(loss.item(), rel=1e-4) and row["confidence_loss"] > 0
    for name, parameter in policy.model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(own[name], parameter.grad, rtol=1e-3, atol=1e-6)


def test_it_needs_the_expected_confidence():
    tree = {"task": "detection", "data": {"path": "a"}, "grpo": {"confidence_weight": 0.3}}
    with pytest.raises(ConfigError, match=r"grpo\.confidence_weight.*evaluation\.score: expected"):
        make_config(tree)
    assert make_config({**tree, "evaluation": {"score": "expected"}}).grpo.confidence_weight == 0.3
    assert DETECTION.written_numbers(replace(rolled(listed((FAR, "0.5"))), turns=())) == ()
