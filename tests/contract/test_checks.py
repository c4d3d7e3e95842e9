"""Every check of the contract fails for a method that breaks it, and says what to do."""

import itertools
import pkgutil
import textwrap
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import validate_data

import jcae.contract
from jcae.contract.checks import CHECKS, Subject, run_check
from jcae.contract.registry import Check
from jcae.jobs.classes import MethodError
from jcae.jobs.parameters import ParameterError
from jcae.models.info import Info

pytestmark = pytest.mark.filterwarnings("ignore")
BY_NAME = {check.name: check for check in CHECKS}


class Sound(ClusterMixin, BaseEstimator):
    """Keeps to everything: k-means."""

    info = Info(label="sound", summary="k-means.", reference="none")

    def __init__(self, n_clusters=3, random_state=None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X, y=None):
        X = validate_data(self, X)
        self.labels_ = self.make(X)
        return self

    def make(self, X):
        return KMeans(self.n_clusters, n_init=5, random_state=self.random_state).fit(X).labels_


def outcome(cls, name):
    return run_check(BY_NAME[name], Subject(f"{__name__}.{cls.__name__}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_a_sound_method_passes(name, warm_fits):
    found = outcome(Sound, name)
    without = ("steps", "weights", "page", "predict", "far from zero")  # it has no network, predict or centroids
    assert found.status == ("not applicable" if name in without else "ok"), found.reason


class Finds(Sound):
    """Finds five clusters, unless it is told how many."""

    finds_n_clusters = True

    def __init__(self, n_clusters=None, random_state=None):
        super().__init__(n_clusters, random_state)

    def make(self, X):
        return KMeans(min(self.n_clusters or 5, len(X)), n_init=5, random_state=self.random_state).fit(X).labels_


@pytest.mark.parametrize(
    "name", ["labels", "pipeline", "row order", "two clusters", "duplicates", "easy blobs", "finite"]
)
def test_a_method_that_finds_the_number_of_clusters_passes(name):
    found = outcome(Finds, name)
    assert found.status == "ok", found.reason


class ChangesParameters(Sound):
    def __init__(self, n_clusters=3, random_state=None):
        super().__init__(n_clusters + 1, random_state)


class NoConventions:
    def __init__(self, n_clusters=3):
        self.n_clusters = n_clusters

    def fit(self, X):
        self.labels_ = np.zeros(len(X), int)


class NoValidation(Sound):
    def fit(self, X, y=None):
        self.labels_ = np.zeros(len(X), int)
        return self


class Floats(Sound):
    def make(self, X):
        return super().make(X).astype(float)


class NanLabels(Sound):
    def make(self, X):
        return np.full(len(X), np.nan)


class List(Sound):
    def make(self, X):
        return super().make(X).tolist()


class Short(Sound):
    def make(self, X):
        return super().make(X)[:-1]


class TooMany(Sound):
    def make(self, X):
        return np.arange(len(X))


class WritesToX(Sound):
    def fit(self, X, y=None):
        super().fit(X)
        X *= 2
        return self


class Raises(Sound):
    def make(self, X):
        raise ArithmeticError("no solution")


class KeepsState(Sound):
    calls = itertools.count()

    def make(self, X):
        return np.roll(super().make(X), next(self.calls))


class GlobalGenerator(Sound):
    def make(self, X):
        return np.random.randint(self.n_clusters, size=len(X))  # noqa: NPY002


class IgnoresSeed(Sound):
    def make(self, X):
        return KMeans(self.n_clusters, n_init=5, random_state=0).fit(X).labels_


class HiddenChance(Sound):
    def __init__(self, n_clusters=3):
        self.n_clusters = n_clusters

    def make(self, X):
        return np.random.default_rng().integers(self.n_clusters, size=len(X))


class ByRowNumber(Sound):
    def make(self, X):
        return np.arange(len(X)) * self.n_clusters // len(X)


class FirstPoints(Sound):
    """The first K points are the centers, and stay it."""

    def make(self, X):
        return ((X[:, None] - X[: self.n_clusters]) ** 2).sum(-1).argmin(1)


class ReadsY(Sound):
    def fit(self, X, y=None):
        super().fit(X)
        if y is not None and len(y) == len(X):
            self.labels_ = np.unique(y, return_inverse=True)[1]
        return self


class PeeksAtY(Sound):
    """Chooses among its restarts by the classes: the labels alone would not show it on easy data."""

    def fit(self, X, y=None):
        super().fit(X)
        self.loss_ = 0.0 if y is None else float(np.mean(np.asarray(y) == self.labels_))
        return self


class SecretControl(ReadsY):
    reads_truth = True


class ThreeClusters(Sound):
    def make(self, X):
        return KMeans(3, random_state=self.random_state).fit(X).labels_


class NoDuplicates(Sound):
    def make(self, X):
        labels = super().make(X)
        labels[len(X) // 2 :] = (labels[len(X) // 2 :] + 1) % self.n_clusters
        return labels


class TakesNan(Sound):
    def fit(self, X, y=None):
        self.labels_ = self.make(np.nan_to_num(X, posinf=0))
        return self


class VagueAboutNan(Sound):
    def fit(self, X, y=None):
        if not np.isfinite(X).all():
            raise ValueError("bad data")
        return super().fit(X)


class DividesByVariance(Sound):
    def fit(self, X, y=None):
        super().fit(X)
        with np.errstate(all="ignore"):
            self.cluster_centers_ = X[: self.n_clusters] / X.std(0)
        return self


class SilentlyNan(Sound):
    def fit(self, X, y=None):
        super().fit(X)
        self.loss_ = float("nan")
        return self


class Overflows(Sound):
    def fit(self, X, y=None):
        super().fit(X)
        self.loss_ = float(np.inf if np.abs(X).max() > 100 else 1)
        return self


class NoReason(Sound):
    def fit(self, X, y=None):
        super().fit(X)
        self.status_, self.reason_ = "diverged", None
        return self


class OneCluster(Sound):
    def make(self, X):
        return np.zeros(len(X), int)


class NoInfo(Sound):
    info = None


class EmptyInfo(Sound):
    info = Info(label="x", summary="A sentence.", reference="")


class NoSentence(Sound):
    info = Info(label="x", summary="A sentence.", reference="none", deviations=("no full stop",))


class OneText(Sound):
    info = Info(label="x", summary="A sentence.", reference="none", deviations="Differs in one thing.")


class BadPreset(Sound):
    info = Info(label="x", summary="A sentence.", reference="none", presets={"paper": {"epochs": 5}})


class FindsWhateverIsSaid(Finds):
    def make(self, X):
        return KMeans(5, n_init=5, random_state=self.random_state).fit(X).labels_


class NoWeights(Sound):
    def fit_seeds(self, X, seeds, *, pretrained=None, runtime=None):
        return [Sound(self.n_clusters, seed).fit(X) for seed in seeds]


class MixesSeeds(NoWeights):
    def fit_seeds(self, X, seeds, *, pretrained=None, runtime=None):
        fits = super().fit_seeds(X, seeds)
        for fit in fits:
            fit.labels_ = np.roll(fit.labels_, len(seeds) - 1)
        return fits


@pytest.mark.parametrize(
    ("cls", "name", "advice"),
    [
        (ChangesParameters, "parameters", "n_clusters=3 was given, get_params() has 4: store every argument as it is"),
        (NoConventions, "parameters", "derive the class from sklearn.base.BaseEstimator"),
        (NoValidation, "scikit-learn", "check X with validate_data in fit"),
        (Floats, "labels", "labels_ is float64; return integers"),
        (NanLabels, "labels", "labels_ is float64; return integers"),
        (List, "labels", "labels_ is a list; make it a numpy array"),
        (Short, "labels", "has the shape (149,) for 150 points; return one label per row"),
        (TooMany, "labels", "has 150 clusters where 3 were asked for"),
        (WritesToX, "labels", "fit changed X, which all seeds and methods share; work on a copy"),
        (Raises, "pipeline", "its run on blobs is failed: ArithmeticError: no solution"),
        (KeepsState, "pipeline", "keep no state between fits"),
        (MixesSeeds, "pipeline", "reduce over the last axes, never the first"),
        (GlobalGenerator, "same seed", "check_random_state(self.random_state)"),
        (IgnoresSeed, "other seeds", "use random_state in fit, or, if nothing is random, take it out of __init__"),
        (HiddenChance, "other seeds", "there is no random_state: take it in __init__"),
        (ByRowNumber, "row order", "use no row number"),
        (FirstPoints, "row order", "Draw starting points and batches at random"),
        (ReadsY, "no labels", "with y = the classes gives another labels than fit(X): ignore y"),
        (PeeksAtY, "no labels", "gives another loss_ than fit(X): ignore y"),
        (SecretControl, "no labels", "say control=True in its info"),
        (ThreeClusters, "two clusters", "has 3 clusters where 2 were asked for"),
        (FindsWhateverIsSaid, "two clusters", "has 5 clusters where 2 were asked for"),
        (NoDuplicates, "duplicates", "points are apart from their copies"),
        (TakesNan, "bad input", "X with NaN is taken without an error; call sklearn.utils.validation.validate_data"),
        (VagueAboutNan, "bad input", "ValueError('bad data'), which does not name it"),
        (DividesByVariance, "constant data", "cluster_centers_ of constant data holds NaN or infinity"),
        (SilentlyNan, "finite", "loss_ of blobs holds NaN or infinity, and nothing says so"),
        (Overflows, "finite", "loss_ of data a thousand times as large holds NaN or infinity"),
        (NoReason, "finite", "is 'diverged' without a reason; say in reason_ what happened"),
        (NoWeights, "weights", "fit_seeds leaves no weights_"),
        (OneCluster, "easy blobs", "ARI 0.00 0.00 0.00 0.00 0.00, 0.9 are due"),
        (NoInfo, "info", "add `info = jcae.models.info.Info(label=..., summary=..., reference=...)`"),
        (EmptyInfo, "info", "info.reference is empty"),
        (NoSentence, "info", "'no full stop' is no sentence; end it with a full stop"),
        (OneText, "info", "info.deviations is one text; make it a tuple of sentences"),
        (BadPreset, "info", "info.presets['paper'] has parameters that __init__ lacks: epochs"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else getattr(value, "__name__", ""),
)
def test_a_broken_method_is_told_what_to_do(cls, name, advice):
    found = outcome(cls, name)
    assert found.status == "failed"
    assert advice in found.reason


def test_what_a_method_raises_is_told_with_its_line():
    found = outcome(Raises, "labels")
    assert found.status == "failed"
    assert "ArithmeticError: no solution" in found.reason
    assert "test_checks.py, line" in found.reason


def test_every_check_is_in_the_list():
    modules = [import_module(f"jcae.contract.{module.name}") for module in pkgutil.iter_modules(jcae.contract.__path__)]
    made = [one for module in modules for one in vars(module).values() if isinstance(one, Check)]
    assert sorted(one.name for one in made) == sorted(BY_NAME)


def test_a_page_must_show_the_facts_of_the_class(tmp_path, monkeypatch):
    for folder in ("baselines", "docs/methods"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr("jcae.contract.interface.ROOT", tmp_path)
    page = tmp_path / "docs/methods/other.md"
    page.write_text("# Another")
    source = """
        from sklearn.cluster import KMeans
        from jcae.models.info import Info

        class Mine(KMeans):
            info = Info("m", "A method.", "none")
    """
    (tmp_path / "baselines/mine.py").write_text(textwrap.dedent(source))
    subject = Subject(f"{tmp_path}/baselines/mine.py:Mine")
    assert "write docs/methods/mine.md" in run_check(BY_NAME["page"], subject).reason
    page.write_text("`baselines.mine.Mine`")
    assert (
        "no page of docs/methods has a block of facts of baselines.mine.Mine"
        in run_check(BY_NAME["page"], subject).reason
    )
    page.write_text("# Mine\n\n```{facts} baselines.mine.Mine\n```\n")
    assert run_check(BY_NAME["page"], subject).status == "ok"


def test_unknown_methods_and_parameters_are_refused_at_once():
    with pytest.raises(MethodError, match="there is no module 'nowhere'"):
        Subject("nowhere.Mine")
    with pytest.raises(ParameterError, match="unknown parameter 'n_inits'"):
        Subject("sklearn.cluster.KMeans", {"n_inits": 3})


# --- methods of others ------------------------------------------------------------------------------------------------


def assert_keeps_to_it(subject):
    found = {check.name: run_check(check, subject) for check in CHECKS}
    failed = {name: one.reason for name, one in found.items() if one.status == "failed"}
    assert not failed
    return {name for name, one in found.items() if one.status == "ok"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("use", "params"),
    [
        ("sklearn.cluster.HDBSCAN", {"min_cluster_size": 15}),  # no number of clusters, no seed; takes NaN and says so
        ("sklearn.cluster.SpectralClustering", {"affinity": "nearest_neighbors", "n_neighbors": 20}),
        ("sklearn.cluster.AgglomerativeClustering", {"linkage": "ward"}),  # no seed
    ],
)
def test_estimators_of_scikit_learn(use, params, warm_fits):
    passed = assert_keeps_to_it(Subject(use, params))
    assert {"labels", "pipeline", "other seeds", "row order", "easy blobs"} <= passed


def test_a_deep_method_of_another_package():
    pytest.importorskip("clustpy", reason="clustpy is not installed; it is no dependency")
    params = {"pretrain_epochs": 20, "clustering_epochs": 10, "batch_size": 32, "embedding_size": 5}
    passed = assert_keeps_to_it(Subject("clustpy.deep.DEC", params))
    assert {"labels", "pipeline", "same seed", "other seeds", "easy blobs"} <= passed
