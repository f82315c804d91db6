"""Processes that wait say for whom: several watches on one store, in this process."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from torch.distributed import HashStore

from vrft.distributed import DistributedContext, MeetingWatch
from vrft.errors import RunError

SLOW_S = 0.2


@pytest.fixture
def watching():
    """Makes a watch, which ends with the test."""
    made = []

    def watch(store, index, count, *further):
        made.append(MeetingWatch(store, index, count, SLOW_S, *further))
        return made[-1]

    yield watch
    for one in made:
        one.close()


@pytest.fixture
def watches(caplog, watching):
    caplog.set_level(logging.WARNING, "vrft.distributed")
    store = HashStore()
    return [watching(store, index, 4) for index in range(4)]


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


def test_a_process_that_never_began_is_named_too(caplog, watching):
    caplog.set_level(logging.WARNING, "vrft.distributed")
    over = threading.Event()
    threads = meet([watching(HashStore(), 0, 2)], over)
    until(lambda: said(caplog))
    ended(threads, over)
    assert "process 1 (which has not begun)" in said(caplog)[0]


def test_a_process_that_waits_for_one_that_is_gone_leaves_with_a_sentence(watching):
    store, said = HashStore(), []
    store.set("who/1", "pid 7 on far")
    store.set("beat/1", "1")  # and never another one
    watch, over = watching(store, 0, 2, SLOW_S, said.append), threading.Event()
    time.sleep(2 * SLOW_S)  # it is left alone while nobody waits
    assert not said
    threads = meet([watch], over)
    until(lambda: said)
    ended(threads, over)
    assert len(said) == 1 and said[0].startswith("Process 0 has waited for process 1 (pid 7 on far)")
    assert "--resume" in said[0]


class Gone(HashStore):
    """A store that does not answer any more."""

    def check(self, keys):
        raise RuntimeError("Connection reset by peer")


def test_a_store_that_does_not_answer_is_left_too(watching):
    said, over = [], threading.Event()
    threads = meet([watching(Gone(), 1, 2, SLOW_S, said.append)], over)
    until(lambda: said)
    ended(threads, over)
    assert "for the first machine" in said[0]


def test_a_meeting_that_breaks_is_said_in_a_sentence(monkeypatch):
    import accelerate.utils

    def broken(own):
        raise RuntimeError("[gloo/pair.cc:525] Connection closed by peer [10.0.0.2]:4711\nmore")

    monkeypatch.setattr(accelerate.utils, "gather_object", broken)
    says = r"Process 1 has lost.*\(.*closed by peer \[10.0.0.2\]:4711\).*--resume"
    with pytest.raises(RunError, match=says):
        DistributedContext(1, 2).all_gather_object([0])


def test_a_watch_that_is_closed_leaves_no_thread_to_the_end_of_python(watching):
    def there():
        return [thread for thread in threading.enumerate() if thread.name == "vrft-waiting"]

    before = there()
    watch = watching(HashStore(), 0, 2)
    assert len(there()) == len(before) + 2
    watch.close()
    assert there() == before
