"""Loss and gradient against TRL's own computation on the same batch, in float32.

TRL's method runs on a stand-in for its trainer that holds what the method reads and gives it the
log-probabilities; settings come through TRL's own configuration class, so its defaults are held to ours too.
"""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch

from vrft.training.kl import KlTerm, k3
from vrft.training.losses import LOSSES, Grpo, Sapo, StepSize

trl = pytest.importorskip("trl")
pytestmark = pytest.mark.filterwarnings("ignore:.*activation_checkpointing.*:FutureWarning")

PLACES, LONGEST = 7, 9
NAMES = sorted(LOSSES)
TRL_NAME = {"gspo": "grpo"}
"""GSPO is the loss 'grpo' with ratios of whole answers."""
KLS = ((0.0, False), (0.04, False), (0.04, True))
"""Weight of the KL term, and whether it is corrected."""


def batch(rows=12, seed=0):
    """Ratios of tokens and of whole answers on both sides of both edges, answers of unequal length."""
    generator = torch.Generator().manual_seed(seed)
    shape = (rows, PLACES)
    old = -3 * torch.rand(shape, generator=generator) - 0.1
    drift = 0.4 * torch.randn((rows, 1), generator=generator)
    now = old + drift + 0.5 * torch.randn(shape, generator=generator)
    reference = now + 0.5 * torch.randn(shape, generator=generator)
    lengths = torch.randint(1, PLACES + 1, (rows, 1), generator=generator)
    mask = torch.arange(PLACES) < lengths
    return now, old, reference, torch.randn(rows, generator=generator), mask


def settings_of(name, beta, correction, tmp_path, parts=1):
    return trl.GRPOConfig(
        output_dir=str(tmp_path),
        loss_type=TRL_NAME.get(name, name),
        importance_sampling_level="sequence" if name == "gspo" else "token",
        epsilon=0.2,
        epsilon_high=1.28 if name == "cispo" else 0.28,  # CISPO's there is the edge itself
        beta=beta,
        use_bias_correction_kl=correction,
        max_completion_length=LONGEST,
        gradient_accumulation_steps=parts,
        use_cpu=True,
        bf16=False,
        report_to="none",
    )


def trainer_of(args, logprobs):
    """What TRL's loss reads of its trainer, on one process."""
    return SimpleNamespace(
        args=args,
        _get_per_token_logps_and_entropies=lambda *_, **__: (logprobs, torch.zeros_like(logprobs), None),
        loss_type=args.loss_type,
        importance_sampling_level=args.importance_sampling_level,
        epsilon_low=args.epsilon,
        epsilon_high=args.epsilon_high,
        beta=args.beta,
        max_completion_length=args.max_completion_length,
        top_entropy_quantile=args.top_entropy_quantile,
        off_policy_mask_threshold=args.off_policy_mask_threshold,
        use_vllm=args.use_vllm,
        vllm_importance_sampling_correction=args.vllm_importance_sampling_correction,
        aux_loss_enabled=False,
        _entropy_bonus_enabled=False,
        model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=args.gradient_accumulation_steps,
        accelerator=SimpleNamespace(
            num_processes=1, reduce=lambda tensor, reduction: tensor, gather=lambda tensor: tensor
        ),
        _metrics={"train": defaultdict(list)},
    )


def theirs(args, now, old, reference, advantages, mask, tokens=None):
    """TRL's loss of one micro-batch, and its log."""
    trainer = trainer_of(args, now)
    ids = torch.ones_like(mask, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": ids[:, :1],
        "completion_ids": ids,
        "completion_mask": mask.long(),
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum() if tokens is None else torch.tensor(tokens),
    }
    loss = trl.GRPOTrainer._compute_loss(trainer, None, inputs)
    return loss, trainer._metrics["train"]


def ours(name, beta, correction, now, old, reference, advantages, mask, size):
    term = KlTerm(k3(now, reference), beta, correction) if beta else None
    options = {k: v for k, v in (("clip", 0.2), ("clip_high", 0.28)) if k in LOSSES[name].model_fields}
    return LOSSES[name](**options)(now, old, advantages[:, None], mask, size, term)


def close(found, expected):
    return (found - expected).abs().max().item() <= 1e-5 * max(1.0, expected.abs().max().item())


@pytest.mark.parametrize(("beta", "correction"), KLS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("on_policy", [False, True])
def test_loss_gradient_and_clip_shares_are_trls(name, beta, correction, on_policy, tmp_path):
    now, old, reference, advantages, mask = batch()
    old = None if on_policy else old
    args = settings_of(name, beta, correction, tmp_path)
    their_now, our_now = now.clone().requires_grad_(), now.clone().requires_grad_()
    expected, log = theirs(args, their_now, old, reference, advantages, mask)
    expected.backward()
    size = StepSize(len(now), int(mask.sum()), LONGEST)
    loss = ours(name, beta, correction, our_now, old, reference, advantages, mask, size)
    loss.value.backward()
    assert close(loss.value, expected)
    assert close(our_now.grad, their_now.grad)
    assert their_now.grad.abs().max() > 0.01
    if "clip_ratio/low_mean" in log:
        assert loss.clipped_low_share.item() == pytest.approx(log["clip_ratio/low_mean"][0], abs=1e-6)
        assert loss.clipped_high_share.item() == pytest.approx(log["clip_ratio/high_mean"][0], abs=1e-6)
        assert on_policy or log["clip_ratio/low_mean"][0] > 0 < log["clip_ratio/high_mean"][0]


@pytest.mark.parametrize("name", NAMES)
def test_micro_batches_of_equal_rows_add_up_as_trls_do(name, tmp_path):
    now, old, reference, advantages, mask = batch(seed=1)
    args = settings_of(name, 0.04, True, tmp_path, parts=2)
    tokens = int(mask.sum())
    their_now, our_now = now.clone().requires_grad_(), now.clone().requires_grad_()
    for rows in (slice(0, 6), slice(6, 12)):
        part = (old[rows], reference[rows], advantages[rows], mask[rows])
        theirs(args, their_now[rows], *part, tokens=tokens)[0].backward()
        size = StepSize(len(now), tokens, LONGEST)
        ours(name, 0.04, True, our_now[rows], *part, size).value.backward()
    assert close(our_now.grad, their_now.grad)


def test_trls_defaults_of_sapo_are_ours(tmp_path):
    args = trl.GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none")
    assert (args.sapo_temperature_pos, args.sapo_temperature_neg) == (
        Sapo().tau_positive,
        Sapo().tau_negative,
    )
    assert args.epsilon == Grpo().clip
