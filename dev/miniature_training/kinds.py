"""From the miniature to ``miniature-kinds``: counts, points, regions, several categories, distances, puzzles.

    python dev/miniature_training/kinds.py OUT  # about an hour on one core
    python dev/miniature_training/kinds.py OUT --scale 0.02  # a quick, weak one for trying things out

Starts from the shipped weights, with the tower frozen; resumes from its checkpoints. The model lies under
``OUT/model``. The prompts of the tasks become tokens, as the paper's are already.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PILImage
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3VLForConditionalGeneration

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from miniature_training.architecture import save_miniature
from miniature_training.kinds_corpus import KINDS, Inked, Puzzled, phrases
from miniature_training.pool import Pool, as_seen
from miniature_training.pretrain import Stage, encode_pool, train_stage
from miniature_training.tokenizer import add_phrases
from vrft.geometry.points import deepest_point
from vrft.miniature.location import miniature_folder
from vrft.miniature.scenes import BASE, CATEGORIES, SIZE, Scene, draw_scene
from vrft.tasks.registry import load_task
from vrft.types import Example, Image, Record

SKILL_STEPS, HABIT_STEPS = 1800, 700
OLD = {
    "naming": 0.03,
    "locate_one": 0.08,
    "locate_all": 0.06,
    "locate_everything": 0.05,
    "follow": 0.04,
    "detection": 0.05,
    "classification": 0.03,
    "grounding": 0.03,
}
"""The miniature's own lines, so that it keeps what it could."""
SKILLS = {"count": 0.16, "point_all": 0.16}
TARGETS = {
    "counting": 0.06,
    "measuring": 0.08,
    "pointing": 0.06,
    "segmentation": 0.06,
    "multi_detection": 0.08,
    "jigsaw": 0.1,
    "rotation_puzzle": 0.06,
}
CROWD_SIDES_PX = (16, 30)
_DRAWN: Mapping[str, int] = {"scenes": 9000, "crowds": 4000, "jigsaw": 6000, "rotation_puzzle": 4000}
"""Images of each kind, in the order in which they are in the pool."""


def stages(images: Mapping[str, range], scale: float = 1.0) -> tuple[Stage, Stage]:
    """Skills and puzzles first, then the habits of hasty answers.

    Args:
        images: where in the pool the images of each kind are.
        scale: of the numbers of steps.
    """
    skills, habits = (max(2, round(steps * scale)) for steps in (SKILL_STEPS, HABIT_STEPS))
    seen = range(images["scenes"].start, images["crowds"].stop)
    where = dict.fromkeys((*OLD, *SKILLS, *TARGETS), images["scenes"])
    where |= {"count": seen, "counting": seen, "point_all": seen}
    where |= {name: images[name] for name in ("jigsaw", "rotation_puzzle")}
    few = {name: share / 3 for name, share in SKILLS.items()}
    learned, asked = {**OLD, **SKILLS, **TARGETS}, {**OLD, **few, **TARGETS}
    return (
        Stage("kinds", skills, 48, 8e-4, learned, prose=0.5, lines=KINDS, images=where),
        Stage("kinds habits", habits, 48, 5e-4, asked, prose=0.88, lines=KINDS, images=where),
    )


def draw_kinds(size: float = 1.0) -> tuple[Pool, Mapping[str, range]]:
    """The pool, and where in it the images of each kind are."""
    counts = {kind: max(60, round(count * size)) for kind, count in _DRAWN.items()}
    with ProcessPoolExecutor() as executor:
        asked = [(kind, i) for kind, count in counts.items() for i in range(count)]
        drawn = list(executor.map(_drawn, asked, chunksize=200))
    ends = np.cumsum([0, *counts.values()]).tolist()
    places = {kind: range(a, b) for kind, a, b in zip(counts, ends, ends[1:], strict=False)}
    return Pool(np.stack([pixels for pixels, _ in drawn]), [objects for _, objects in drawn]), places


def _drawn(asked: tuple[str, int]) -> tuple[np.ndarray, tuple[Inked, ...] | tuple[Puzzled]]:
    kind, index = asked
    rng = np.random.default_rng([8, list(_DRAWN).index(kind), index])
    if kind in ("scenes", "crowds"):
        scene = _scene(rng, crowd=kind == "crowds")
        return as_seen(scene), tuple(_inked(scene, i) for i in range(len(scene.objects)))
    scene = draw_scene(rng, "pretrain", CATEGORIES, (2, 4))
    example = _puzzle(kind, index)
    (edit,) = example.image.edits
    shown = np.asarray(edit.apply(PILImage.fromarray(scene.pixels)))
    note = Puzzled("puzzle", "", (0, 0, SIZE, SIZE), edit, example.target)
    return as_seen(Scene(shown, ())), (note,)


def _scene(rng: np.random.Generator, crowd: bool) -> Scene:
    if not crowd:
        count = (1, 1) if rng.random() < 0.2 else (1, 4)
        return draw_scene(rng, "pretrain", CATEGORIES, count)
    names = tuple(map(str, rng.choice(BASE, 2, replace=False)))
    return draw_scene(rng, "pretrain", names, (2, 6), CROWD_SIDES_PX)


def _inked(scene: Scene, index: int) -> Inked:
    one = scene.objects[index]
    point = deepest_point(scene.mask(index))
    assert point is not None
    return Inked(one.category, one.color, one.box_xyxy_px, point)


def _puzzle(task: str, index: int) -> Example:
    image = Image(Path(f"{index}.png"), (SIZE, SIZE))
    (made,) = load_task(task).examples([Record(f"{index}.png", (image,))])
    return made


def extend(model: Qwen3VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
    """Add the phrases to a model and its tokenizer; a new token begins as the mean of its parts."""
    parts = add_phrases(tokenizer, phrases())
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        for table in {model.get_input_embeddings(), model.get_output_embeddings()}:
            for token, before in parts.items():
                table.weight[token] = table.weight[before].mean(0)


def train(out: Path, scale: float = 1.0) -> Path:
    """Run both stages."""
    out.mkdir(parents=True, exist_ok=True)
    folder = miniature_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    extend(model, tokenizer)
    pool, images = draw_kinds(scale)
    seen = encode_pool(model, pool)
    for stage in stages(images, scale):
        train_stage(model, tokenizer, pool, seen, stage, out / f"{stage.name.replace(' ', '_')}.pt")
    return save_miniature(model, tokenizer, out / "model")


def main() -> None:
    """Command line of the continued pretraining."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of steps and images")
    a = parser.parse_args()
    began = time.time()
    print(train(a.out, a.scale))
    print(f"{(time.time() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
