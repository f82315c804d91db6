"""Weights of which each process holds a part (torch's ``DTensor``), and models whose weights are not there
yet."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.distributed import get_rank
from torch.distributed.tensor import DTensor, distribute_tensor


def is_divided(model: nn.Module) -> bool:
    """Whether processes share a model's weights."""
    return any(isinstance(p, DTensor) for p in model.parameters())


def own_part(value: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor: all, where it is not divided."""
    return value.to_local() if isinstance(value, DTensor) else value


def part_of(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A whole tensor as another one is divided; nothing is exchanged."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    value = value.to(like.device)
    cut = distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
    return _laid_out(own_part(cut).clone(), like)


def whole(like: torch.Tensor, part: torch.Tensor | None = None) -> torch.Tensor:
    """A divided tensor in the first process's memory, and an empty one in that of others: a meeting.

    Args:
        like: says how it is divided.
        part: what this process has of it; None is its part of ``like``.
    """
    if not isinstance(like, DTensor):
        return like if part is None else part
    laid_out = like if part is None else _laid_out(part.to(like.device), like)
    found: torch.Tensor = laid_out.full_tensor()
    return found.cpu() if get_rank() == 0 else torch.empty(0)


def everywhere(value: torch.Tensor) -> torch.Tensor:
    """The whole of a small tensor, in every process: a meeting."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def exchanged(parameter: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Put another value into what a process has of a parameter; gives what was there.

    A divided one is copied into: torch gathers from where it lies. Another is put there, and a graph that has
    read what was there stays good.
    """
    if not isinstance(parameter, DTensor):
        before, parameter.data = parameter.data, part
        return before
    here = own_part(parameter.detach())
    before = here.clone()
    here.copy_(part)
    return before


def _laid_out(part: torch.Tensor, like: DTensor) -> DTensor:
    shape, stride = like.shape, like.stride()
    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=shape, stride=stride
    )


def skeleton_of(model: nn.Module) -> Any:
    """A copy of a model without its weights, on the meta device; what is tied stays tied."""
    memo: dict[int, Any] = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), p.requires_grad) for p in model.parameters()
    }
    return copy.deepcopy(model, memo)


ValueOf = Callable[[str, torch.Tensor], torch.Tensor | None]
"""By its name and the weight as it is, what this process shall have of it; None leaves it."""


def fill(model: nn.Module, value_of: ValueOf) -> None:
    """Put others in the place of a model's weights; what is tied stays tied."""
    fresh: dict[int, nn.Parameter] = {}
    for name, p in model.named_parameters():
        if (value := value_of(name, p)) is not None:
            laid_out = _laid_out(value, p.data) if isinstance(p.data, DTensor) else value
            fresh[id(p)] = nn.Parameter(laid_out, p.requires_grad)
    for module in model.modules():
        for attribute, p in module.named_parameters(recurse=False, remove_duplicate=False):
            if id(p) in fresh:
                setattr(module, attribute, fresh[id(p)])


def own_rows(weight: torch.Tensor) -> slice:
    """Which rows of a weight are this process's."""
    count = len(weight)
    if not isinstance(weight, DTensor):
        return slice(0, count)
    mesh = weight.device_mesh
    each = -(-count // mesh.size(-1))  # as torch.chunk cuts
    begin = min(count, each * mesh.get_local_rank(mesh.ndim - 1))
    return slice(begin, min(count, begin + each))
