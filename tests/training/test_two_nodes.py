"""Two machines of two processes, as two network namespaces: one of them vanishes, and the run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from launch import ONE_THREAD
from vrft.miniature.folders import write_detection

pytestmark = pytest.mark.slow
NODES, ADDRESSES, PORT = ("vrft_a", "vrft_b"), ("10.77.0.1", "10.77.0.2"), "29517"
BUSY_S = 300
"""A minute where the machine is not busy; without a watch it would be hours."""
STEPS = 4


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


@pytest.fixture
def nodes():
    """Two namespaces with a wire between them."""
    if not all(ip("netns", "add", node).returncode == 0 for node in NODES):
        pytest.skip("this needs network namespaces: root, and iproute2")
    ip("link", "add", "wire0", "netns", NODES[0], "type", "veth", "peer", "name", "wire1", "netns", NODES[1])
    for place, node in enumerate(NODES):
        ip("-n", node, "link", "set", "lo", "up")
        ip("-n", node, "addr", "add", f"{ADDRESSES[place]}/24", "dev", f"wire{place}")
        ip("-n", node, "link", "set", f"wire{place}", "up")
    yield NODES
    for node in NODES:
        killed(node)
        ip("netns", "del", node)


def killed(node):
    """End all processes of a node without a word."""
    for process in ip("netns", "pids", node).stdout.split():
        os.kill(int(process), signal.SIGKILL)


def trained(folder, nodes):
    """The same command on both; what they say goes to files."""
    agents = []
    for place, node in enumerate(nodes):
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "2"]
        launcher += ["--node_rank", str(place), "--master_addr", ADDRESSES[0], "--master_port", PORT]
        command = [*launcher, "-m", "vrft", "train", "config.yaml", "out=run", "--resume", "--no-check"]
        with (folder / f"said_{place}").open("a") as said:
            agents.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", node, *command],
                    cwd=folder,
                    env={**ONE_THREAD, "GLOO_SOCKET_IFNAME": f"wire{place}"},
                    stdout=said,
                    stderr=said,
                )
            )
    return agents


def rows(folder):
    file = folder / "run" / "rollouts.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("lost", [0, 1])
def test_when_a_machine_vanishes_the_others_end_and_resume_goes_on(lost, nodes, tmp_path):
    write_detection(tmp_path / "data", 0, heldout=4)
    tree = {
        "task": "detection",
        "model": {"path": "miniature", "device": "cpu"},
        "data": {"path": "data", "shots": 1, "val_max": 2, "near_duplicates": False},
        "form": "direct",
        "rollout": {"group_size": 2, "max_new_tokens": 8},
        "optim": {"steps": STEPS, "prompts_per_step": 4},
        "checks": {"validate_every": 0, "checkpoint_every": 1},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree))
    agents = trained(tmp_path, nodes)
    while not list(tmp_path.glob("run/checkpoints/step_*1/state.pt")):
        assert agents[0].poll() is None, (tmp_path / "said_0").read_text()
        time.sleep(0.02)
    ip("-n", nodes[lost], "link", "set", f"wire{lost}", "down")  # not even the end of a connection gets out
    killed(nodes[lost])
    began, left = time.monotonic(), 1 - lost
    assert agents[left].wait(2 * BUSY_S) != 0
    took = time.monotonic() - began
    said = (tmp_path / f"said_{left}").read_text()
    assert "Start all" in said and "--resume" in said, said
    assert took < BUSY_S, took
    agents[lost].wait()

    ip("-n", nodes[lost], "link", "set", f"wire{lost}", "up")
    assert [one.wait() for one in trained(tmp_path, nodes)] == [0, 0], (tmp_path / "said_0").read_text()
    assert "goes on after step" in (tmp_path / "said_0").read_text()
    assert [row["step"] for row in rows(tmp_path)] == [step for step in range(1, STEPS + 1) for _ in range(4)]
