"""Who may import whom: docs/design.md, section Rooms, kept by reading the source."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the top down; a room may import from floors below its own, and from itself.
FLOORS = (
    {"__main__"},
    {"cli"},
    {"terminal"},
    {"equivalence"},
    {"report"},
    {"tables", "figures", "publish"},
    {"tuning"},
    {"statistics"},
    {"scores"},
    {"contract"},
    {"jobs"},
    {"models"},
    {"training"},
    {"augmentation"},
    {"nn"},
    {"data"},
    {"trees"},
    {"randomness"},
    {"files"},
    {"extras"},
    {"forkserver"},
)
FILES = sorted(path for path in (ROOT / "jcae").rglob("*.py") if path != ROOT / "jcae/__init__.py")
# Rooms in which something is trained.
TRAINING = {"augmentation", "nn", "training", "models", "equivalence", "contract", "tuning"}


def room(path: Path) -> str:
    """`jcae/figures/maps.py` lies in the room `figures`."""
    return path.relative_to(ROOT / "jcae").with_suffix("").parts[0]


ROOMS = {room(path) for path in FILES}


def floor(name: str) -> int:
    return next(depth for depth, rooms in enumerate(FLOORS) if name in rooms)


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
            # `from jcae.scores import metrics` names a module, `from jcae.files import replacing` a function.
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _eager(node):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _eager(child)


def own_rooms(path: Path) -> set[str]:
    """Rooms that a file imports from, its own left out."""
    lazy_exports = dict.fromkeys(("AECM", "Autoencoder", "ClusteringModule", "IsotropicMixture"), "models")
    names = {name.split(".")[1] for name in imports(path) if name.startswith("jcae.")}
    return {lazy_exports.get(name, name) for name in names} - {"__version__", room(path)}


def test_every_room_has_a_floor_and_every_floor_its_rooms():
    assert set().union(*FLOORS) == ROOMS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path):
    upwards = {name for name in own_rooms(path) if floor(name) <= floor(room(path))}
    assert not upwards, f"{path.name} imports {sorted(upwards)}, which is not below {room(path)}"


def test_no_circle_of_files():
    """Not within a room either, its inner rooms included."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
    graph = {}
    for name, path in files.items():
        # `from jcae.data.own import tables` names the module, `from jcae.files import replacing` a function of one.
        found = {other if other in files else other.rpartition(".")[0] for other in imports(path)}
        graph[name] = {other for other in found if other in files} - {name}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError, which names the files


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_library_does_not_know_the_baselines(path):
    assert not {name for name in imports(path) if name.split(".")[0] == "baselines"}


@pytest.mark.parametrize("name", ["figures", "tables", "publish", "statistics", "scores"])
def test_readers_of_results_never_train(name):
    files = [path for path in FILES if room(path) == name]
    assert files
    for path in files:
        assert "torch" not in {imported.split(".")[0] for imported in imports(path)}
        assert not own_rooms(path) & TRAINING


@pytest.mark.parametrize(
    "name", ["jobs", "scores", "statistics", "tables", "publish", "contract", "tuning", "cli", "terminal"]
)
def test_importing_these_imports_no_torch(name):
    files = [path for path in FILES if room(path) == name]
    assert files
    for path in files:
        assert "torch" not in {imported.split(".")[0] for imported in imports(path, lazy=False)}, path.name


def test_command_line_imports_its_verbs_lazily():
    for path in (path for path in FILES if room(path) == "cli"):
        eager = {name for name in imports(path, lazy=False) if name.startswith("jcae")}
        assert not {name for name in eager if not name.startswith("jcae.cli")}, path.name
