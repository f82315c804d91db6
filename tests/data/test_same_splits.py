"""The drawn folders are split as by vrft 0.1: ids in the same order, from the same hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from vrft.data.dataset import load_dataset
from vrft.data.splits.few_shot import few_shot_split
from vrft.data.splits.manifest import manifest
from vrft.miniature.folders import write_classification, write_detection, write_grounding
from vrft.tasks.registry import load_task

WRITERS = {
    "classification": write_classification,
    "detection": write_detection,
    "grounding": write_grounding,
}
RECORDED = [
    ("detection", 2, 0.15, True, "14:872cc36108dfec47 60:620133ed024a900d 49:3c9aea07a3efd3ed"),
    ("detection", 4, 0.4, True, "40:17e53a08eddba0a7 60:39a4e884557efc0c 50:00a7e248fb4cbafa"),
    ("detection", 3, 0.15, False, "21:2287775c73b4a142 60:4e8c6d51966d7020 49:8ab681a57f3a1e5b"),
    ("classification", 2, 0.15, True, "20:2b01cee5466297c9 60:2fa5ee252de7b17f 50:62211afa03e8a076"),
    ("classification", 4, 0.4, True, "40:67521b61faf1205d 60:2fa5ee252de7b17f 50:8ee0cefa12a092b1"),
    ("classification", 3, 0.15, False, "30:a4f222f7c018f5d8 46:1a18ece49735f20d 50:0b271170b73ebe49"),
    ("grounding", 2, 0.15, True, "2:64931ddf77fe8df1 60:382127afcf0d79a3 50:45258de01773e9d3"),
    ("grounding", 4, 0.4, True, "4:a82b7096df2893ca 60:a50c5f29209ca67d 50:53cfb90c7f21a76d"),
    ("grounding", 3, 0.15, False, "3:92221e15a3e57ef5 59:1d4067a9a1396284 50:481d359e116232dd"),
]
"""Task, shots, negatives, whether the folder's parts are given; of each part of the split how many questions
it has and the digest of their ids, as version 0.1 gives them."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("drawn")
    return {name: write(root / name, 0) for name, write in WRITERS.items()}


@pytest.mark.parametrize(("task", "shots", "negatives", "given", "recorded"), RECORDED)
def test_splits_are_those_of_the_first_version(
    folders: dict[str, Path], task: str, shots: int, negatives: float, given: bool, recorded: str
) -> None:
    dataset = load_dataset(folders[task], load_task(task).needs)
    split = few_shot_split(
        load_task(task).examples(dataset.records),
        shots=shots,
        seed=shots,
        negatives=negatives,
        parts=dataset.parts if given else None,
        eval_max=50,
    )
    parts = [manifest(split)[part] for part in ("train", "val", "heldout")]
    digests = [hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16] for ids in parts]
    assert " ".join(f"{len(ids)}:{digest}" for ids, digest in zip(parts, digests, strict=True)) == recorded
