"""Stage 1 of the miniature's pretraining: the vision tower learns to see under dense supervision.

Every merged token (a cell of 16 pixels) says whether an object covers it, of which class, and where the
object's box is. Novel categories count as "object" only: their class is never taught here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from miniature_training.architecture import patchify
from miniature_training.pool import Pool
from vrft.miniature.scenes import BASE, SIZE, SceneObject

CELLS = 6
IGNORE = -100


def keep(checkpoint: Path, learned: Mapping[str, Any], step: int) -> None:
    """Write the states of what is trained after so many steps."""
    torch.save({name: part.state_dict() for name, part in learned.items()} | {"step": step}, checkpoint)


def resume(checkpoint: Path, learned: Mapping[str, Any]) -> int:
    """Take up what ``keep`` wrote, where it did; how many steps were done."""
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=False)
    for name, part in learned.items():
        part.load_state_dict(state[name])
    return int(state["step"])


class DenseHeads(nn.Module):
    """Linear read-outs of a merged token: objectness, class, box; thrown away after pretraining."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.objectness = nn.Linear(width, 1)
        self.category = nn.Linear(width, len(BASE))
        self.box = nn.Linear(width, 4)


def cell_targets(objects: tuple[SceneObject, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets of the 36 cells of one scene."""
    edges = np.arange(CELLS + 1) * SIZE / CELLS
    best = np.full((CELLS, CELLS), 0.25 * (SIZE / CELLS) ** 2)
    objectness = np.zeros((CELLS, CELLS), np.float32)
    category = np.full((CELLS, CELLS), IGNORE, np.int64)
    box = np.zeros((CELLS, CELLS, 4), np.float32)
    for o in objects:
        x1, y1, x2, y2 = o.box_xyxy_px
        wide = np.clip(np.minimum(edges[1:], x2) - np.maximum(edges[:-1], x1), 0, None)
        tall = np.clip(np.minimum(edges[1:], y2) - np.maximum(edges[:-1], y1), 0, None)
        covered = tall[:, None] * wide[None, :]
        mine = covered > best
        best[mine] = covered[mine]
        objectness[mine] = 1.0
        category[mine] = BASE.index(o.category) if o.category in BASE else IGNORE
        box[mine] = np.array([x1, y1, x2, y2], np.float32) / SIZE
    return objectness.ravel(), category.ravel(), box.reshape(-1, 4)


def dense_batch(pool: Pool, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
    """Patches, grid and cell targets of some scenes of the pool."""
    pixel_values, grid = patchify(pool.pixels[rows])
    targets = [cell_targets(pool.objects[row]) for row in rows]
    objectness, category, box = (
        torch.from_numpy(np.concatenate(part)) for part in zip(*targets, strict=True)
    )
    return pixel_values, grid, objectness, category, box


def train_tower(
    tower: Qwen3VLVisionModel,
    pool: Pool,
    steps: int = 1200,
    batch: int = 64,
    learning_rate: float = 2e-3,
    seed: int = 0,
    checkpoint: Path | None = None,
    log_every: int = 50,
) -> DenseHeads:
    """Train the tower in place; resumes from ``checkpoint`` where it exists."""
    heads = DenseHeads(tower.config.out_hidden_size)
    parameters = [*tower.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.1)
    learned = {"tower": tower, "heads": heads, "optimizer": optimizer, "schedule": schedule}
    start = resume(checkpoint, learned) if checkpoint is not None else 0
    # Width and positions reach the text model through deepstack too, so every merger must be read somewhere.
    for step in range(start, steps):
        rng = np.random.default_rng([seed, step])
        rows = rng.integers(0, len(pool), batch)
        pixel_values, grid, objectness, category, box = dense_batch(pool, rows)
        seen = tower(pixel_values, grid_thw=grid, return_dict=True)
        loss = torch.zeros(())
        for features in (seen.pooler_output, *seen.deepstack_features):
            on = objectness > 0
            loss = loss + F.binary_cross_entropy_with_logits(
                heads.objectness(features).squeeze(-1), objectness
            )
            loss = loss + F.cross_entropy(heads.category(features), category, ignore_index=IGNORE)
            loss = loss + 5 * F.l1_loss(heads.box(features)[on], box[on])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % log_every == 0:
            print(f"tower step {step + 1}/{steps} loss {loss.item():.3f}", flush=True)
        if checkpoint is not None and ((step + 1) % 200 == 0 or step + 1 == steps):
            keep(checkpoint, learned, step + 1)
    return heads


@torch.no_grad()
def cell_accuracy(
    tower: Qwen3VLVisionModel, heads: DenseHeads, pool: Pool, n: int = 1000
) -> dict[str, float]:
    """Gate 1: share of covered cells of base categories whose class is right, and mean box error."""
    hits = total = right = cells = 0
    error = 0.0
    covered = 0
    for begin in range(0, n, 100):
        pixel_values, grid, objectness, category, box = dense_batch(
            pool, np.arange(begin, min(begin + 100, n))
        )
        features = tower(pixel_values, grid_thw=grid, return_dict=True).pooler_output
        known = category != IGNORE
        hits += int((heads.category(features).argmax(-1)[known] == category[known]).sum())
        total += int(known.sum())
        said = heads.objectness(features).squeeze(-1) > 0
        right += int((said == (objectness > 0)).sum())
        cells += len(said)
        on = objectness > 0
        error += float((heads.box(features)[on] - box[on]).abs().mean(-1).sum())
        covered += int(on.sum())
    return {"cell_class": hits / total, "objectness": right / cells, "box_l1": error / covered}
