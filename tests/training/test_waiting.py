"""Processes that wait say for whom: several watches on one store, in this process."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from torch.distributed import HashStore

from vrft.distributed import MeetingWatch

SLOW_S = 0.2


@pytest.fixture
def watches(caplog):
    caplog.set_level(logging.WARNING, "vrft.distributed")
    store = HashStore()
    return [MeetingWatch(store, index, 4, SLOW_S) for index in range(4)]


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "vrft.distributed"]


def until(condition):
    """Wait for it, for ten seconds at most."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def meet(watches, over):
    """Processes in the same meeting, which is over when an event says so."""

    def attend(watch):
        with watch.meeting():
            over.wait(10)

    threads = [threading.Thread(target=attend, args=(watch,)) for watch in watches]
    for thread in threads:
        thread.start()
    return threads


def ended(threads, over):
    over.set()
    for thread in threads:
        thread.join(10)


def test_the_process_that_is_missing_is_named_once_by_the_first_of_the_others(watches, caplog):
    for _ in range(2):  # meetings to which all come are not spoken of
        over = threading.Event()
        ended(meet(watches, over), over)
    over = threading.Event()
    threads = meet([watches[i] for i in (1, 3)], over)
    until(lambda: said(caplog) and "process 3" not in said(caplog)[-1])
    ended(threads, over)
    assert said(caplog)[-1].startswith("Process 1 has waited")
    assert "for process 0 (pid" in said(caplog)[-1] and "process 2 (pid" in said(caplog)[-1]


def test_it_is_said_again_after_twice_the_time_while_the_meeting_lasts(watches, caplog):
    over = threading.Event()
    threads = meet(watches[:3], over)
    until(lambda: len(said(caplog)) >= 2)
    ended(threads, over)
    waits = [float(record.args[1]) for record in caplog.records]
    assert waits[0] >= SLOW_S and waits[1] >= 2 * waits[0]
    count = len(said(caplog))
    time.sleep(3 * SLOW_S)  # the meeting is over: nothing more
    assert len(said(caplog)) == count


def test_a_process_that_never_began_is_named_too(caplog):
    caplog.set_level(logging.WARNING, "vrft.distributed")
    over = threading.Event()
    threads = meet([MeetingWatch(HashStore(), 0, 2, SLOW_S)], over)
    until(lambda: said(caplog))
    ended(threads, over)
    assert "process 1 (which has not begun)" in said(caplog)[0]
