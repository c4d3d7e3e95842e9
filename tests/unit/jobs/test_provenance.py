"""Digests follow the imports and nothing else; the facts of a machine are filled in."""

import subprocess
import sys
import textwrap

import pytest
from sklearn.cluster import KMeans

from jcae.jobs import provenance


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
    return sorted(provenance._closure(tree / name, module, folders))


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
        return provenance._digest(provenance._closure(tree / "baselines/dec.py", "baselines.dec", folders))

    before = digest()
    (tree / "jcae/figures.py").write_text("changed")
    (tree / "jcae/__init__.py").write_text("changed = 1")
    assert digest() == before
    (tree / "jcae/kmeans.py").write_text("lloyd = 1")
    assert digest() != before


METHOD = '''
"""A method."""
class Mine:
    info = Info(label="A", summary="S.", deviations=("One.",), presets={"p": {"a": 1}}, control=False)
    def fit(self, X):
        "Fit."
        return X + 1  # one
'''


def digest_of(text, folder):
    file = folder / "m.py"
    file.write_text(text)
    return provenance._digest({"m": file})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A method."""', '"""A method, in other words."""'),
        ('"Fit."', '"Fit it."'),
        ("# one", "# a comment"),
        ("X + 1", "(X   +  1)"),
        ('"A"', '"Another label"'),
        ('"S."', '"Another summary."'),
        ('("One.",)', '("One.", "Two.")'),
    ],
)
def test_words_are_no_part_of_the_digest(old, new, tmp_path):
    assert old in METHOD
    assert digest_of(METHOD, tmp_path) == digest_of(METHOD.replace(old, new), tmp_path)


@pytest.mark.parametrize(("old", "new"), [("X + 1", "X + 2"), ("1}", "2}"), ("control=False", "control=True")])
def test_what_may_change_a_result_is_part_of_the_digest(old, new, tmp_path):
    assert old in METHOD
    assert digest_of(METHOD, tmp_path) != digest_of(METHOD.replace(old, new), tmp_path)


def test_a_third_package_is_its_version():
    name, _, version = provenance.code_digest(KMeans).partition("==")
    assert name == "scikit-learn"
    assert version[0].isdigit()


def test_a_users_own_file_counts_itself(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "own_method_of_a_user.py"
    file.write_text("from jcae.training import kmeans\nclass Mine: ...\n")
    import own_method_of_a_user

    before = provenance.code_digest(own_method_of_a_user.Mine)
    assert len(before) == 64
    file.write_text(file.read_text() + "changed = 1\n")
    assert provenance.code_digest(own_method_of_a_user.Mine) != before


def test_a_class_without_a_file_is_refused():
    space = {"__name__": "typed_into_a_notebook"}
    exec("class Mine: ...", space)
    with pytest.raises(ValueError, match="no source file"):
        provenance.code_digest(space["Mine"])


# --- facts


def test_git_state_survives_the_lack_of_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() == {"git_commit": None, "dirty": False}


def test_git_state_names_the_commit_and_sees_changes(tmp_path, monkeypatch):
    package = tmp_path / "jcae"
    package.mkdir()
    file = package / "records.py"
    file.write_text("")
    monkeypatch.setattr(provenance, "_PACKAGE", package)
    monkeypatch.setattr(provenance, "__file__", str(file))
    assert provenance.git_state() == {"git_commit": None, "dirty": False}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *command], check=True)
    clean = provenance.git_state()
    assert len(clean["git_commit"]) == 40
    assert not clean["dirty"]
    (package / "new.py").write_text("")
    assert provenance.git_state() == {**clean, "dirty": True}


def test_machine_facts_are_filled():
    facts = provenance.device_facts("cpu", threads=2)
    assert facts["type"] == "cpu"
    assert facts["name"]
    assert facts["threads"] == 2
    assert 10 < provenance.peak_memory_mb() < 1e6
    assert set(provenance.versions()) == {"python", "jcae", "numpy", "scipy", "sklearn", "torch", "umap"}


def test_what_the_workflow_reads_loads_neither_torch_nor_sklearn():
    code = textwrap.dedent("""
        import sys
        import jcae.jobs.records
        import jcae.jobs.provenance as p
        p.versions(); p.git_state(); p.device_facts()
        assert not {"torch", "sklearn", "pandas"} & set(sys.modules)
    """)
    subprocess.run([sys.executable, "-c", code], check=True)
