"""Who may import whom: docs/design.md, section Rooms, kept by reading the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the top down; a module may import from layers below its own, and from its own layer.
LAYERS = (
    {"cli", "__main__"},
    {"tracking", "figures", "tables", "comparison_tables", "explain"},
    {"claim", "comparison", "ledger", "gallery", "export", "rendering"},
    {"tuning", "contract"},
    {"evaluation", "runner"},
    {"config"},
    {"equivalence", "algebra"},
    {"aecm", "clustering_module", "autoencoder", "mixture"},
    {"estimator"},
    {"groups"},
    {"training", "memory"},
    {"block", "capture"},
    {
        "gpu",
        "noise",
        "precision",
        "networks",
        "convolution",
        "products",
        "optimisers",
        "checkpoint",
        "kmeans",
        "metrics",
        "records",
        "seeds",
        "info",
        "provenance",
        "classes",
        "scaffold",
        "tost",
    },
    {"data"},
    {"files"},
)
MODELS = {
    "algebra",
    "equivalence",
    "aecm",
    "clustering_module",
    "autoencoder",
    "mixture",
    "estimator",
    "training",
    "block",
    "groups",
    "memory",
    "networks",
    "convolution",
    "runner",
}
FILES = sorted((ROOT / "jcae").rglob("*.py"))


def room(path: Path) -> str:
    """`jcae/figures/maps.py` lies in the room `figures`."""
    return path.relative_to(ROOT / "jcae").with_suffix("").parts[0]


def layer(name: str) -> int:
    return next(depth for depth, rooms in enumerate(LAYERS) if name in rooms)


def imports(path: Path, *, lazy: bool = True) -> set[str]:
    """Full names of what a file imports; without `lazy`, only what importing the file imports at once."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if lazy else _eager(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # `from jcae import metrics` names a module, `from jcae.metrics import score` a function.
            found |= {f"{node.module}.{a.name}" for a in node.names} if node.module == "jcae" else {node.module}
    return found


def _eager(node):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _eager(child)


def own_rooms(path: Path) -> set[str]:
    lazy_exports = {"AECM": "aecm", "ClusteringModule": "clustering_module", "Autoencoder": "autoencoder"}
    lazy_exports |= {"IsotropicMixture": "mixture"}
    names = {name.split(".")[1] for name in imports(path) if name.startswith("jcae.")}
    return {lazy_exports.get(name, name) for name in names} - {"__version__"}


def test_every_module_has_a_layer():
    rooms = {room(path) for path in FILES} - {"__init__"}
    assert rooms <= set().union(*LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path):
    if room(path) == "__init__":
        return
    upwards = {name for name in own_rooms(path) if layer(name) < layer(room(path))}
    assert not upwards, f"{path.name} imports {sorted(upwards)} from above"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_library_does_not_know_the_baselines(path):
    assert not {name for name in imports(path) if name.split(".")[0] == "baselines"}


@pytest.mark.parametrize(
    "name",
    ["figures", "tables", "comparison_tables", "explain", "comparison", "claim", "ledger", "tracking", "evaluation"],
)
def test_readers_of_results_never_train(name):
    files = [path for path in FILES if room(path) == name]
    assert files
    for path in files:
        assert "torch" not in {imported.split(".")[0] for imported in imports(path)}
        assert not own_rooms(path) & MODELS


def test_pure_parts_need_no_torch():
    for name in ("metrics", "records", "info", "config", "runner", "tuning", "contract", "scaffold", "cli"):
        assert "torch" not in imports(ROOT / "jcae" / f"{name}.py", lazy=False), name


def test_command_line_imports_its_verbs_lazily():
    assert not {name for name in imports(ROOT / "jcae/cli.py", lazy=False) if name.startswith("jcae")}
