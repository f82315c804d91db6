"""Checkpoints: all that a resume needs, written whole or not at all."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import torch

from vrft.distributed import DistributedContext
from vrft.errors import RunError
from vrft.models.model_source import first_sentence
from vrft.run_folder import replace_folder, writing

KEPT = 2
"""Checkpoints of a run."""
_LOGGER = logging.getLogger("vrft.training")


def trainable_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that learn, by name, on the CPU, in their own precision."""
    return {name: p.detach().cpu().clone() for name, p in model.named_parameters() if p.requires_grad}


def load_trainable_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put weights back; RunError where a name or a shape does not fit."""
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    differing = own.keys() ^ state.keys() or {n for n, p in own.items() if p.shape != state[n].shape}
    if differing:
        raise RunError(
            f"The checkpoint is of another model: {', '.join(sorted(differing)[:3])} differ. Name the model "
            "and the settings that the run began with."
        )
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
    """Write ``folder/step_000040/state.pt``, and keep the one before it: the newest may turn out broken.

    Raises:
        RunError: it cannot be written, as on a full disk; older checkpoints are kept.
    """
    fresh = folder / f"step_{step:06d}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    with writing(fresh):
        fresh.mkdir(parents=True)
        torch.save(state, fresh / "state.pt")
        replace_folder(fresh, folder / f"step_{step:06d}")
    for older in sorted(folder.glob("step_*"))[:-KEPT]:
        shutil.rmtree(older, ignore_errors=True)


def newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The state of the newest checkpoint that can be read; None where there is none at all.

    Raises:
        RunError: none of those that are there can be read.
    """
    whole = [f for f in sorted(folder.glob("step_*")) if f.suffix != ".new" and (f / "state.pt").exists()]
    broken: list[str] = []
    for place in reversed(whole):
        try:
            state = torch.load(place / "state.pt", weights_only=True, map_location="cpu")
            if not {"step", "weights", "optimizer", "best"} <= state.keys():
                raise ValueError("parts of it are missing")
        except Exception as error:  # torch and pickle raise whatever the broken bytes lead to
            broken.append(f"{place}: the checkpoint cannot be read ({first_sentence(error)}).")
            continue
        for problem in broken:
            _LOGGER.warning(f"{problem} The run goes on from the one before, step {state['step']}.")
        return state  # type: ignore[no-any-return]
    if broken:
        raise RunError(f"{broken[0]} No older one can. Delete {folder}, and --resume begins the run anew.")
    return None
