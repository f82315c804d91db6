"""Options of the optimizer and of the loop, readable where torch is not installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from vrft.rollout.rollout_options import RolloutOptions
from vrft.types.options import Options


class OptimOptions(Options):
    """The optimizer, equal for RFT and SFT."""

    learning_rate: float = Field(1e-6, gt=0)
    """AdamW's learning rate, which warm-up and schedule multiply."""
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    """How the rate falls over the run: in a line or a half cosine to 0, or not at all."""
    warmup_steps: int = Field(0, ge=0)
    """Steps in which the rate rises from 0."""
    weight_decay: float = Field(0.0, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Longer gradients are scaled down to this norm."""
    steps: int = Field(200, ge=1)
    """Steps of the run, at most."""
    prompts_per_step: int = Field(16, ge=1)
    """Questions of one step; RFT draws `rollout.group_size` answers to each."""
    micro_prompts: int = Field(0, ge=0)
    """Prompts of one forward and backward pass; 0 takes the whole step at once."""
    shard: bool | Literal["machine"] = False
    """Divide weights, gradients, optimizer and reference among the processes of torchrun; 'machine' among
    those of each machine, which then holds a whole model."""
    activation_checkpointing: bool = False
    """Compute a layer's activations again in the backward pass instead of keeping them: less memory, about
    a third more time."""
    activation_offload: bool = False
    """Keep activations in the computer's own memory until the backward pass: less memory of the GPU, more
    time; nothing changes on the CPU."""


class ChecksOptions(Options):
    """Validation, checkpoints and what is logged of rollouts."""

    validate_every: int = Field(20, ge=0)
    """Steps between scores of the validation part; 0 never."""
    patience: int = Field(0, ge=0)
    """Stop after so many validations without a better one; 0 runs all steps."""
    checkpoint_every: int = Field(20, ge=1)
    """Steps between checkpoints, which --resume goes on from; the two newest are kept."""
    rollouts: Literal["all", "none"] | Annotated[int, Field(strict=True, ge=0)] = "all"
    """Groups of each step that are logged whole: 'all', 'none' or a number."""


@dataclass(frozen=True)
class Gpus:
    """Equal GPUs that train together; ``gib`` is the memory of one."""

    count: int
    gib: float

    @classmethod
    def read(cls, text: str) -> Gpus:
        """From text; ValueError where it is not like ``8x80``.

        Example:
            >>> Gpus.read("8x80")
            Gpus(count=8, gib=80.0)
        """
        count, _, gib = text.lower().partition("x")
        found = cls(int(count), float(gib))
        if found.count < 1 or not 0 < found.gib < float("inf"):
            raise ValueError(text)
        return found


@dataclass(frozen=True)
class MemoryPlan:
    """What a configuration says about memory.

    ``samples``: the policy's own answers are learned from (RFT), otherwise one answer per prompt;
    ``reference``: a reference policy is asked, with ``lora`` the policy without its adapter; ``keeps_best``:
    the weights of the best validation are kept.
    """

    rollout: RolloutOptions
    optim: OptimOptions
    samples: bool
    reference: bool
    lora: bool
    keeps_best: bool
