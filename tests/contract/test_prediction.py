"""Labels that are at odds with a method's own predictions or centroids are found, in data far from zero, too."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans

from jcae.contract.checks import CHECKS, Subject, run_check

BY_NAME = {check.name: check for check in CHECKS}


class Nearest(ClusterMixin, BaseEstimator):
    """k-means in float64, whose labels are those of the nearest centroids."""

    def __init__(self, n_clusters=3, random_state=None):
        self.n_clusters, self.random_state = n_clusters, random_state

    def fit(self, X, y=None):
        origin = X.mean(0, dtype=np.float64)
        fitted = KMeans(self.n_clusters, n_init=5, random_state=self.random_state).fit(X - origin)
        self.cluster_centers_ = fitted.cluster_centers_ + origin
        self.labels_ = self.nearest(X)
        self.inertia_ = self.objective(X)
        return self

    def nearest(self, X):
        return np.linalg.norm(X[:, None] - self.cluster_centers_, axis=-1).argmin(1)

    def objective(self, X):
        return float(np.square(X - self.cluster_centers_[self.labels_]).sum())

    def predict(self, X):
        return self.nearest(X)


class Expands(Nearest):
    """Expands the square in float32."""

    def nearest(self, X):
        centers = self.cluster_centers_.astype(np.float32)
        return (np.square(X).sum(1)[:, None] - 2 * X @ centers.T + np.square(centers).sum(1)).argmin(1)


class ExpandsToPredict(Nearest):
    def predict(self, X):
        return Expands.nearest(self, X)


class ExpandsTheObjective(Nearest):
    def objective(self, X):
        centers = self.cluster_centers_.astype(np.float32)[self.labels_]
        return float((np.square(X).sum(1) - 2 * (X * centers).sum(1) + np.square(centers).sum(1)).min())


class OtherLabels(Nearest):
    """Labels that are no nearest centroids."""

    def nearest(self, X):
        return (super().nearest(X) + 1) % self.n_clusters


class Diverges(Expands):
    def fit(self, X, y=None):
        super().fit(X)
        if np.abs(X).max() > 100:
            self.status_, self.reason_ = "diverged", "far from zero"
        return self


class PredictsOtherwise(Nearest):
    def predict(self, X):
        return (X[:, 0] > 0).astype(int)


class LooksAtTheBatch(Nearest):
    def predict(self, X):
        return self.nearest(X - X.mean(0))


def outcome(cls, name):
    return run_check(BY_NAME[name], Subject(f"{__name__}.{cls.__name__}"))


@pytest.mark.parametrize("name", ["predict", "far from zero"])
def test_labels_of_nearest_centroids_pass(name):
    assert outcome(Nearest, name).status == "ok"


@pytest.mark.parametrize(
    ("cls", "name", "said"),
    [
        (PredictsOtherwise, "predict", "predict(X) of the fitted X and labels_ agree with ARI"),
        (LooksAtTheBatch, "predict", "get the label alone that predict gives them among others"),
        (Expands, "far from zero", "labels_ of"),
        (ExpandsToPredict, "far from zero", "the predictions of"),
        (ExpandsTheObjective, "far from zero", "the objective inertia_ is -"),
    ],
)
def test_labels_that_are_at_odds_are_found(cls, name, said):
    found = outcome(cls, name)
    assert found.status == "failed"
    assert said in found.reason


@pytest.mark.parametrize(
    ("cls", "reason"), [(OtherLabels, "labels are not those of the nearest centroids"), (Diverges, "")]
)
def test_what_makes_no_such_promise_is_left_alone(cls, reason):
    assert outcome(cls, "far from zero").reason == reason


def test_the_labels_of_an_installed_package_are_told_and_no_fault():
    found = run_check(BY_NAME["far from zero"], Subject("sklearn.cluster.MiniBatchKMeans"))
    assert found.status == "not applicable"
    assert "of an installed package; with 1000 added to all data, labels_ of" in found.reason
