"""Reward servers: what they are sent, what is read of them, and every way in which they fail."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from test_custom_rewards import TEXTS, group

from vrft.errors import ConfigError
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Rollout


class Server:
    """Answers as it is told to; keeps what it was sent."""

    def __init__(self):
        self.sent: list[dict] = []
        self.answers: list[tuple[int, object]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.sent.append(body)
                status, said = server.answer(body)
                content = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/reward"
        self.answer = lambda body: (200, [])
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def running():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def server(running):
    running.sent.clear()
    return running


def scorer(url: str, **options) -> Scorer:
    off = {"iou": 0.0, "confidence": 0.0, "format": 0.0}
    given = {url: options} if options else {}
    return Scorer(load_task("detection"), RewardOptions(weights=off, custom={url: 1.0}, options=given))


def ask(url: str, **options) -> list[Rollout]:
    groups = [group("a", *TEXTS[:2]), group("b", TEXTS[2])]
    return [r for one in scorer(url, **options).score(groups) for r in one.rollouts]


def test_a_server_of_easyr1s_kind_gets_all_answers_at_once(server):
    server.answer = lambda body: (200, [{"overall": len(row["response"])} for row in body["reward_inputs"]])
    assert [one.reward for one in ask(server.url)] == [float(len(text)) for text in TEXTS]
    (body,) = server.sent
    first = body["reward_inputs"][0]
    assert first == {
        "response": "a",
        "response_length": None,
        "ground_truth": "[[100.0, 100.0, 200.0, 200.0]]",
        "id": "a#cat",
        "question": "cat",
        "image_path": "a.png",
        "task": "detection",
    }


def test_a_server_of_verls_kind_gets_one_answer_at_a_time(server):
    server.answer = lambda body: (200, {"score": len(body["solution_str"])})
    assert [one.reward for one in ask(server.url, protocol="verl")] == [float(len(text)) for text in TEXTS]
    assert sorted(body["solution_str"] for body in server.sent) == sorted(TEXTS)
    (first,) = (body for body in server.sent if body["solution_str"] == "a")
    assert (first["data_source"], first["ground_truth"]) == ("detection", "[[100.0, 100.0, 200.0, 200.0]]")
    assert first["extra_info"]["index"] == "a#cat" and first["extra_info"]["image_path"] == "a.png"


@pytest.mark.parametrize(
    "answer",
    [[0.5, 1, None], {"rewards": [0.5, 1, None]}, {"scores": [{"score": 0.5}, {"reward": 1}, None]}],
)
def test_numbers_are_read_in_every_usual_place(server, answer):
    server.answer = lambda body: (200, answer)
    found = ask(server.url)
    assert [one.terms[server.url] for one in found] == [0.5, 1.0, None]
    assert not any(one.failures for one in found)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, [0.5]), "ValueError: the server answered 1 values where a list of 3 was expected"),
        ((200, {"detail": "no"}), 'the server answered {"detail": "no"} where a list'),
        ((200, b"<html>"), "the answer is not JSON: <html>"),
        ((404, {"detail": "Not Found"}), 'status 404: {"detail": "Not Found"}'),
        ((200, ["0.5", "a", {}]), "returned"),
        ((200, [{"error": "judge is down"}] * 3), "ValueError: judge is down"),
    ],
)
def test_what_cannot_be_read_is_a_failure_and_no_zero_in_silence(server, answer, said):
    server.answer = lambda body: answer
    for one in ask(server.url):
        (failure,) = one.failures
        assert said in failure.message and one.reward == 0.0


def test_one_answer_that_failed_costs_no_other(server):
    server.answer = lambda body: (200, [0.5, {"error": "too long"}, 1.0])
    found = ask(server.url)
    assert [one.reward for one in found] == [0.5, 0.0, 1.0]
    assert [[f.message for f in one.failures] for one in found] == [[], ["ValueError: too long"], []]


def test_a_busy_server_is_asked_again_and_that_is_counted(server):
    left = [(503, b""), (200, [1.0, 1.0, 1.0])]
    server.answer = lambda body: left.pop(0)
    chosen = scorer(server.url, retries=1)
    groups = chosen.score([group("a", *TEXTS)])
    assert [one.reward for one in groups[0].rollouts] == [1.0] * 3
    assert (len(server.sent), chosen.retried) == (2, 1)


def test_a_server_that_stays_busy_is_given_up(server):
    server.answer = lambda body: (500, b"out of memory")
    found = ask(server.url, retries=1)
    assert all("status 500: out of memory" in one.failures[0].message for one in found)
    assert len(server.sent) == 2


def test_a_server_that_is_not_there_or_too_slow_is_named(server):
    missing = "http://127.0.0.1:1/reward"
    (failure, *_) = (one.failures[0] for one in ask(missing, retries=0))
    assert failure.message.startswith(f"ConnectionError: {missing}: ")
    done = threading.Event()
    server.answer = lambda body: (done.wait(30), (200, []))[1]
    (failure, *_) = (one.failures[0] for one in ask(server.url, retries=0, timeout_s=0.2))
    done.set()
    assert failure.timed_out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"protocol": "grpc"}, "protocol: Input should be 'easyr1' or 'verl'"),
        ({"timeout": 5}, "timeout: .*Options: protocol, timeout_s, retries"),
        ({"retries": -1}, "retries"),
    ],
)
def test_an_option_that_there_is_not_is_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        scorer("http://127.0.0.1:1/reward", **options)
