"""docs/add-a-method.md: what it prints, writes and promises holds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from jcae import Autoencoder
from jcae.contract.checks import CHECKS, Subject, run_check
from jcae.contract.scaffold import new_method
from jcae.jobs.classes import load_class
from jcae.jobs.config import read_config
from jcae.jobs.plan import make_plan

ROOT = Path(__file__).parents[2]


TUTORIAL = (ROOT / "docs" / "add-a-method.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TUTORIAL, re.S)


@pytest.fixture
def project(tmp_path):
    """Where a reader of the tutorial stands."""
    for folder in ("baselines", "docs/methods"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_the_tutorial_prints_what_new_method_writes(project):
    written = new_method("hard_kmeans", project)
    assert blocks("python")[0] == written.paths[0].read_text(encoding="utf-8")
    assert blocks("yaml")[1] == "methods:\n" + written.config


@pytest.mark.parametrize("shallow", [False, True])
def test_a_new_method_passes_the_linter(project, shallow):
    file = new_method("mine", project, shallow=shallow).paths[0]
    settings = ["--config", ROOT / "pyproject.toml", "--no-cache", file]
    for command in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, *settings], check=True)


def test_the_configs_of_the_tutorial_are_right(project):
    file, *_ = new_method("hard_kmeans", project).paths
    for block in [block for block in blocks("yaml") if block.startswith("methods:")]:
        (project / "mine.yaml").write_text(block.replace("baselines.hard_kmeans.", f"{file}:"))
        plan = make_plan(read_config([ROOT / "config.yaml", project / "mine.yaml"]))
        assert len(plan.methods) == len(make_plan(read_config([ROOT / "config.yaml"])).methods) + 1


def test_the_tutorial_lists_the_checks():
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", TUTORIAL.partition("| check |")[2], re.M)[1:]
    assert rows == [(check.name, check.proves) for check in CHECKS]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_method_of_the_tutorial_works(project, warm_fits):
    """It keeps to the contract but for the page, whose place here is not the repository; so does the plain one."""
    for name, cls, shallow in (("hard_kmeans", "HardKmeans", False), ("my_medians", "MyMedians", True)):
        file, page = new_method(name, project, shallow=shallow).paths
        subject = Subject(f"{file}:{cls}")
        outcomes = {check.name: run_check(check, subject) for check in CHECKS}
        assert {check: one.reason for check, one in outcomes.items() if one.status == "failed"} == {}
        assert f"baselines.{name}.{cls}" in page.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
def test_the_method_of_the_tutorial_clusters_digits(project):
    file, *_ = new_method("hard_kmeans", project).paths
    X, y = load_digits(return_X_y=True)
    X = X[y < 3] / 16
    recipe = Autoencoder(epochs=60, batch_size=32)
    method = load_class(f"{file}:HardKmeans")
    method = method(3, hidden=(32,), code_dim=5, epochs=5, device="cpu", autoencoder=recipe)
    assert adjusted_rand_score(y[y < 3], method.fit_seeds(X, [1])[0].labels_) > 0.8


@pytest.mark.parametrize("name", ["Mine", "2d", "my-method", "class", "../x", "a b", "", "ä", "x" * 65, "baselines.x"])
def test_a_bad_name_is_refused(project, name):
    with pytest.raises(ValueError, match="cannot be the name of a method: use small letters"):
        new_method(name, project)
    assert not [path for path in project.rglob("*") if path.is_file()]


def test_nothing_is_overwritten(project):
    file, page = new_method("mine", project).paths
    file.write_text("my work")
    with pytest.raises(ValueError, match=r"baselines/mine\.py exists and is left as it is; take another name"):
        new_method("mine", project)
    file.unlink()
    page.write_text("my page")
    with pytest.raises(ValueError, match=r"docs/methods/mine\.md exists"):
        new_method("mine", project)
    assert page.read_text() == "my page"
    assert not file.exists()
    with pytest.raises(ValueError, match="there is no folder"):
        new_method("mine", project / "docs")
    (project / "config.yaml").write_text("methods:\n  theirs:\n    use: x.Y\n")
    with pytest.raises(ValueError, match="has the key 'theirs' already"):
        new_method("theirs", project)


@pytest.mark.slow
def test_the_command_line_writes_checks_and_says_what_failed(project):
    def jcae(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "jcae", *arguments]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)

    written = jcae("new-method", "mine", "--shallow")
    assert written.returncode == 0
    assert "  mine:\n    use: baselines.mine.Mine\n" in written.stdout
    assert (again := jcae("new-method", "mine")).returncode == 2
    assert "exists and is left as it is" in again.stderr
    checked = jcae("check", "baselines/mine.py:Mine", "--params", "{n_init: 2}")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"3/\d+ labels +ok", checked.stdout)
    assert ", 0 failed," in checked.stdout
    file = project / "baselines/mine.py"
    file.write_text(file.read_text().replace("return self\n", "self.labels_ = None\n        return self\n", 1))
    broken = jcae("check", "baselines/mine.py:Mine")
    assert broken.returncode == 1
    assert "labels_ is missing after the fit" in broken.stdout
    assert "Traceback" not in broken.stderr
    assert broken.stderr == ""
    assert jcae("check", "baselines/mine.py:Mein").stderr.endswith("did you mean 'Mine'? Allowed: BaseEstimator, "
        "ClusterMixin, Info, Mine\n")  # fmt: skip
    unknown = jcae("check", "dek", "--config", str(ROOT / "config.yaml")).stderr
    assert "no method of this config" in unknown
    assert "(its lines are in a file of their own? name that file, too)" in unknown
