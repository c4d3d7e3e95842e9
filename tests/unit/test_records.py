"""Records are checked, files are whole or absent, digests follow the imports and nothing else."""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from sklearn.cluster import KMeans

from jcae import records


def example(**changes):
    record = {
        "schema": 1,
        "dataset": "wine",
        "method": "kmeans",
        "use": "sklearn.cluster.KMeans",
        "label": "k-means",
        "seed": 0,
        "block": [0, 1],
        "status": "ok",
        "reason": None,
        "traceback": None,
        "params": {"n_clusters": 3, "hidden": (500, 10)},
        "info": {"label": "k-means", "summary": "", "reference": None, "deviations": [], "control": False},
        "tuned_with": None,
        "objective": {"name": "inertia_", "value": 1.5},
        "clusters_found": 3,
        "updates": None,
        "epochs": None,
        "data": {"n": 178, "d": 13, "n_clusters": 3, "features_sha256": "0" * 64},
        "code": {"digest": "scikit-learn==1.9.1", "git_commit": None, "dirty": False},
        "versions": {"python": "3.11", "jcae": "0", "numpy": "2", "scipy": "1", "sklearn": "1", "torch": None},
        "device": {"type": "cpu", "name": "a processor", "threads": 1, "precision": "float32"},
        "seconds": 0.5,
        "block_seconds": 1.0,
        "peak_memory_mb": 100.0,
        "peak_gpu_memory_mb": None,
        "started": "2026-01-01T00:00:00.000+00:00",
        "finished": "2026-01-01T00:00:01.000+00:00",
        "pretrained": None,
        "command": "",
    }
    return record | changes


def test_a_record_survives_writing_and_reading(tmp_path):
    path = tmp_path / "new" / "run.json"
    records.write_record(path, example())
    assert records.read_record(path) == json.loads(json.dumps(example()))
    assert os.listdir(path.parent) == ["run.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "great"}, r"key 'status' is \"great\", allowed are \['ok', 'failed', 'diverged', 'collapsed'\]"),
        ({"seed": -1}, "key 'seed' is -1, which breaks minimum: 0"),
        ({"extra": 1}, "'extra' was unexpected"),
        ({"objective": {"name": "inertia_", "value": "low"}}, "key 'objective.value' is \"low\""),
        ({"device": {"type": "cpu"}}, "key 'device': 'name' is a required property"),
        ({"status": "failed"}, "key 'reason' is null"),
        ({"reason": "none"}, "key 'reason' is \"none\""),
        ({"seconds": float("nan")}, "not JSON"),
        ({"params": {"init": object()}}, "not JSON"),
    ],
)
def test_a_broken_record_is_refused_by_name(tmp_path, changes, message):
    path = tmp_path / "run.json"
    with pytest.raises(records.RecordError, match=message) as caught:
        records.write_record(path, example(**changes))
    assert str(path) in str(caught.value)
    assert not path.exists()


def test_reading_names_a_missing_key_and_a_torn_file(tmp_path):
    path = tmp_path / "run.json"
    record = example()
    del record["seed"]
    path.write_text(json.dumps(record))
    with pytest.raises(records.RecordError, match=r"run\.json: 'seed' is a required property"):
        records.read_record(path)
    path.write_text('{"schema": 1')
    with pytest.raises(records.RecordError, match=r"run\.json: not JSON"):
        records.read_record(path)


def test_without_jsonschema_validation_is_skipped_aloud(tmp_path, monkeypatch):
    records._validator.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    try:
        with pytest.warns(RuntimeWarning, match="not validated"):
            records.write_record(tmp_path / "run.json", example(status="great"))
    finally:
        records._validator.cache_clear()


# --- blocks


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", [0, 1, 2, 3, 4]), ("0", [0]), ("0,2,5", [0, 2, 5]), ("0-2,7,9-10", [0, 1, 2, 7, 9, 10])]
)
def test_block_text_and_seeds_are_inverse(text, seeds):
    assert records.parse_block(text) == seeds
    assert records.format_block(seeds) == text


@pytest.mark.parametrize("text", ["", "a", "3-1", "0,,1", "1-", "-1", "0,0", "0-2,1", "0 - 2"])
def test_what_is_no_block_is_refused(text):
    with pytest.raises(ValueError, match="block"):
        records.parse_block(text)


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1]])
def test_what_is_no_list_of_seeds_is_refused(seeds):
    with pytest.raises(ValueError, match="no block"):
        records.format_block(seeds)


# --- whole or not at all


def dead_pid():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    records.atomic_write(path, lambda handle: handle.write(b"old"))

    def fail(handle):
        handle.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.atomic_write(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_appears_whole_replaces_the_old_and_disappears_on_error(tmp_path):
    target = tmp_path / "0-4"
    with records.atomic_folder(target) as folder:
        (folder / "0").mkdir()
        (folder / "0" / "x").write_text("first")
        assert not target.exists()
    with records.atomic_folder(target) as folder:
        (folder / "y").write_text("second")
    assert os.listdir(target) == ["y"]

    def half():
        with records.atomic_folder(target) as folder:
            (folder / "z").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert os.listdir(tmp_path) == ["0-4"]
    assert os.listdir(target) == ["y"]


def test_leftovers_of_dead_processes_go_those_of_living_ones_stay(tmp_path):
    parent = os.getppid()  # alive
    for pid in (dead_pid(), os.getpid(), parent):
        (tmp_path / f"0-4.tmp.{pid}").mkdir()
    (tmp_path / f"0-4.tmp.{dead_pid()}.old").mkdir()
    (tmp_path / f"other.tmp.{dead_pid()}").mkdir()
    with records.atomic_folder(tmp_path / "0-4"):
        pass
    left = sorted(os.listdir(tmp_path))
    assert left[:2] == ["0-4", f"0-4.tmp.{parent}"]
    assert len(left) == 3  # beside them only what belongs to another target


# --- digests


@pytest.fixture
def tree(tmp_path):
    files = {
        "jcae/__init__.py": '_HOME = {"AECM": "jcae.aecm"}',
        "jcae/aecm.py": "import numpy\nfrom . import kmeans",
        "jcae/kmeans.py": "",
        "jcae/figures.py": "from jcae import aecm",
        "jcae/data/__init__.py": "",
        "jcae/data/loaders.py": "from ..kmeans import lloyd",
        "baselines/__init__.py": "",
        "baselines/dec.py": "def fit():\n    import jcae.data.loaders as l",
        "baselines/own.py": "import jcae\njcae.AECM",
        "baselines/lazy.py": "from jcae import AECM",
        "mine.py": "from baselines.dec import fit",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def closure(tree, name):
    folders = {"jcae": tree / "jcae", "baselines": tree / "baselines"}
    module = name.removesuffix(".py").replace("/", ".")
    return sorted(records._closure(tree / name, module, folders))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jcae/aecm.py", ["jcae.aecm", "jcae.kmeans"]),
        ("jcae/kmeans.py", ["jcae.kmeans"]),
        ("baselines/dec.py", ["baselines.dec", "jcae.data", "jcae.data.loaders", "jcae.kmeans"]),
        ("baselines/own.py", ["baselines.own", "jcae.aecm", "jcae.kmeans"]),
        ("baselines/lazy.py", ["baselines.lazy", "jcae.aecm", "jcae.kmeans"]),
        (
            "mine.py",
            ["baselines", "baselines.dec", "jcae.data", "jcae.data.loaders", "jcae.kmeans", "mine"],
        ),
    ],
)
def test_the_closure_follows_every_kind_of_import(tree, name, expected):
    assert closure(tree, name) == expected


def test_the_digest_changes_with_an_imported_file_only(tree):
    folders = {"jcae": tree / "jcae", "baselines": tree / "baselines"}

    def digest():
        return records._digest(records._closure(tree / "baselines/dec.py", "baselines.dec", folders))

    before = digest()
    (tree / "jcae/figures.py").write_text("changed")
    (tree / "jcae/__init__.py").write_text("changed = 1")
    assert digest() == before
    (tree / "jcae/kmeans.py").write_text("lloyd = 1")
    assert digest() != before


def test_a_third_package_is_its_version():
    name, _, version = records.code_digest(KMeans).partition("==")
    assert name == "scikit-learn"
    assert version[0].isdigit()


def test_a_users_own_file_counts_itself(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "own_method_of_a_user.py"
    file.write_text("from jcae import kmeans\nclass Mine: ...\n")
    import own_method_of_a_user

    before = records.code_digest(own_method_of_a_user.Mine)
    assert len(before) == 64
    file.write_text(file.read_text() + "# changed\n")
    assert records.code_digest(own_method_of_a_user.Mine) != before


def test_a_class_without_a_file_is_refused():
    space = {"__name__": "typed_into_a_notebook"}
    exec("class Mine: ...", space)
    with pytest.raises(ValueError, match="no source file"):
        records.code_digest(space["Mine"])


# --- facts


def test_git_state_survives_the_lack_of_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert records.git_state() == {"git_commit": None, "dirty": False}


def test_git_state_names_the_commit_and_sees_changes(tmp_path, monkeypatch):
    package = tmp_path / "jcae"
    package.mkdir()
    file = package / "records.py"
    file.write_text("")
    monkeypatch.setattr(records, "_PACKAGE", package)
    monkeypatch.setattr(records, "__file__", str(file))
    assert records.git_state() == {"git_commit": None, "dirty": False}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *command], check=True)
    clean = records.git_state()
    assert len(clean["git_commit"]) == 40
    assert not clean["dirty"]
    (package / "new.py").write_text("")
    assert records.git_state() == {**clean, "dirty": True}


def test_machine_facts_are_filled():
    facts = records.device_facts("cpu", threads=2)
    assert facts["type"] == "cpu"
    assert facts["name"]
    assert facts["threads"] == 2
    assert 10 < records.peak_memory_mb() < 1e6
    assert set(records.versions()) == {"python", "jcae", "numpy", "scipy", "sklearn", "torch", "umap"}


def test_the_module_loads_neither_torch_nor_sklearn():
    code = textwrap.dedent("""
        import sys
        import jcae.records as r
        r.versions(); r.git_state(); r.device_facts()
        assert not {"torch", "sklearn", "pandas"} & set(sys.modules)
    """)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_jsonable_parameters():
    import numpy as np

    params = {"a": (1, 2), "b": np.float32(0.5), "c": np.arange(2), "d": float("inf"), "e": KMeans(2), "f": object()}
    found = records.jsonable(params)
    assert found == {
        "a": [1, 2],
        "b": 0.5,
        "c": [0, 1],
        "d": "inf",
        "e": "KMeans(n_clusters=2)",
        "f": "<object object>",
    }
    json.dumps(found, allow_nan=False)
