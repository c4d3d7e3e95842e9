"""Tuning: labels stay out unless they are asked for, and what was done is written beside the values it gave."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from jcae import tuning
from jcae.data.prepare import prepare
from jcae.jobs.config import ConfigError, read_config
from jcae.jobs.plan import make_plan
from jcae.tuning import CRITERIA, Fit, tune

ROOT = Path(__file__).parents[2]
TINY = {
    "run": "tiny",
    "seeds": [0, 1],
    "datasets": {"wine": {"params": {"hidden": [8], "code_dim": 4, "negative_slope": 0.2, "batch_size": 64}}},
    "autoencoders": {"shared": {"params": {"epochs": 1}}},
    "methods": {
        "cm": {"use": "jcae.ClusteringModule", "params": {"epochs": 5, "alpha": 3}},
        "dcn": {"use": "baselines.dcn.DCN", "autoencoder": "shared", "params": {"epochs": 1}},
        "kmeans": {"use": "sklearn.cluster.KMeans"},
        "truth": {"use": "baselines.true_labels.TrueLabels"},
    },
    "tuning": {
        "cm": {"alpha": {"low": 1.0, "high": 20.0, "log": True}, "batch_size": {"choices": [32, 64]}},
        "dcn": {"weight": {"low": 0.1, "high": 10.0, "log": True}, "epochs": {"low": 1, "high": 3}},
        "kmeans": {"n_init": {"low": 1, "high": 3}, "tol": {"choices": [-1.0, 0.01]}},
    },
}
PLAN = make_plan(TINY)


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wine")
    prepare("wine", folder / "raw", folder / "prepared")
    return folder / "prepared"


@pytest.fixture
def features(wine, tmp_path):
    """Prepared data without the truth: whoever opens it fails."""
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    for name in ("features.npz", "card.json"):
        (folder / name).write_bytes((wine / name).read_bytes())
    return folder / "features.npz"


def search(features, out, method="cm", n_trials=3, plan=PLAN, seeds=(1000, 1001), **more):
    return tune(plan, "wine", method, n_trials, out, features=features, seeds=seeds, **more)


def test_best_values_are_an_overlay_that_says_how_they_were_found(features, tmp_path):
    best = search(features, tmp_path / "out")
    overlay = yaml.safe_load(best.read_text())
    params = overlay["methods"]["cm"]["datasets"]["wine"]
    assert set(params) == {"alpha", "batch_size"}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    job = make_plan(read_config([tmp_path / "tiny.yaml", best])).jobs["wine", "cm"]
    assert {name: job.spec["params"][name] for name in params} == params
    assert job.wording["tuned_with"] == (
        "Optuna, 3 trials, by silhouette of the own labels in the data, without labels; seeds 1000-1001"
    )
    trials = pd.read_csv(tmp_path / "out/trials.csv")
    assert len(trials) == 3
    assert trials["params_alpha"][0] == 3  # the config's own value comes first
    assert trials["params_alpha"].between(1, 20).all()
    chosen = trials.loc[trials["value"].idxmax()]
    assert params["alpha"] == pytest.approx(chosen["params_alpha"])
    for name in ("study.db", "history.svg", "importances.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 0


def test_labels_are_not_opened_unless_asked_for(features, wine, tmp_path, monkeypatch):
    opened = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda path, *args, **more: opened.append(str(path)) or load(path, *args, **more))
    search(wine / "features.npz", tmp_path / "a", n_trials=1)
    assert opened
    assert not [path for path in opened if "truth" in path]
    search(wine / "features.npz", tmp_path / "b", n_trials=1, by_labels="nmi", truth=wine / "truth.npz")
    assert [path for path in opened if "truth" in path]


def test_tuning_by_labels_is_stamped(wine, tmp_path):
    best = search(wine / "features.npz", tmp_path, by_labels="nmi", truth=wine / "truth.npz", n_trials=2)
    note = yaml.safe_load(best.read_text())["methods"]["cm"]["tuned_on"]["wine"]
    assert note == "Optuna, 2 trials, BY LABELS (NMI); seeds 1000-1001"
    with pytest.raises(ValueError, match="needs the truth"):
        search(wine / "features.npz", tmp_path / "b", by_labels="nmi")


@pytest.mark.parametrize("criterion", CRITERIA)
def test_criteria_prefer_the_better_partition(criterion):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 50)
    X = rng.normal(size=(100, 2)) + 20 * y[:, None]
    good, bad = Fit(y, X), Fit(rng.integers(0, 2, 100), X)
    score = CRITERIA[criterion].score
    assert score(X, [good, good]) > 0.9
    assert score(X, [bad, Fit(rng.integers(0, 2, 100), X)]) < 0.2


def test_silhouette_in_the_data_cannot_be_raised_by_shrinking_clusters_of_the_code():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(100, 2)), rng.integers(0, 2, 100)
    shrunk = [Fit(labels, labels[:, None] + 1e-6 * X)]
    assert CRITERIA["silhouette"].score(X, shrunk) < 0.1
    assert CRITERIA["silhouette_code"].score(X, shrunk) > 0.9


def test_search_goes_on_where_it_stopped(features, tmp_path):
    search(features, tmp_path, n_trials=1)
    first = pd.read_csv(tmp_path / "trials.csv")
    search(features, tmp_path, n_trials=3)
    both = pd.read_csv(tmp_path / "trials.csv")
    assert len(both) == 3
    assert both["value"][0] == first["value"][0]
    assert both["params_alpha"].is_unique


@pytest.mark.slow
def test_same_call_gives_the_same_trials(features, tmp_path):
    columns = ["params_alpha", "params_batch_size", "value"]
    tables = []
    for name in "ab":
        search(features, tmp_path / name)
        tables.append(pd.read_csv(tmp_path / name / "trials.csv")[columns])
    pd.testing.assert_frame_equal(*tables)


def test_study_of_other_settings_is_refused(features, tmp_path):
    search(features, tmp_path, n_trials=1)
    with pytest.raises(ConfigError, match="holds a study with another criterion; delete it"):
        search(features, tmp_path, n_trials=2, criterion="agreement")
    with pytest.raises(ConfigError, match="another seeds"):
        search(features, tmp_path, n_trials=2, seeds=[1005, 1006])


def test_autoencoders_are_pretrained_once_for_all_trials(features, tmp_path, monkeypatch):
    calls = []
    pretrain = tuning.pretrain_block
    monkeypatch.setattr(tuning, "pretrain_block", lambda *args, **more: calls.append(1) or pretrain(*args, **more))
    for n_trials in (2, 3):
        best = search(features, tmp_path, method="dcn", n_trials=n_trials)
    assert len(calls) == 1
    params = yaml.safe_load(best.read_text())["methods"]["dcn"]["datasets"]["wine"]
    assert isinstance(params["epochs"], int)


@pytest.mark.slow
def test_trials_that_fail_are_not_chosen(features, tmp_path):
    best = search(features, tmp_path, method="kmeans", n_trials=8)  # a negative tolerance is refused by scikit-learn
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert set(trials["state"]) == {"COMPLETE", "PRUNED"}
    assert yaml.safe_load(best.read_text())["methods"]["kmeans"]["datasets"]["wine"]["tol"] == 0.01


def test_no_trial_that_came_to_an_end_is_an_error_with_reasons(features, tmp_path):
    plan = make_plan({**TINY, "tuning": {"kmeans": {"tol": {"choices": [-1.0, -2.0]}}}})
    with pytest.raises(RuntimeError, match=r"no trial of kmeans on wine came to an end: .*InvalidParameterError"):
        search(features, tmp_path, method="kmeans", n_trials=1, plan=plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "truth"}, "fitted with the true labels"),
        ({"method": "gmm"}, "gmm on wine is not part of the run tiny"),
        ({"method": "truth"}, "has no search space for truth; it has one for cm, dcn, kmeans"),
        ({"seeds": [1, 2]}, "seeds: 1 are seeds of the run; tune on others"),
    ],
)
def test_mistakes_are_named(change, message, features, tmp_path):
    with pytest.raises(ConfigError, match=message):
        search(features, tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


def test_agreement_needs_two_seeds(features, tmp_path):
    with pytest.raises(ValueError, match="needs at least 2 seeds, got 1"):
        search(features, tmp_path, seeds=[1000], criterion="agreement")


@pytest.mark.slow
def test_command_line_prepares_the_data_and_writes_the_overlay(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY))
    (tmp_path / "own.yaml").write_text("run: own\n")
    command = [sys.executable, "-m", "jcae", "tune", "--config", "config.yaml", "own.yaml", "--dataset", "wine"]
    command += ["--method", "cm", "--trials", "1", "--seeds", "1000", "--by-labels", "ACC"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "trial 0: " in done.stdout
    assert "BY LABELS (ACC)" in done.stderr
    best = tmp_path / "results/own/tuning/wine/cm/by_labels_acc/best.yaml"
    assert yaml.safe_load(best.read_text())["methods"]["cm"]["datasets"]["wine"]["alpha"] == 3
    wrong = subprocess.run([*command[:-1], "purity"], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
