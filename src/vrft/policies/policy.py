"""The policy: a vision-language model with its tokenizer, image processor and Frame.

Axes: T prompt tokens, V picture patches, I pictures, D patch values.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutputWithPooling

from vrft.attention.shared import NAME
from vrft.data.images import image_size_wh, open_rgb
from vrft.geometry.frames import View
from vrft.policies.families import Family

IMAGE_CACHE = 512
"""Processed pictures and frozen features kept in memory, at most."""


@dataclass(frozen=True)
class Picture:
    """One picture as the image processor gives it."""

    path: Path
    pixel_values_VD: torch.Tensor
    grid_thw: tuple[int, int, int]
    view: View


@dataclass(frozen=True)
class Prompt:
    """One encoded question about one picture."""

    token_ids: tuple[int, ...]
    picture: Picture


@dataclass
class Policy:
    """A vision-language model ready to answer and to learn."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    image_processor: Any
    family: Family
    source: str
    vision_frozen: bool = True
    lean: bool | None = None
    """Whether the engine's own decoding step gives the model's hidden states; None until it was tried."""
    _pictures: OrderedDict[Path, Picture] = field(default_factory=OrderedDict)
    _features: OrderedDict[Path, tuple[torch.Tensor, list[torch.Tensor]]] = field(default_factory=OrderedDict)

    @property
    def core(self) -> Any:
        """The conditional-generation model itself, inside a LoRA wrapper where there is one."""
        unwrap = getattr(self.model, "get_base_model", None)
        return unwrap() if unwrap is not None else self.model

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.model.parameters()).device

    @property
    def shares_prompt(self) -> bool:
        """Whether its attention reads a shared prompt's keys (``vrft.attention.shared``)."""
        return bool(self.core.get_decoder().config._attn_implementation == NAME)

    @property
    def vocabulary(self) -> int:
        """Number of logits a token."""
        return int(self.core.get_decoder().config.vocab_size)

    @property
    def image_token_id(self) -> int:
        """The placeholder id of a picture token."""
        return int(self.core.config.image_token_id)

    @property
    def end_token_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer: the generation config's and the tokenizer's."""
        configured = self.core.generation_config.eos_token_id if self.core.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        ids = [i for i in (*listed, self.tokenizer.eos_token_id) if i is not None]
        return tuple(dict.fromkeys(int(i) for i in ids))

    @property
    def pad_token_id(self) -> int:
        """Filler of rows that are shorter than the longest; never read, masks go by length."""
        pad = self.tokenizer.pad_token_id
        return int(pad) if pad is not None else self.end_token_ids[0]

    @property
    def placeholder_ids(self) -> tuple[int, ...]:
        """Ids that must never be sampled: the model would look for picture features behind them."""
        config = self.core.config
        names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
        return tuple(int(i) for i in (getattr(config, name, None) for name in names) if i is not None)

    def picture(self, path: Path) -> Picture:
        """Read and process a picture; the most recent ones are kept.

        Args:
            path: a picture file.

        Returns:
            Patches, grid and the view that converts coordinates.
        """
        if path not in self._pictures:
            image = open_rgb(path)
            self._pictures[path] = self._process(path, image)
            if len(self._pictures) > IMAGE_CACHE:
                self._pictures.popitem(last=False)
        return self._pictures[path]

    def _process(self, path: Path, image: Image.Image) -> Picture:
        inputs = self.image_processor(images=[image], return_tensors="pt")
        t, h, w = (int(n) for n in inputs["image_grid_thw"][0])
        patch = int(self.image_processor.patch_size)
        view = View(self.family.frame, image_size_wh(path), (w * patch, h * patch))
        return Picture(path, inputs["pixel_values"], (t, h, w), view)

    def prompt(self, question: str, picture: Picture) -> Prompt:
        """Encode a question about a picture through the model's own chat template.

        Args:
            question: the user's text.
            picture: from ``picture``.

        Returns:
            Token ids with one placeholder a merged picture token.
        """
        content = [{"type": "image"}, {"type": "text", "text": question}]
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        t, h, w = picture.grid_thw
        count = t * h * w // int(self.image_processor.merge_size) ** 2
        where = ids.index(self.image_token_id)
        return Prompt((*ids[:where], *[self.image_token_id] * count, *ids[where + 1 :]), picture)

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """Token ids of an answer to be taught, end token included."""
        return (*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id)

    def decode(self, token_ids: tuple[int, ...]) -> str:
        """Text of an answer, special tokens left out."""
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    def features(self, pictures: list[Picture]) -> BaseModelOutputWithPooling:
        """Picture features, one entry a picture, as ``mm_encoder_outputs`` takes them.

        With a frozen vision tower each picture is encoded once and kept; otherwise the distinct pictures are
        encoded in one pass that carries gradient where gradient is on.

        Args:
            pictures: one a prompt; a repeated one is encoded once.
        """
        distinct = list({p.path: p for p in pictures}.values())
        known = self._features if self.vision_frozen else {}
        missing = [p for p in distinct if p.path not in known]
        fresh: dict[Path, tuple[torch.Tensor, list[torch.Tensor]]] = {}
        if missing:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.vision_frozen):
                fresh = self._encode(missing)
        both = {p.path: fresh[p.path] if p.path in fresh else known[p.path] for p in distinct}
        if self.vision_frozen:
            self._features.update(fresh)
            while len(self._features) > IMAGE_CACHE:
                self._features.popitem(last=False)
        chosen = [both[p.path] for p in pictures]
        output = BaseModelOutputWithPooling(pooler_output=tuple(pooled for pooled, _ in chosen))
        if chosen[0][1]:
            # transformers reads deepstack features as an attribute with one tuple of pictures a layer.
            output.deepstack_features = list(zip(*(deep for _, deep in chosen), strict=True))
        return output

    def _encode(self, pictures: list[Picture]) -> dict[Path, tuple[torch.Tensor, list[torch.Tensor]]]:
        pixel_values = torch.cat([p.pixel_values_VD for p in pictures]).to(self.device, self.core.dtype)
        grid = torch.tensor([p.grid_thw for p in pictures], device=self.device)
        seen = self.core.model.get_image_features(pixel_values, grid, return_dict=True)
        deep = getattr(seen, "deepstack_features", None) or []
        return {p.path: (seen.pooler_output[i], [layer[i] for layer in deep]) for i, p in enumerate(pictures)}

    def forget_features(self) -> None:
        """Drop kept features; needed after the tower's weights or device changed."""
        self._features.clear()
