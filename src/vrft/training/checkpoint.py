"""Checkpoints: all that a resume needs, written whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from vrft.distributed import DistributedContext
from vrft.errors import RunError
from vrft.run_folder import replace_folder


def trainable_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that learn, by name, on the CPU, in their own precision."""
    return {name: p.detach().cpu().clone() for name, p in model.named_parameters() if p.requires_grad}


def load_trainable_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put weights back; every name must fit."""
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if own.keys() != state.keys():
        raise KeyError(f"checkpoint and model differ in {sorted(own.keys() ^ state.keys())[:3]}")
    with torch.no_grad():
        for name, value in state.items():
            own[name].copy_(value)


def check_together(model: torch.nn.Module, context: DistributedContext) -> None:
    """See that the weights that learn are the same in every process; RunError where they differ."""
    if context.count == 1:
        return
    learned = [p.detach() for p in model.parameters() if p.requires_grad]
    own = torch.stack([p.sum(dtype=torch.float64) for p in learned]).tolist()
    if any(other != own for other in context.all_gather_object([own])):
        raise RunError(
            f"The weights differ between the {context.count} processes. The newest checkpoint is "
            "from before. Check that all devices are of one kind and healthy, then add --resume."
        )


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write ``folder/step_000040/state.pt`` and drop older ones."""
    fresh = folder / f"step_{step:06d}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    torch.save(state, fresh / "state.pt")
    replace_folder(fresh, folder / f"step_{step:06d}")
    for older in sorted(folder.glob("step_*"))[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The state of the newest whole checkpoint, or None."""
    whole = [f for f in sorted(folder.glob("step_*")) if f.suffix != ".new" and (f / "state.pt").exists()]
    return torch.load(whole[-1] / "state.pt", weights_only=True, map_location="cpu") if whole else None
