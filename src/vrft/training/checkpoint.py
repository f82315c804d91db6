"""Checkpoints: all that a resume needs, written whole or not at all."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import torch

from vrft.distributed import DistributedContext
from vrft.errors import RunError
from vrft.models.divided import is_divided, own_part, part_of, whole
from vrft.models.model_source import first_sentence
from vrft.run_folder import replace_folder, writing

KEPT = 2
"""Checkpoints of a run."""
_LOGGER = logging.getLogger("vrft.training")


def trainable_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that learn, by name, on the CPU, in their own precision; of divided ones this process's
    part."""
    return {name: own_part(p.detach()).cpu().clone() for name, p in _learned(model).items()}


def whole_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same with whole weights in the first process; a meeting where they are divided."""
    learned = _learned(model)
    return {name: whole(learned[name].detach(), part) for name, part in state.items()}


def parts_of_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What ``whole_state`` was made of."""
    own = _learned(model)
    return {
        name: own_part(part_of(value, own[name])) if name in own else value for name, value in state.items()
    }


def _learned(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def load_trainable_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put weights back; RunError where a name or a shape does not fit."""
    own = _learned(model)
    differing = own.keys() ^ state.keys() or {
        n for n, p in own.items() if own_part(p).shape != state[n].shape
    }
    if differing:
        raise RunError(
            f"The checkpoint is of another model: {', '.join(sorted(differing)[:3])} differ. Name the model "
            "and the settings that the run began with."
        )
    with torch.no_grad():
        for name, value in state.items():
            own_part(own[name]).copy_(value)


def check_together(model: torch.nn.Module, context: DistributedContext) -> None:
    """See that the weights that learn are the same in every process; RunError where they differ."""
    if context.count == 1 or is_divided(model):
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


def newest_checkpoint(folder: Path, mapped: bool = False) -> dict[str, Any] | None:
    """The state of the newest checkpoint that can be read; None where there is none at all.

    ``mapped`` leaves its tensors on the disk until they are used.

    Raises:
        RunError: none of those that are there can be read.
    """
    whole = [f for f in sorted(folder.glob("step_*")) if f.suffix != ".new" and (f / "state.pt").exists()]
    broken: list[str] = []
    for place in reversed(whole):
        try:
            state = torch.load(place / "state.pt", weights_only=True, map_location="cpu", mmap=mapped)
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
