"""Which model, how it is loaded, and which of its weights learn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrft.types.options import Options

Dtype = Literal["auto", "float32", "bfloat16", "float16", "float64"]
Bits = Literal[4, 8]


RANK, ALPHA = 16, 32
"""Of a fresh adapter, where nobody says otherwise."""


class LoraOptions(Options):
    """A LoRA adapter on the language model, never on the vision tower; switched off, it is the reference.

    Where ``path`` names an adapter, training goes on with that one.
    """

    rank: int | None = Field(None, ge=1)
    """Rank of the added matrices; null is that of the adapter that ``path`` names, or else 16."""
    alpha: int | None = Field(None, ge=1)
    """The adapter's output is multiplied by alpha / rank; null is that of the adapter that ``path`` names, or
    else 32."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the adapter's inputs that is dropped while training."""
    on_adapter: Literal["continue", "merge"] = "continue"
    """Where ``path`` names an adapter: go on with that one, or merge it into its base and train a fresh one;
    what is saved then is the whole model."""


class ModelOptions(Options):
    """Which policy, and which of its weights learn.

    Example:
        >>> ModelOptions(path="Qwen/Qwen2.5-VL-3B-Instruct", lora={"rank": 8}).lora.rank
        8
    """

    path: str = "miniature"
    """'miniature', a Hugging Face folder, or a hub id."""
    device: str = "auto"
    """'auto' (CUDA where there is one), or a torch device; 'meta' reads no weights and gives a policy that
    writes prompts and knows its shapes, but cannot answer."""
    dtype: Dtype = "auto"
    """'auto' is bfloat16 on a GPU that computes in it, float16 on an older one, float32 on the CPU."""
    attention: str = "sdpa"
    """transformers' attention implementation; only 'sdpa' shares prompts between answers."""
    train_vision: bool = False
    """Whether the vision tower learns too; features of a frozen one are computed once per image."""
    min_pixels: int | None = Field(None, ge=1)
    """Least pixels after the image processor's resize; null keeps the model's setting."""
    max_pixels: int | None = Field(None, ge=1)
    """Most pixels after the image processor's resize; null keeps the model's setting."""
    lora: LoraOptions | None = None
    """Train a LoRA adapter instead of all weights; null trains all, of an adapter the merged model."""
    bits: Bits | None = None
    """Keep the weights that an adapter goes to in 4 or 8 bits (bitsandbytes): a quarter or half of the
    memory, and only an adapter learns; null keeps them in `dtype`, or as the adapter was trained on them."""
