"""Checkpoints: two are kept, a broken one gives way to the one before, a full disk loses nothing."""

from __future__ import annotations

import errno

import pytest
import torch

from vrft.errors import RunError
from vrft.training.checkpoint import load_trainable_state, newest_checkpoint, save_checkpoint


def state(step: int) -> dict:
    return {
        "step": step,
        "weights": {"a": torch.full((64,), step)},
        "best": {},
        "optimizer": {},
        "source": None,
    }


def saved(folder, *steps):
    for step in steps:
        save_checkpoint(folder, step, state(step))
    return folder


def test_the_two_newest_are_kept(tmp_path):
    saved(tmp_path, 5, 10, 15, 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_000015", "step_000020"]
    assert newest_checkpoint(tmp_path)["step"] == 20
    assert newest_checkpoint(tmp_path / "none") is None


def cut(file):
    file.write_bytes(file.read_bytes()[:200])


def emptied(file):
    file.write_bytes(b"")


def other(file):
    file.write_bytes(b"not a checkpoint" * 9)


def of_something_else(file):
    torch.save({"weights": {}}, file)


def code(file):
    """What loads code is not loaded."""
    import pickle

    file.write_bytes(pickle.dumps(print))


@pytest.mark.parametrize("damage", [cut, emptied, other, of_something_else, code])
def test_a_broken_checkpoint_gives_way_to_the_one_before(tmp_path, caplog, damage):
    saved(tmp_path, 5, 10)
    damage(tmp_path / "step_000010" / "state.pt")
    assert newest_checkpoint(tmp_path)["step"] == 5
    (record,) = caplog.records
    assert "step_000010: the checkpoint cannot be read" in record.getMessage()
    assert "goes on from the one before, step 5" in record.getMessage()
    damage(tmp_path / "step_000005" / "state.pt")
    with pytest.raises(RunError, match=r"step_000010: .*No older one.*Delete .*, and --resume"):
        newest_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError(
            "[enforce fail at inline_container.cc:862] . PytorchStreamWriter failed writing file data/0"
        ),
        RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_keeps_the_older_checkpoint_and_says_how_to_go_on(tmp_path, monkeypatch, error):
    saved(tmp_path, 5)

    def fails(content, file):
        file.write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", fails)
    with pytest.raises(RunError, match=r"step_000010\.new: it cannot be written.*Free space.*--resume"):
        save_checkpoint(tmp_path, 10, state(10))
    assert [path.name for path in tmp_path.iterdir()] == ["step_000005"]
    assert newest_checkpoint(tmp_path)["step"] == 5


def test_another_models_checkpoint_is_refused_by_the_names_that_differ():
    model = torch.nn.Linear(2, 3)
    for weights in ({"weight": torch.zeros(3, 2)}, {"weight": torch.zeros(2, 2), "bias": torch.zeros(3)}):
        with pytest.raises(RunError, match=r"of another model: (bias|weight) differ"):
            load_trainable_state(model, weights)
