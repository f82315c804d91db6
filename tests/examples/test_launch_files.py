"""The files that start several processes: what they hand to the launcher, read by a launcher that writes it
down."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from torch.distributed.run import parse_args

FOLDER = Path(__file__).parents[2] / "examples" / "launch"
ASKED = ("train", "my run.yaml", "optim.steps=2")
WRITES = f"""#!{sys.executable} -S
import json, sys
open(sys.argv[0] + ".json", "w").write(json.dumps(sys.argv[1:]))
"""
SLURM = {
    "SLURM_JOB_NODELIST": "gpu[3-4]",
    "SLURM_NNODES": "2",
    "SLURM_NODEID": "1",
    "SLURM_GPUS_ON_NODE": "8",
}
ONE_NODE = {"node_rank": 0, "standalone": True}
SECOND = {"nnodes": "2", "node_rank": 1, "master_addr": "gpu3", "master_port": 29500, "standalone": False}


@pytest.fixture
def launcher(tmp_path):
    """Runs a file of the folder; gives its status, and what torchrun was given, read by torchrun's own
    parser."""
    programs = {
        "torchrun": WRITES,
        "scontrol": "#!/bin/sh\necho gpu3\necho gpu4\n",
        "srun": '#!/bin/sh\nshift\nexec "$@"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(file, *arguments, **environment):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", str(FOLDER / file), *arguments]
        env = {**os.environ, **environment, "PATH": path}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        given = tmp_path / "torchrun.json"
        return ended, parse_args(json.loads(given.read_text())) if given.exists() else None

    return run


@pytest.mark.parametrize("file", sorted(p.name for p in FOLDER.iterdir() if p.suffix in (".sh", ".sbatch")))
def test_shell_files_have_no_mistakes_of_syntax(file):
    subprocess.run(["bash", "-n", str(FOLDER / file)], check=True)


@pytest.mark.parametrize(
    ("file", "before", "environment", "processes", "nodes"),
    [
        ("gpus_4.sh", (), {}, "4", ONE_NODE),
        ("gpus_8.sh", (), {}, "8", ONE_NODE),
        ("nodes_2.sh", ("gpu3", "1"), {}, "8", SECOND),
        ("nodes_2.sh", ("gpu3", "1"), {"GPUS": "2"}, "2", SECOND),
        ("slurm.sbatch", (), SLURM, "8", SECOND),
    ],
)
def test_the_launcher_is_given_nodes_and_arguments(file, before, environment, processes, nodes, launcher):
    ended, given = launcher(file, *before, *ASKED, **environment)
    assert ended.returncode == 0, ended.stderr
    assert (given.nproc_per_node, given.module, given.training_script) == (processes, True, "vrft")
    assert given.training_script_args == list(ASKED)
    assert {name: getattr(given, name) for name in nodes} == nodes


@pytest.mark.parametrize("file", ["gpus_4.sh", "gpus_8.sh", "nodes_2.sh", "slurm.sbatch"])
def test_a_file_without_arguments_says_what_is_missing(file, launcher):
    before = ("gpu3", "1") if file == "nodes_2.sh" else ()
    ended, given = launcher(file, *before, **SLURM)
    assert ended.returncode and given is None and "name a verb" in ended.stderr


def test_the_job_of_kubernetes_starts_as_many_launchers_as_it_has_pods():
    service, job = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    spec = job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["bash", "-c"]
    program, torchrun, *arguments = shlex.split(container["args"][0])
    assert (program, torchrun) == ("exec", "torchrun")
    rank = arguments.index("$JOB_COMPLETION_INDEX")
    given = parse_args([*arguments[:rank], "0", *arguments[rank + 1 :]])
    assert spec["completionMode"] == "Indexed" and spec["completions"] == spec["parallelism"]
    assert given.nnodes == str(spec["completions"])
    assert given.nproc_per_node == str(container["resources"]["limits"]["nvidia.com/gpu"])
    # The first pod's name, as a headless service and a subdomain of its name give it.
    assert given.master_addr == f"{job['metadata']['name']}-0.{pod['subdomain']}"
    assert service["metadata"]["name"] == pod["subdomain"] and service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == spec["template"]["metadata"]["labels"]
    assert service["spec"]["ports"][0]["port"] == given.master_port
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_page_names_every_file():
    page = (FOLDER.parents[1] / "docs" / "several_gpus.md").read_text("utf-8")
    assert set(re.findall(r"examples/launch/([\w.]+)", page)) == {p.name for p in FOLDER.iterdir()}
