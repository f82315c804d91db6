"""What processes that share a policy's weights compute, against one that has all of them.

``torchrun ... sharded.py FOLDER SETTINGS MACHINES`` writes what it finds to FOLDER/sharded.json.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image
from planted import question

from vrft.distributed import init_distributed
from vrft.errors import RunError
from vrft.models.attention.shared_attention import SharedPrompt
from vrft.models.divided import everywhere, own_part
from vrft.models.load_policy import load_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.parity import compare_methods
from vrft.rollout.plain import PlainSampler
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.training.optimizer import Optimizer
from vrft.training.reference import Reference
from vrft.training.sharding import ShardedScorer, mesh_of
from vrft.training.training_options import OptimOptions
from vrft.types import SampleSeed, SamplingParams

GROUP = 2
ANSWERS = [(21,), (22,), (23,), (24,), (25, 26, 27), (28, 29), (30,), (31, 32, 33, 34)]
"""Of four prompts: the first of two processes has answers of one token alone."""
METHODS = ("shared", "packed", "plain")
SETTINGS = {
    "all weights": {},
    "LoRA, checkpointed": {"lora": LoraOptions(rank=2)},
    "vision tower": {"train_vision": True},
}


def policy_of(lora=None, unread=False, **settings):
    """The same in every process."""
    options = ModelOptions(path="miniature", device="cpu", dtype="float64", lora=lora, **settings)
    torch.manual_seed(3)
    policy = load_policy(options, unread=unread)
    if lora is not None:
        policy.core.activation_checkpointing_enable()
        torch.manual_seed(5)
        for name, weight in policy.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, 0, 0.05)
    policy.model.train()
    return policy


def part(items, size=1):
    own = context.shard_slice(len(items) // size)
    return items[own.start * size : own.stop * size]


def gradients(scorer, prompts, answers, method):
    scorer.policy.model.zero_grad()
    logprobs, mask = scorer(prompts, answers, GROUP, 0.9, method)
    weights = 1 + torch.arange(logprobs.shape[1], dtype=logprobs.dtype) / 4
    (logprobs * weights * mask).sum().backward()
    return {name: p.grad for name, p in scorer.policy.model.named_parameters() if p.grad is not None}


def gap(ours, theirs):
    """The largest difference of any weight's gradient, as a share of its own largest number."""
    assert ours.keys() == theirs.keys()
    pairs = [(everywhere(ours[name]), value) for name, value in theirs.items()]
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-9)) for a, b in pairs)


def of_setting(name, machines):
    alone, shared = AnswerScorer(policy_of(**SETTINGS[name])), policy_of(**SETTINGS[name], unread=True)
    assert shared.unread is not None
    mesh = mesh_of(context, "cpu", machines)
    scorer = ShardedScorer(shared, context, mesh, by_layer=name != "vision tower")
    prompts = prompts_for(alone.policy, EXAMPLES)
    for (key, one), (other, two) in zip(
        alone.policy.model.named_buffers(), shared.model.named_buffers(), strict=True
    ):
        assert key == other and torch.equal(one, two), key
    found = {
        method: gap(
            gradients(scorer, part(prompts), part(ANSWERS, GROUP), method),
            gradients(alone, prompts, ANSWERS, method),
        )
        for method in METHODS
    }
    lacking = gradients(alone, prompts[:1], ANSWERS[:GROUP], "plain")
    assert gap(lacking, gradients(alone, prompts, ANSWERS, "plain")) > 0.1
    decoder, whole = shared.core.get_decoder(), alone.policy.core.get_decoder()
    held = sum(own_part(p).numel() for p in decoder.parameters()) / sum(p.numel() for p in whole.parameters())
    return {"gradients": found, "held": held, **sampled(alone, scorer), **learned(alone, scorer)}


def sampled(alone, scorer):
    """Answers of the first process, while the others have none to give."""
    params, draw = SamplingParams(1.0, max_new_tokens=12), SampleSeed.whole(len(EXAMPLES), 7)
    prompts, pairs = prompts_for(alone.policy, EXAMPLES), []
    for sampler in (SharedPromptSampler, PlainSampler):
        expected = sampler(alone.policy).generate(prompts, GROUP, params, draw)
        with scorer.gathered():
            if context.is_first:
                found = sampler(scorer.policy).generate(prompts, GROUP, params, draw)
                pairs += zip(chain(*found), chain(*expected), strict=True)
    return {"answers": [a.token_ids == b.token_ids for a, b in pairs]}


def learned(alone, scorer):
    """A reference stays where it was when the policy has learned."""
    own, arguments = part(EXAMPLES), (part(ANSWERS, GROUP), GROUP, 1.0, "shared")
    prompts = prompts_for(alone.policy, own)
    references = Reference(alone.policy, alone), Reference(scorer.policy, scorer)
    options = OptimOptions(learning_rate=1e-2)
    optimizers = Optimizer(alone.policy.model, options), Optimizer(scorer.policy.model, options, 1, context)
    gradients(alone, prompts_for(alone.policy, EXAMPLES), ANSWERS, "shared")
    gradients(scorer, prompts, part(ANSWERS, GROUP), "shared")
    norms = [optimizer.step()["grad_norm"] for optimizer in optimizers]
    kept = optimizers[1]._adam.state.values()
    every = sum(p.numel() for p in scorer.policy.model.parameters() if p.requires_grad)
    with torch.no_grad():
        now = [one(prompts, *arguments)[0] for one in (alone, scorer)]
        before = [reference.logprobs(prompts, *arguments) for reference in references]
    assert (now[0] - before[0]).abs().max() > 1e-3
    return {
        "norm": abs(norms[0] - norms[1]) / norms[0],
        "reference": float((before[0] - before[1]).abs().max()),
        "policy": float((now[0] - now[1]).abs().max()),
        "moments": sum(own_part(own["exp_avg"]).numel() for own in kept) / every,
    }


@dataclass
class Copied:
    """A prompt's record as a dataclass, of which torch makes copies."""

    layers: dict = field(default_factory=dict)
    starts: tuple = ()
    layout: object = None
    laid_out, select = SharedPrompt.laid_out, SharedPrompt.select


def refused():
    """What is said where a prompt's keys are lost on their way."""
    scorer = ShardedScorer(policy_of(), context, mesh_of(context, "cpu"))
    prompts = prompts_for(scorer.policy, EXAMPLES[:1])
    with patch("vrft.rollout.shared_prompt.prefill.SharedPrompt", Copied):
        try:
            compare_methods(scorer.policy, prompts, ANSWERS[2:4], GROUP, scorer=scorer)
        except RunError as error:
            return str(error)
    return "nothing"


if __name__ == "__main__":
    context, folder = init_distributed(), Path(sys.argv[1])
    EXAMPLES = []
    for number, size in enumerate([(64, 48), (40, 64), (56, 56), (48, 48)]):
        path = folder / f"{context.index}-{number}.png"
        Image.new("RGB", size, (40 * number, 90, 120)).save(path)
        EXAMPLES.append(question(path, size, str(number)))
    names = sys.argv[2].split("; ")
    result = {name: of_setting(name, int(sys.argv[3])) for name in names}
    result["refused"] = refused()
    if context.is_first:
        (folder / "sharded.json").write_text(json.dumps(result))
