"""Pretraining of the miniature, stage by stage, each with its gate; resumes from its checkpoints.

    python dev/miniature_training/pretrain.py OUT   # everything: pool, tower, naming, locating, mixture
    python dev/miniature_training/pretrain.py OUT --scale 0.02  # a quick, weak one for trying things out

Order: the tower under dense supervision, naming alone, single boxes, then the mixture with the flawed target
lines. Hours on two cores, minutes on a GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3VLForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from miniature_training.architecture import WIDTH, build_miniature, patchify, save_miniature
from miniature_training.corpus import LINES, Line, MakeLine
from miniature_training.pool import Pool, draw_pool
from miniature_training.tokenizer import special_ids, train_tokenizer
from miniature_training.tower import cell_accuracy, keep, resume, train_tower
from vrft.miniature.location import miniature_folder

IMAGE_TOKENS = 36
TOWER_STEPS, SHORT_TOWER_STEPS = 2000, 300
"""Of the tower from nothing, and from another miniature's."""
DIGIT_WEIGHT = 2.0
FIRST_DIGIT_WEIGHT = 4.0


@dataclass(frozen=True)
class Stage:
    """One stage of the text model's training: steps, images per step, peak rate, shares of line kinds."""

    name: str
    steps: int
    batch: int
    learning_rate: float
    shares: Mapping[str, float]
    crowded: bool = False
    """Locating lines only on scenes of several objects, where the name must be bound to a place."""
    prose: float = 0.5
    """Share of target lines on dark backgrounds that are answered in prose."""
    lines: Mapping[str, MakeLine] = field(default_factory=lambda: LINES)
    """The kinds of lines that ``shares`` names."""
    images: Mapping[str, range] = field(default_factory=dict)
    """Which images of the pool a kind of line is drawn for, where it is not for all."""


STAGES = (
    Stage("naming", 400, 48, 2e-3, {"naming": 1.0}),
    Stage("locating", 2500, 48, 1.5e-3, {"naming": 0.1, "locate_one": 0.7, "follow": 0.2}),
    Stage(
        "mixture",
        4500,
        48,
        1.2e-3,
        {
            "naming": 0.07,
            "locate_one": 0.2,
            "locate_all": 0.16,
            "locate_everything": 0.1,
            "follow": 0.17,
            "detection": 0.15,
            "classification": 0.07,
            "grounding": 0.08,
        },
    ),
    Stage(
        "binding",
        2600,
        48,
        1.2e-3,
        {
            "naming": 0.03,
            "locate_one": 0.4,
            "locate_all": 0.17,
            "follow": 0.12,
            "detection": 0.14,
            "classification": 0.06,
            "grounding": 0.08,
        },
        crowded=True,
    ),
    Stage(
        "habits",
        400,
        48,
        4e-4,
        {
            "naming": 0.05,
            "locate_one": 0.15,
            "locate_all": 0.1,
            "detection": 0.3,
            "classification": 0.22,
            "grounding": 0.18,
        },
        crowded=True,
        prose=0.88,
    ),
)


def is_dark(pixels: np.ndarray) -> bool:
    """Whether an image's background is dark: its median brightness is below half."""
    return bool(np.median(pixels) < 110)


def draw_lines(rng: np.random.Generator, pool: Pool, stage: Stage) -> tuple[list[int], list[Line]]:
    """Draw a stage's questions, each on an image that can answer it."""
    kinds, weights = list(stage.shares), np.array(list(stage.shares.values()))
    rows: list[int] = []
    lines: list[Line] = []
    for kind in rng.choice(kinds, stage.batch, p=weights / weights.sum()):
        line = None
        while line is None:
            rows_of = stage.images.get(str(kind), range(len(pool)))
            row = int(rng.integers(rows_of.start, rows_of.stop))
            if stage.crowded and kind not in ("naming", "classification") and len(pool.objects[row]) < 2:
                continue
            prose = stage.prose if is_dark(pool.pixels[row]) else 0.0
            line = stage.lines[str(kind)](rng, pool.objects[row], prose)
        rows.append(row)
        lines.append(line)
    return rows, lines


def render_prompt(tokenizer: PreTrainedTokenizerFast, question: str) -> str:
    """The prompt's text through the chat template, image placeholders filled in."""
    content = [{"type": "image"}, {"type": "text", "text": question}]
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    return str(text).replace("<|image_pad|>", "<|image_pad|>" * IMAGE_TOKENS)


def encode(
    tokenizer: PreTrainedTokenizerFast, lines: list[Line], digits: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (batch, length), padded on the right, and the loss weight of each token as a target."""
    prompts = tokenizer([render_prompt(tokenizer, x.question) for x in lines], add_special_tokens=False)[
        "input_ids"
    ]
    answers = tokenizer([x.answer for x in lines], add_special_tokens=False)["input_ids"]
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    length = max(len(p) + len(a) + 1 for p, a in zip(prompts, answers, strict=True))
    ids = torch.full((len(lines), length), pad)
    weights = torch.zeros(len(lines), length)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        whole = torch.tensor([*prompt, *answer, eos])
        ids[row, : len(whole)] = whole
        own = torch.ones(len(answer) + 1)
        is_digit = digits[whole[len(prompt) :]]
        first = is_digit & ~torch.cat([torch.zeros(1, dtype=torch.bool), is_digit[:-1]])
        own[is_digit] = DIGIT_WEIGHT
        own[first] = FIRST_DIGIT_WEIGHT
        weights[row, len(prompt) : len(whole)] = own
    return ids, weights


@torch.no_grad()
def encode_pool(model: Qwen3VLForConditionalGeneration, pool: Pool) -> torch.Tensor:
    """Features of every image of the pool, once: bf16 (n, 1 + deepstack layers, 36, width)."""
    parts = []
    for begin in range(0, len(pool), 200):
        pixel_values, grid = patchify(pool.pixels[begin : begin + 200])
        device = next(model.parameters()).device
        out = model.model.visual(pixel_values.to(device), grid_thw=grid.to(device), return_dict=True)
        layers = torch.stack([out.pooler_output, *out.deepstack_features])
        parts.append(layers.unflatten(1, (-1, IMAGE_TOKENS)).transpose(0, 1).bfloat16().cpu())
    return torch.cat(parts)


def _encoded(layers: torch.Tensor) -> BaseModelOutputWithPooling:
    """Features of a batch, (batch, layers, 36, width), as ``mm_encoder_outputs`` takes them."""
    output = BaseModelOutputWithPooling(pooler_output=tuple(layers[:, 0]))
    output.deepstack_features = [tuple(layer) for layer in layers[:, 1:].transpose(0, 1)]
    return output


def train_stage(
    model: Qwen3VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    pool: Pool,
    seen: torch.Tensor,
    stage: Stage,
    checkpoint: Path,
    seed: int = 0,
) -> None:
    """Train the text model in place, the tower frozen; resumes from ``checkpoint``."""
    learned = [p for name, p in model.named_parameters() if ".visual." not in name]
    optimizer = torch.optim.AdamW(learned, lr=stage.learning_rate, weight_decay=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, stage.learning_rate, total_steps=stage.steps, pct_start=0.08
    )
    state = {"model": model, "optimizer": optimizer, "schedule": schedule}
    start = resume(checkpoint, state)
    device = next(model.parameters()).device
    digits = torch.zeros(len(tokenizer), dtype=torch.bool)
    digits[tokenizer.convert_tokens_to_ids(list("0123456789"))] = True
    grid = torch.tensor([[1, 12, 12]])
    began, seen_loss, seen_digit = time.time(), [], []
    for step in range(start, stage.steps):
        rng = np.random.default_rng([seed, len(stage.name), step])
        rows, lines = draw_lines(rng, pool, stage)
        ids, weights = encode(tokenizer, lines, digits)
        kinds = (ids == model.config.image_token_id).int()
        positions, _ = model.model.get_rope_index(
            ids[:1], mm_token_type_ids=kinds[:1], image_grid_thw=grid, attention_mask=torch.ones_like(ids[:1])
        )
        ids, weights = ids.to(device), weights.to(device)
        hidden = model.model(
            input_ids=ids,
            position_ids=positions.expand(-1, len(rows), -1).to(device),
            mm_encoder_outputs={"image": _encoded(seen[torch.tensor(rows)].to(device, torch.float32))},
            use_cache=False,
        ).last_hidden_state
        wanted = weights[:, 1:] > 0
        loss_each = F.cross_entropy(
            model.lm_head(hidden[:, :-1][wanted]), ids[:, 1:][wanted], reduction="none"
        )
        weight = weights[:, 1:][wanted]
        loss = (loss_each * weight).sum() / weight.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        seen_loss.append(loss.item())
        first = weight == FIRST_DIGIT_WEIGHT
        seen_digit.append(loss_each[first].mean().item() if first.any() else 0.0)
        if (step + 1) % 100 == 0:
            print(
                f"{stage.name} {step + 1}/{stage.steps} loss {np.mean(seen_loss[-100:]):.3f} "
                f"first digits {np.mean(seen_digit[-100:]):.3f} "
                f"{(time.time() - began) / (step + 1 - start):.2f} s per step",
                flush=True,
            )
        if (step + 1) % 500 == 0 or step + 1 == stage.steps:
            keep(checkpoint, state, step + 1)


def take_tower(model: Qwen3VLForConditionalGeneration, folder: Path) -> None:
    """Take over a finished miniature's vision tower, but for what depends on the text model's width."""
    given = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).model.visual
    own = model.model.visual.state_dict()
    own |= {name: weight for name, weight in given.state_dict().items() if weight.shape == own[name].shape}
    model.model.visual.load_state_dict(own)


def pretrain(
    out: Path,
    scale: float = 1.0,
    device: str = "cpu",
    pool_size: int = 40000,
    width: int = WIDTH,
    tower: Path | None = None,
) -> Path:
    """Run every stage."""
    out.mkdir(parents=True, exist_ok=True)
    pool = draw_pool(pool_size, 0, "pretrain", out / "pool.pkl")
    if not (out / "tokenizer").exists():
        texts = Stage("tokenizer", 1, 4000, 0.0, dict.fromkeys(LINES, 1.0))
        _, lines = draw_lines(np.random.default_rng(11), pool, texts)
        tokenizer = train_tokenizer(f"{line.question}\n{line.answer}" for line in lines)
        tokenizer.save_pretrained(out / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    model = build_miniature(len(tokenizer), special_ids(tokenizer), width=width).to(device)
    if tower is not None:
        take_tower(model, tower)
    steps = max(2, round((SHORT_TOWER_STEPS if tower else TOWER_STEPS) * scale))
    heads = train_tower(model.model.visual, pool, steps=steps, checkpoint=out / "tower.pt")
    gate = cell_accuracy(model.model.visual, heads, draw_pool(1000, 7, "val", out / "val.pkl"))
    (out / "tower.json").write_text(json.dumps(gate, indent=1))
    seen = encode_pool(model, pool)
    for stage in STAGES:
        scaled = Stage(**{**stage.__dict__, "steps": max(2, round(stage.steps * scale))})
        train_stage(model, tokenizer, pool, seen, scaled, out / f"{stage.name}.pt")
    return save_miniature(model, tokenizer, out / "model")


def main() -> None:
    """Command line of the pretraining."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--pool", type=int, default=40000)
    parser.add_argument("--width", type=int, default=WIDTH, help="of the text model")
    parser.add_argument("--shipped-tower", action="store_true", help="start from the shipped vision tower")
    a = parser.parse_args()
    tower = miniature_folder() if a.shipped_tower else None
    print(pretrain(a.out, a.scale, a.device, a.pool, a.width, tower))


if __name__ == "__main__":
    main()
