"""The rules of the house that a reader may rely on: layers, short files, no hidden inputs, documentation."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((SOURCE / "vrft").rglob("*.py"))
}

MOST_LINES = 400
HEAVY = frozenset(
    {"torch", "torchvision", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "trl"}
)
MAY_PRINT = ("vrft.cli", "vrft.miniature.gates", "vrft.miniature.pretrain", "vrft.miniature.tower")

LIGHT = (
    "vrft.integrations",
    "vrft.diagnostics.audit",
    "vrft.diagnostics.check",
    "vrft.training.pseudo_labels",
    "vrft.data.augment",
    "vrft.progress",
    "vrft.types",
    "vrft.errors",
    "vrft.tasks.fusion",
    "vrft.geometry",
    "vrft.tasks.parsing",
    "vrft.inference.formats",
    "vrft.rewards",
    "vrft.tasks",
    "vrft.data",
    "vrft.evaluation",
    "vrft.report",
    "vrft.run_folder",
    "vrft.tasks.scorer",
    "vrft.benchmarks",
    "vrft.miniature.domains",
    "vrft.miniature.expressions",
    "vrft.miniature.folders",
    "vrft.miniature.glyphs",
    "vrft.miniature.location",
    "vrft.miniature.scenes",
)
"""Modules and packages that must work where no torch is installed."""
NOT_LIGHT = ("vrft.integrations.openrlhf", "vrft.diagnostics.check.on_model")

RANKS = {
    "vrft.progress": 0,
    "vrft.types": 0,
    "vrft.errors": 0,
    "vrft.geometry": 1,
    "vrft.data.augment": 1,
    "vrft.tasks.parsing": 2,
    "vrft.rewards": 2,
    "vrft.tasks.fusion": 3,
    # Their sections of the scorecard read what evaluation counted.
    "vrft.tasks.classification": 4,
    "vrft.tasks.detection": 4,
    "vrft.tasks.metrics": 4,
    "vrft.tasks": 3,
    "vrft.data": 4,
    "vrft.evaluation": 4,
    "vrft.report": 4,
    "vrft.tasks.scorer": 4,
    "vrft.integrations": 5,
    "vrft.diagnostics.audit": 5,
    "vrft.diagnostics.check": 5,
    "vrft.training.pseudo_labels": 5,
    "vrft.inference.formats": 5,
    "vrft.benchmarks": 5,
}
"""Imports among these point to an equal or lower rank only."""


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def rank(module: str) -> int | None:
    return next((RANKS[package] for package in RANKS if within(module, (package,))), None)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


@cache
def imports(module: str) -> frozenset[str]:
    """Full names of all that a module imports, inside functions too, but not for type checkers alone."""
    found: set[str] = set()
    open_nodes: list[ast.AST] = [tree(module)]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            found.add(node.module or "")
            # 'from package import name' imports the module package.name where there is one.
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
        open_nodes += node.orelse if for_types_only(node) else ast.iter_child_nodes(node)
    return frozenset(found)


def reached(module: str) -> dict[str, str]:
    """Every module of ours that importing or using this one loads, each with the one that imports it."""
    why = {module: "itself"}
    waiting = [module]
    while waiting:
        current = waiting.pop()
        # Importing a.b.c runs a and a.b first.
        parents = {current.rsplit(".", n)[0] for n in range(1, current.count(".") + 1)}
        for other in (imports(current) | parents) & MODULES.keys() - why.keys():
            why[other] = current
            waiting.append(other)
    return why


def calls(module: str) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}


def test_the_modules_are_found():
    assert {"vrft", "vrft.types", "vrft.tasks.detection", "vrft.miniature.folders"} <= MODULES.keys()
    assert {name for name in (*RANKS, *LIGHT, *NOT_LIGHT) if name not in MODULES} == set()


def test_light_modules_reach_no_torch():
    found = {
        f"{module}: {other}, imported by {loads[other]}, imports {name}"
        for module in MODULES
        if within(module, LIGHT) and not within(module, NOT_LIGHT)
        for loads in [reached(module)]
        for other in loads
        for name in imports(other)
        if name.split(".")[0] in HEAVY
    }
    assert found == set()


def test_imports_point_downwards():
    found = {
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if (own := rank(module)) is not None and (other := rank(name)) is not None and other > own
    }
    assert found == set()


def test_policies_and_tasks_do_not_know_each_other():
    sides = (("vrft.models",), ("vrft.tasks",))
    found = {
        f"{module}: {name}, imported by {loads[name]}"
        for own, other in (sides, sides[::-1])
        for module in MODULES
        if within(module, own)
        for loads in [reached(module)]
        for name in loads
        if within(name, other)
    }
    assert found == set()


def test_files_are_short():
    lengths = {module: len(path.read_text("utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: n for module, n in lengths.items() if n > MOST_LINES} == {}


def test_nothing_prints_but_the_command_line():
    assert {m for m in MODULES if "print" in calls(m) and not within(m, MAY_PRINT)} == set()


def test_nothing_is_run_as_code():
    dangerous = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"}
    assert {m: sorted(calls(m) & dangerous) for m in MODULES if calls(m) & dangerous} == {}


def test_no_environment_variable_is_read():
    names = {"environ", "environb", "getenv", "putenv"}
    read = {f"os.{name}" for name in names}
    found = {
        f"{module}, line {node.lineno}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in read)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {a.name for a in node.names})
    }
    assert found == set()


def test_public_names_and_modules_are_documented():
    found = {module for module in MODULES if tree(module).body and not ast.get_docstring(tree(module))}
    found |= {
        f"{module}.{node.name}"
        for module in MODULES
        for node in tree(module).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    }
    assert found == set()


def test_nothing_is_put_in_the_place_of_an_imported_modules_names():
    found = set()
    for module in MODULES:
        nodes = list(ast.walk(tree(module)))
        names = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        modules = {(alias.asname or alias.name).split(".")[0] for alias in names}
        targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
        for target in targets:
            if isinstance(target, ast.Attribute) and ast.unparse(target).split(".")[0] in modules:
                found.add(f"{module}, line {target.lineno}: {ast.unparse(target)}")
    assert found == set()
