"""When a run with a failing reward goes on, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.errors import RunError
from vrft.run_folder import RunFolder
from vrft.training.reward_watch import MOST_FAILED, RewardWatch, refuse_failing
from vrft.types import Answer, Example, Failure, Rollout, RolloutGroup

ASKED = Example("a", "a", "detection", (), "cat", None)
LATE = Failure("judge", "TimeoutError: it took too long", "judge.py, line 3", "Traceback: judge.py")


def step_of(failed: int, count: int = 4) -> list[RolloutGroup]:
    """Groups of two rollouts; the first so many failed in the term 'judge', none in 'format'."""
    made = [
        Rollout(ASKED, (), Answer(), terms={"judge": 0.0, "format": 1.0}, failures=(LATE,) * (i < failed))
        for i in range(count)
    ]
    return [RolloutGroup(ASKED, tuple(made[i : i + 2])) for i in range(0, count, 2)]


def ends_at(failed: list[int]) -> int | None:
    """The step at which a run ends whose steps have so many failures of four answers."""
    watch = RewardWatch(RunFolder(Path("run")))
    for step, count in enumerate(failed, 1):
        try:
            watch.see(step, step_of(count))
        except RunError:
            return step
    return None


@given(st.lists(st.integers(0, 4), max_size=9))
def test_a_run_ends_where_the_first_step_or_several_in_a_row_fail_whole(failed):
    expected = next(
        (
            step
            for step in range(1, len(failed) + 1)
            if failed[0] == 4 or (step >= MOST_FAILED and set(failed[step - MOST_FAILED : step]) == {4})
        ),
        None,
    )
    assert ends_at(failed) == expected


def test_the_last_error_is_said_with_its_file_and_line():
    with pytest.raises(RunError, match=r"all 4 answers of step 7: TimeoutError: .*\(judge\.py, line 3\)"):
        RewardWatch(RunFolder(Path("run"))).see(7, step_of(4))


def test_failures_are_said_once_and_added_up(caplog):
    watch = RewardWatch(RunFolder(Path("run")))
    for step, failed in enumerate((0, 1, 3), 1):
        watch.see(step, step_of(failed), retried=2)
    watch.close()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert "'judge' failed on 1 of 4 answers in step 2 (TimeoutError: it took too long" in said[0]
    assert "'judge' failed on 4 of 12 answers in all (4 took too long)" in said[1]
    assert said[2].startswith("6 requests to reward servers")


def test_a_helping_process_says_nothing(caplog):
    watch = RewardWatch(RunFolder(Path("run"), writes=False))
    watch.see(1, step_of(1), retried=1)
    watch.close()
    assert not caplog.records


def test_a_probe_ends_where_a_term_always_fails(tmp_path):
    assert refuse_failing(step_of(3), tmp_path) == step_of(3)
    with pytest.raises(RunError, match=r"'judge' failed on all 4 answers that were .*error\.txt has"):
        refuse_failing(step_of(4), tmp_path)
    assert (tmp_path / "error.txt").read_text() == LATE.traceback
