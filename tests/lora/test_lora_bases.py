"""The base model of an adapter: where it is found, and that it is the same."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from hand_made import (
    factors,
    means,
    merged,
    text_of,
    write_adapter,
)

from architectures import loaded
from vrft.errors import ModelError
from vrft.models.adapter_folder import write_base
from vrft.models.load_policy import save_policy
from vrft.models.model_options import LoraOptions
from vrft.models.model_source import weights_of


def test_a_base_is_found_from_any_working_directory(base, pairs, tmp_path, monkeypatch):
    folder = write_adapter(tmp_path / "runs" / "a" / "model", "base", pairs)
    monkeypatch.chdir(tmp_path)
    assert means(loaded(folder), base, pairs, folder=tmp_path / "expected")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert torch.equal(*(next(iter(text_of(loaded(f)).values())) for f in (folder, tmp_path / "expected")))


def test_a_saved_adapter_finds_its_base_where_both_were_moved(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = loaded("base", lora=LoraOptions(rank=2))
    save_policy(policy, tmp_path / "adapter")
    named = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert named["base_model_name_or_path"] == str(base)
    (tmp_path / "moved").mkdir()
    for name in ("base", "adapter"):
        shutil.move(tmp_path / name, tmp_path / "moved" / name)
    with pytest.warns(RuntimeWarning, match="has not learned anything"):
        assert loaded(tmp_path / "moved" / "adapter").base == str(tmp_path / "moved" / "base")


@pytest.mark.parametrize("noted", ["beside the adapter", "in its run"])
def test_a_base_whose_weights_have_changed_is_refused(base, pairs, tmp_path, noted):
    folder = write_adapter(tmp_path / "run" / "model", base, pairs)
    weights = weights_of(str(base))
    if noted == "beside the adapter":
        write_base(folder, str(base), weights)
    else:
        run = {"model": str(base), "weights": weights}
        (folder.parent / "run.json").write_text(json.dumps(run))
    before = weights_of(str(folder))
    loaded(folder)
    merged(tmp_path / "other", base, pairs)
    shutil.copy(tmp_path / "other" / "model.safetensors", base)
    with pytest.raises(ModelError, match="have changed since the adapter was trained"):
        loaded(folder)
    assert weights_of(str(folder)) != before


def test_an_adapter_inside_the_folder_of_its_base_is_applied(base, pairs, tmp_path):
    write_adapter(base / "lora_adapter", None, pairs)
    for given in (base, base / "lora_adapter"):
        assert means(loaded(given), base, pairs, folder=tmp_path / f"as {given.name}")
    policy = loaded(base, lora=LoraOptions())
    saved = save_policy(policy, tmp_path / "saved")
    shutil.rmtree(base / "lora_adapter")
    expected = tmp_path / "again"
    assert means(loaded(saved), base, pairs, folder=expected)


def test_an_adapter_trained_on_the_folder_that_holds_another_is_not_added_to_it(base, pairs, tmp_path):
    write_adapter(base / "lora_adapter", None, pairs)
    second = write_adapter(tmp_path / "second", base, factors(base, 2))
    assert means(loaded(second), base, factors(base, 2), folder=tmp_path / "expected")
