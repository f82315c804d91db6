"""The GPU benchmark's code runs whole on the CPU, and refuses a machine without a GPU in a sentence."""

from __future__ import annotations

import json

import gpu_step
import pytest
import torch
from gpu_measures import PHASES


def test_the_tiny_setting_runs_and_reports_every_figure(monkeypatch, capsys, tmp_path):
    out = tmp_path / "gpu_step.json"
    monkeypatch.setattr(
        "sys.argv", ["gpu_step.py", "--tiny", "--json", "--steps", "5", "--out", str(tmp_path)]
    )
    gpu_step.main()
    found = json.loads(out.read_text())
    assert json.loads(capsys.readouterr().out) == found
    assert found["gpu"] is None and found["matrix_product_gflops"] > 0
    row = found["shapes"]["full"]
    by_step = list(zip(*(row["all_seconds"][phase] for phase in PHASES), strict=True))
    assert len(by_step) == 5
    assert all(0 < sampling + training + update < step for step, sampling, training, update in by_step)
    assert row["parity"]["logprob_max_abs_diff"] < 1e-4 and row["parity"]["method"] == "shared"
    decode = row["decoding_step"]
    bandwidth = 1e9 * found["memory_gigabytes_a_second"]
    assert decode["floor_seconds"] == pytest.approx(decode["bytes_read"] / bandwidth)
    assert decode["bytes_read"] > 4 * 2048 * 192  # the head alone
    for part in (row["training_pass"], row["encoding"]):
        least = part["flops"] / (1e9 * found["matrix_product_gflops"])
        assert part["share_of_matmul_peak"] == pytest.approx(least / part["seconds"])
    assert "shared and plain method differ by" in gpu_step.line("full", row)
    row["parity"]["logprob_max_abs_diff"] = None
    assert "the shared method did not run" in gpu_step.line("full", row)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is at hand")
def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu_step.py", "--json"])
    with pytest.raises(SystemExit, match=r"needs a CUDA GPU.*--tiny"):
        gpu_step.main()


def test_the_tiny_setting_writes_only_where_a_folder_is_named(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu_step.py", "--tiny"])
    monkeypatch.setattr(gpu_step, "run", lambda *_: {"shapes": {}})
    monkeypatch.setattr("result_file.write_json", lambda path, _: pytest.fail(f"wrote {path}"))
    gpu_step.main()


def test_shapes_of_both_settings_are_the_same_but_for_their_size():
    assert gpu_step.TINY.shapes.keys() == gpu_step.BIG.shapes.keys()
    full = gpu_step.BIG.shapes["full"]
    assert (full.image_tokens, full.group, full.new_tokens) == (512, 8, 128)


def test_trl_next_to_ours():
    row = {"median_seconds": {"step": 2.0, "sampling": 1.0}, "trl": {"median_seconds": {"step": 6.0}}}
    assert gpu_step.times_as_fast(row) == {"times_as_fast": {"step": 3.0}}
    assert gpu_step.times_as_fast({**row, "trl": {"out_of_memory": "CUDA out of memory"}}) == {}
