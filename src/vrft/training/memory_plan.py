"""What a configuration says about memory; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from vrft.rollout.rollout_options import RolloutOptions
from vrft.training.training_options import OptimOptions


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
