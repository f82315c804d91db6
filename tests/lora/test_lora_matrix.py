"""Every kind of adapter folder under every verb: the right model, or a sentence that says why not.

What is right comes from arithmetic on the files (``hand_made``), never from the code that loads adapters.
"""

from __future__ import annotations

import json

import pytest
import torch
from hand_made import OLD, TODAY, factors, merged, saved_pairs, text_weights, write_adapter, write_photos
from safetensors.torch import load_file

from architectures import loaded
from launch import vrft
from vrft.evaluation.predictor import read_predictions

FAMILIES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
SOURCES = ("none", "right keys", "old keys", "wrong keys", "adapter on adapter", "merged")
OLD_NAMES = ("qwen2_vl", "qwen2_5_vl")
"""Families whose modules had other names once."""
RATE = 1e-4
ASKED = ("--form", "direct", "--max-new-tokens", "6", "--quiet")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("matrix") / "photos")


@pytest.fixture(scope="module")
def sources(tiny_folders, tmp_path_factory):
    """By family and kind: the folder that is given, and the whole model that it means; None where none."""
    root, found = tmp_path_factory.mktemp("sources"), {}
    for family in FAMILIES:
        base, own = tiny_folders[family], root / family
        first, second = factors(base, 1), factors(base, 2)
        means = merged(own / "means", base, first)
        right = write_adapter(own / "right", base, first)
        found |= {
            (family, "none"): (base, base),
            (family, "right keys"): (right, means),
            (family, "old keys"): (
                write_adapter(own / "old", base, first, OLD),
                means if family in OLD_NAMES else None,
            ),
            (family, "wrong keys"): (write_adapter(own / "wrong", base, first, "base_model.model.h"), None),
            (family, "adapter on adapter"): (
                write_adapter(own / "second", right, second),
                merged(own / "both", base, first, second),
            ),
            (family, "merged"): (means, means),
        }
    return found


def asked(verb, model, photos, out):
    given = {
        "eval": ("eval", model, photos, "--task", "detection", "--eval-max", "2", "--part", "all"),
        "predict": ("predict", model, photos, "seven"),
    }
    return vrft(*given[verb], "--out", out, *ASKED, cwd=out.parent)


def answers(folder):
    """Texts and log-probabilities of the answers that a command kept."""
    said = [one.rollouts[0].turns[0].completion for one in read_predictions(folder / "predictions.jsonl")]
    return [one.text for one in said], torch.tensor([p for one in said for p in one.logprobs])


@pytest.fixture(scope="module")
def answered(photos, tmp_path_factory):
    """The answers of whole models, each asked once."""
    root, kept = tmp_path_factory.mktemp("answers"), {}

    def ask(verb, model):
        if (verb, model) not in kept:
            out = root / str(len(kept))
            assert asked(verb, model, photos, out).returncode == 0
            kept[verb, model] = answers(out)
        return kept[verb, model]

    return ask


def trained(model, photos, out, *, lora):
    config = out.with_suffix(".yaml")
    tree = {
        "method": "sft",
        "task": "detection",
        "form": "direct",
        "model": {"path": str(model), "device": "cpu", **({"lora": {}} if lora else {})},
        "data": {"path": str(photos), "shots": 1, "val_max": 1},
        "optim": {"steps": 1, "prompts_per_step": 1, "learning_rate": RATE, "warmup_steps": 0},
        "rollout": {"max_new_tokens": 6},
        "checks": {"validate_every": 0},
        "out": str(out),
    }
    config.write_text(json.dumps(tree))
    return vrft("sft", config, "--quiet", cwd=out.parent)


def is_refused(done):
    assert done.returncode == 2, done.stderr
    assert "have no place in its base model" in done.stderr and "Traceback" not in done.stderr
    return True


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("verb", ["eval", "predict"])
def test_an_adapter_answers_as_the_model_that_it_means(
    verb, family, source, sources, photos, answered, tmp_path
):
    given, means = sources[family, source]
    done = asked(verb, given, photos, tmp_path / "out")
    if means is None:
        assert is_refused(done)
        return
    assert done.returncode == 0, done.stderr
    texts, logprobs = answers(tmp_path / "out")
    same, expected = answered(verb, means)
    assert texts == same and texts
    assert torch.allclose(logprobs, expected, atol=1e-3)
    base = answered(verb, sources[family, "none"][0])
    assert (texts == base[0]) == (source == "none")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("family", FAMILIES)
def test_full_training_begins_at_the_model_that_an_adapter_means(family, source, sources, photos, tmp_path):
    given, means = sources[family, source]
    done = trained(given, photos, tmp_path / "run", lora=False)
    if means is None:
        assert is_refused(done)
        return
    assert done.returncode == 0, done.stderr
    began = load_file(means / "model.safetensors")
    ended = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert began.keys() == ended.keys()
    # One step of AdamW moves no weight further than the rate.
    assert 0 < max(float((ended[key] - began[key]).abs().max()) for key in began) < 2 * RATE


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("family", FAMILIES)
def test_lora_training_goes_on_with_an_adapter(family, source, sources, photos, tiny_folders, tmp_path):
    given, means = sources[family, source]
    done = trained(given, photos, tmp_path / "run", lora=True)
    if means is None:
        assert is_refused(done)
        return
    assert done.returncode == 0, done.stderr
    saved = tmp_path / "run" / "model"
    settings, pairs = json.loads((saved / "adapter_config.json").read_text()), saved_pairs(saved)
    assert all(key.startswith(TODAY) for key in load_file(saved / "adapter_model.safetensors"))
    if source in ("none", "merged"):
        began = {name: (a, torch.zeros_like(b)) for name, (a, b) in pairs.items()}
        base, rank = given, 16
    else:
        began, rank = saved_pairs(given), 2
        base = sources[family, "right keys" if source == "adapter on adapter" else "none"][0]
    assert (settings["r"], settings["base_model_name_or_path"]) == (rank, str(base.resolve()))
    gaps = [
        float((x - y).abs().max()) for name in began for x, y in zip(began[name], pairs[name], strict=True)
    ]
    assert began.keys() == pairs.keys() and 0 < max(gaps) < 2 * RATE
    if rank == 2:
        # The saved folder means what was below the adapter, and the adapter as it was trained.
        below = sources[family, "right keys"][1] if source == "adapter on adapter" else base
        expected = text_weights(load_file(merged(tmp_path / "whole", below, pairs) / "model.safetensors"))
        for name, (_, weight) in text_weights(dict(loaded(saved).model.named_parameters())).items():
            assert torch.allclose(weight, expected[name][1], atol=1e-5)
