"""Bytes and operations that a training step of a Qwen2-VL cannot do without: pure arithmetic, no torch.

Operations are those of the model's own products, two a weight and token forward; nothing that an engine
chooses to compute again is counted, so a share of the peak can only be understated. A causal token attends
to itself and what stands before it. Backward, a product costs its inputs' gradient and its weights' gradient,
each as much as the product itself, the latter only where the weights learn; attention has no weights and
costs twice its forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapes import LORA_RANK, Shape


@dataclass(frozen=True)
class Sizes:
    """What of a configuration decides bytes and operations."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    tower_width: int
    tower_layers: int
    tower_mlp: int
    """Width inside the tower's perceptrons."""
    patch_values: int
    """Numbers of a patch."""
    patches_a_token: int

    @property
    def head_width(self) -> int:
        """Numbers of one head."""
        return self.hidden // self.heads

    @property
    def projections(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of a text layer's products: q, k, v, o, gate, up, down."""
        h, m, keys = self.hidden, self.intermediate, self.kv_heads * self.head_width
        return ((h, h), (h, keys), (h, keys), (h, h), (h, m), (h, m), (m, h))

    @property
    def layer_weights(self) -> int:
        """Weights of a text layer's products."""
        return sum(n * m for n, m in self.projections)

    @property
    def adapter_weights(self) -> int:
        """Weights of a text layer's LoRA adapters."""
        return LORA_RANK * sum(n + m for n, m in self.projections)


def sizes_of(config: Any) -> Sizes:
    """Read a configuration."""
    text, vision = config.text_config, config.vision_config
    return Sizes(
        hidden=text.hidden_size,
        intermediate=text.intermediate_size,
        layers=text.num_hidden_layers,
        heads=text.num_attention_heads,
        kv_heads=text.num_key_value_heads,
        vocabulary=text.vocab_size,
        tower_width=vision.embed_dim,
        tower_layers=vision.depth,
        tower_mlp=vision.embed_dim * vision.mlp_ratio,
        patch_values=vision.in_channels * vision.temporal_patch_size * vision.patch_size**2,
        patches_a_token=vision.spatial_merge_size**2,
    )


def decoder_weights(s: Sizes) -> int:
    """Numbers that one decoding step reads of the model: every text layer, the last norm and the head."""
    biases = (s.heads + 2 * s.kv_heads) * s.head_width
    norms = 2 * s.hidden
    return s.layers * (s.layer_weights + biases + norms) + s.hidden + s.vocabulary * s.hidden


def cached_numbers(s: Sizes, tokens: float) -> float:
    """Keys and values of some tokens."""
    return 2 * s.layers * s.kv_heads * s.head_width * tokens


def decode_bytes(s: Sizes, shape: Shape, prompt_tokens: int, bytes_a_number: int) -> float:
    """Bytes that a decoding step must read, mean over an answer: weights and keys once, prompts shared.

    Args:
        s: the model.
        shape: sizes of the step.
        prompt_tokens: of one prompt, its image's included.
        bytes_a_number: 2 in bfloat16.
    """
    # Each of the new_tokens - 1 steps reads the answer so far, its own token included.
    answers = shape.prompts * shape.group * shape.new_tokens / 2
    cached = cached_numbers(s, shape.prompts * prompt_tokens + answers)
    return bytes_a_number * (decoder_weights(s) + cached)


@dataclass(frozen=True)
class Work:
    """Operations of one part of the model, forward."""

    products: int
    """By weights."""
    attention: int = 0
    of_pixels: int = 0
    """Of the products, those whose inputs are pixels and need no gradient."""

    @property
    def forward(self) -> int:
        """All of them."""
        return self.products + self.attention

    def backward(self, learns: bool = True) -> int:
        """Operations of its gradients.

        Args:
            learns: whether its weights do; gradients pass through it either way.
        """
        return self.products * (1 + learns) - self.of_pixels + 2 * self.attention


def tower_work(s: Sizes, shape: Shape) -> Work:
    """The vision tower over one image of every prompt."""
    width, patches = s.tower_width, shape.image_tokens * s.patches_a_token
    layer = 4 * width**2 + 2 * width * s.tower_mlp
    merged = width * s.patches_a_token
    merger = merged**2 + merged * s.hidden
    embedding = 2 * shape.prompts * patches * s.patch_values * width
    layers = 2 * shape.prompts * (patches * s.tower_layers * layer + shape.image_tokens * merger)
    attention = shape.prompts * s.tower_layers * 4 * patches**2 * width
    return Work(embedding + layers, attention, of_pixels=embedding)


def prompt_work(s: Sizes, shape: Shape, prompt_tokens: int) -> Work:
    """The text model over every prompt once."""
    seen = prompt_tokens * (prompt_tokens + 1) // 2
    products = 2 * shape.prompts * prompt_tokens * s.layers * s.layer_weights
    return Work(products, shape.prompts * s.layers * 4 * s.hidden * seen)


def answer_work(s: Sizes, shape: Shape, prompt_tokens: int) -> Work:
    """The text model over every answer but its last token, which predicts nothing."""
    fed = shape.new_tokens - 1
    rows = shape.prompts * shape.group
    seen = fed * prompt_tokens + fed * (fed + 1) // 2
    products = 2 * rows * fed * s.layers * s.layer_weights
    return Work(products, rows * s.layers * 4 * s.hidden * seen)


def head_work(s: Sizes, shape: Shape) -> Work:
    """Logits of every answer token."""
    return Work(2 * shape.prompts * shape.group * shape.new_tokens * s.hidden * s.vocabulary)


def adapter_work(s: Sizes, shape: Shape, tokens: int) -> Work:
    """LoRA's adapters over some tokens of the text model; nothing where there are none."""
    return Work(2 * s.layers * s.adapter_weights * tokens if shape.lora else 0)


@dataclass(frozen=True)
class Encoding:
    """What a method of the training pass does with prompts that sampling has encoded."""

    encodes_anew: bool
    for_each_answer: bool = False


ENCODING = {
    "shared": Encoding(encodes_anew=False),
    "packed": Encoding(encodes_anew=True),
    "plain": Encoding(encodes_anew=True, for_each_answer=True),
}
"""By method of ``vrft.rollout.hidden_states``."""


def encoding_flops(s: Sizes, shape: Shape, prompt_tokens: int) -> int:
    """Operations of encoding the prompts for sampling; features of a frozen tower are known by then."""
    tower = 0 if _tower_rests(shape) else tower_work(s, shape).forward
    adapters = adapter_work(s, shape, shape.prompts * prompt_tokens).forward
    return tower + adapters + prompt_work(s, shape, prompt_tokens).forward


def training_flops(s: Sizes, shape: Shape, prompt_tokens: int, method: str) -> int:
    """Operations of our training pass, from the sampled answers to the gradient.

    With the ``shared`` method prompts and images were encoded with gradient while sampling, so that only
    their backward pass falls into this one. With the KL term the reference runs over prompts (its images
    are known) and answers once.

    Args:
        s: the model.
        shape: sizes of the step.
        prompt_tokens: of one prompt, its image's included.
        method: a key of ``ENCODING``.
    """
    encoding, full = ENCODING[method], not shape.lora
    times = shape.group if encoding.for_each_answer else 1
    fed = shape.prompts * shape.group * (shape.new_tokens - 1)
    prompt, answer = prompt_work(s, shape, prompt_tokens), answer_work(s, shape, prompt_tokens)
    head, tower = head_work(s, shape), tower_work(s, shape)
    prompt_adapters = adapter_work(s, shape, shape.prompts * prompt_tokens)
    answer_adapters = adapter_work(s, shape, fed)
    total = times * (prompt.backward(full) + prompt_adapters.backward())
    total += answer.backward(full) + answer_adapters.backward() + head.backward(full)
    total += answer.forward + answer_adapters.forward + head.forward
    if encoding.encodes_anew:
        total += times * (prompt.forward + prompt_adapters.forward)
    if not _tower_rests(shape):
        total += tower.backward() + (tower.forward if encoding.encodes_anew else 0)
    if shape.beta:
        total += times * prompt.forward + answer.forward + head.forward
    return total


def _tower_rests(shape: Shape) -> bool:
    return shape.frozen_vision or shape.lora
