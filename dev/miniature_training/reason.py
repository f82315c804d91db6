"""From the miniature to ``miniature-reasoning``: skills of adding, then habits with a share of real chains.

    python dev/miniature_training/reason.py OUT  # the shipped one, under an hour on two busy cores
    python dev/miniature_training/reason.py OUT --chains 0 0.02 0.05 0.1 0.2  # skills are trained once

Starts from the shipped weights, with the tower frozen; resumes from its checkpoints. Each model lies under
``OUT/chains-P``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from miniature_training.architecture import save_miniature
from miniature_training.pool import Pool, as_seen, draw_pool
from miniature_training.pretrain import Stage, encode_pool, train_stage
from miniature_training.sum_corpus import sum_lines
from vrft.miniature.glyphs import Split
from vrft.miniature.location import miniature_folder
from vrft.miniature.scenes import Scene, SceneObject
from vrft.miniature.sums import draw_sum, draw_sum_of_others

SHIPPED = 0.2
"""Share of real chains in the thoughts of the model that the package ships."""
SKILL_STEPS, HABIT_STEPS = 2400, 800
OLD = {
    "naming": 0.03,
    "locate_one": 0.09,
    "locate_all": 0.05,
    "locate_everything": 0.04,
    "follow": 0.04,
    "detection": 0.05,
    "classification": 0.03,
    "grounding": 0.03,
}
"""The miniature's own lines, so that it keeps what it could."""
SKILLS = {"read": 0.22, "plus": 0.14, "chain": 0.2, "chain_to_digit": 0.08}
HABITS = {
    "read": 0.15,
    "plus": 0.12,
    "chain": 0.04,
    "worked": 0.2,
    "worked_box": 0.08,
    "total": 0.3,
    "digit_box": 0.12,
}
"""Of the second stage: in it chains are put into tags, and the tasks' own questions are answered in haste."""
_DRAWN: Mapping[str, tuple[int, Callable[[np.random.Generator, Split], Scene]]] = {
    "two": (6000, lambda rng, split: draw_sum(rng, split, 2)),
    "three": (5000, lambda rng, split: draw_sum(rng, split, 3)),
    "others": (3000, draw_sum_of_others),
}


def stages(chains: float, scale: float = 1.0) -> tuple[Stage, Stage]:
    """Skills, which are the same for every share of chains, and habits."""
    skills, habits = (max(2, round(steps * scale)) for steps in (SKILL_STEPS, HABIT_STEPS))
    return (
        Stage("skills", skills, 48, 8e-4, {**OLD, **SKILLS}, prose=0.88, lines=sum_lines(0.0)),
        Stage("sum habits", habits, 48, 6e-4, {**OLD, **HABITS}, prose=0.88, lines=sum_lines(chains)),
    )


def draw_sums(size: float = 1.0) -> Pool:
    """Images of two and of three digits, and of three of which one is the sum of the others."""
    asked = [(kind, i) for kind, (count, _) in _DRAWN.items() for i in range(max(50, round(count * size)))]
    with ProcessPoolExecutor() as executor:
        drawn = list(executor.map(_drawn, asked, chunksize=200))
    return Pool(np.stack([pixels for pixels, _ in drawn]), [objects for _, objects in drawn])


def _drawn(asked: tuple[str, int]) -> tuple[np.ndarray, tuple[SceneObject, ...]]:
    kind, index = asked
    scene = _DRAWN[kind][1](np.random.default_rng([7, list(_DRAWN).index(kind), index, 77]), "pretrain")
    return as_seen(scene), scene.objects


def reason(out: Path, chains: list[float], scale: float = 1.0, pool_size: float = 1.0) -> list[Path]:
    """Run both stages, the second for every share of chains."""
    out.mkdir(parents=True, exist_ok=True)
    folder = miniature_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    old = draw_pool(max(500, round(6000 * pool_size)), 0, "pretrain")
    sums = draw_sums(pool_size)
    pool = Pool(np.concatenate([old.pixels, sums.pixels]), [*old.objects, *sums.objects])
    model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    seen = encode_pool(model, pool)
    train_stage(model, tokenizer, pool, seen, stages(0.0, scale)[0], out / "skills.pt")
    skilled = {name: weight.clone() for name, weight in model.state_dict().items()}
    made = []
    for share in chains:
        model.load_state_dict(skilled)
        train_stage(model, tokenizer, pool, seen, stages(share, scale)[1], out / f"chains-{share:g}.pt")
        made.append(save_miniature(model, tokenizer, out / f"chains-{share:g}"))
    return made


def main() -> None:
    """Command line of the continued pretraining."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--chains", type=float, nargs="+", default=[SHIPPED], help="shares of real chains")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of steps and images")
    a = parser.parse_args()
    began = time.time()
    for folder in reason(a.out, a.chains, a.scale, a.scale):
        print(folder)
    print(f"{(time.time() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
