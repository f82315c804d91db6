"""Weights in 4 or 8 bits under an adapter, by bitsandbytes through transformers.

What is quantized is what an adapter goes to: the projections of the text model. Embeddings, head, norms and
the vision tower stay in the model's precision: they are few, and places are read from them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from vrft.errors import ConfigError, ModelError
from vrft.models.model_options import Bits

_BLOCK, _BLOCKS = 64, 256
"""Weights of 4 bits that share a scale of 8 bits, and such scales that share one of 32."""
_COARSEST = 0.2
"""Share of a block's largest weight by which 4 bits may move another one; NF4's widest gap is 0.304."""
EXTRA = "quantized"


def weight_bytes(bits: Bits, in_features: int, out_features: int) -> float:
    """Bytes of a quantized projection, its scales included: 0.516 a weight in 4 bits, and one in 8 bits with
    a float32 scale for each row.

    Example:
        >>> weight_bytes(4, 1024, 1024) / 1024**2
        0.515869140625
    """
    weights = in_features * out_features
    if bits == 8:
        return weights + 4 * out_features
    return weights * (0.5 + (1 + 4 / _BLOCKS) / _BLOCK)


def bits_of(config: Any) -> Bits | None:
    """The bits of a model that was saved quantized; None where it was not, or not by bitsandbytes."""
    saved = getattr(config, "quantization_config", None) or {}
    saved = saved if isinstance(saved, dict) else saved.to_dict()
    return 4 if saved.get("load_in_4bit") else 8 if saved.get("load_in_8bit") else None


def check_installed(bits: Bits) -> None:
    """Refuse where bitsandbytes is not there."""
    if find_spec("bitsandbytes") is None:
        raise ConfigError(
            f"model.bits: {bits} needs bitsandbytes, which is not installed. pip install 'vrft[{EXTRA}]'."
        )


def quantized_loading(
    bits: Bits, config: Any, dtype: torch.dtype, device: str, targets: str
) -> dict[str, Any]:
    """Arguments of ``from_pretrained`` that quantize a model while it loads.

    Args:
        bits: of a weight; 4 are NF4 with scales that are quantized too (arXiv 2305.14314).
        config: of the model; what was saved quantized stays as it is.
        dtype: that products are computed in.
        device: where it goes, as it cannot be moved afterwards.
        targets: pattern of the names of the modules that are quantized.
    """
    placed = {"device_map": {"": device}}
    if bits_of(config) is not None:
        return placed
    quantization = BitsAndBytesConfig(
        load_in_4bit=bits == 4,
        load_in_8bit=bits == 8,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=[rf"(?!{targets}$).*"],
    )
    return placed | {"quantization_config": quantization}


def settle(model: torch.nn.Module, source: str) -> None:
    """Have a quantized model compute right, and alike while it samples and while it learns.

    Raises:
        ModelError: bitsandbytes gives other weights back than it was given, as release 0.50 does on some
            processors where a row is no multiple of 64 numbers; ``source`` is what the user called the model.
    """
    from bitsandbytes.nn import Linear4bit

    narrow = [module for module in model.modules() if isinstance(module, Linear4bit)]
    for module in narrow:
        # Some processors would sample from repacked weights, in bfloat16.
        module.support_avx512bf16_for_cpu = False
    for wide, device in {(module.in_features, module.weight.device) for module in narrow}:
        if _worst_error(wide, device) > _COARSEST:
            raise ModelError(
                f"{source}: bitsandbytes computes wrongly on this {device.type} with weights of 4 bits in "
                f"rows of {wide} numbers. Set model.bits: 8, or leave model.bits out."
            )


def _worst_error(wide: int, device: torch.device) -> float:
    """How far weights in rows of so many numbers come back from where they were, as a share of their block's
    largest."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    generator = torch.Generator().manual_seed(0)
    given = torch.randn(_BLOCK, wide, generator=generator) * torch.arange(1, _BLOCK + 1)[:, None]
    back = dequantize_4bit(*quantize_4bit(given.to(device), blocksize=_BLOCK, quant_type="nf4")).cpu()
    largest = given.reshape(-1, _BLOCK).abs().amax(1, keepdim=True)
    return float(((back - given).abs().reshape(-1, _BLOCK) / largest).max())
