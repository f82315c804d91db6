"""Activations that wait for the backward pass in the computer's own memory, by torch's ``save_on_cpu``."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks


def activations_on_cpu(model: torch.nn.Module) -> saved_tensors_hooks:
    """While it is open, what autograd saves goes to the CPU until it is needed, but for the model's weights.

    torch moves all that is saved, the weights of every projection too, which would be copied with each pass.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    moving = save_on_cpu(pin_memory=torch.cuda.is_available())

    def pack(tensor: torch.Tensor) -> Any:
        stays = tensor.untyped_storage().data_ptr() in weights
        return tensor.detach() if stays else moving.pack_hook(tensor)

    def unpack(packed: Any) -> torch.Tensor:
        return packed if isinstance(packed, torch.Tensor) else moving.unpack_hook(packed)

    return saved_tensors_hooks(pack, unpack)
