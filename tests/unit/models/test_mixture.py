"""IsotropicMixture: against scikit-learn where it has an equal, against a written-out EM step where it has none."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.datasets import make_blobs
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import check_estimator

from jcae.models.mixture import (
    IsotropicMixture,
    best_variance,
    log_joint,
    map_objective,
    map_weights,
    squared_distances,
)
from jcae.randomness.seeds import sklearn_seed
from jcae.training.kmeans import kmeans_start


@pytest.fixture(scope="module", name="X")
def blobs():
    return make_blobs(300, n_features=3, centers=4, cluster_std=1.5, random_state=0)[0]


def reference_em(X, means, alpha, variance, steps):
    """EM written out point by point with scipy's normal density; variance None means estimated."""
    n, d = X.shape
    K = len(means)
    weights = np.full(K, 1.0 / K)
    s2 = variance or np.mean([min(np.sum((x - m) ** 2) for m in means) for x in X]) / d
    for _ in range(steps):
        density = np.array([weights[k] * multivariate_normal(means[k], s2 * np.eye(d)).pdf(X) for k in range(K)]).T
        gamma = density / density.sum(axis=1, keepdims=True)
        weights = (gamma.sum(axis=0) + alpha - 1) / (n + K * alpha - K)
        means = np.array([np.average(X, axis=0, weights=gamma[:, k]) for k in range(K)])
        if variance is None:
            s2 = sum(gamma[i, k] * np.sum((X[i] - means[k]) ** 2) for i in range(n) for k in range(K)) / (n * d)
    return weights, means, s2


def test_scikit_learn_conventions():
    check_estimator(IsotropicMixture(n_clusters=2))
    check_estimator(IsotropicMixture(n_clusters=2, variance=None, alpha=2.0))


@pytest.mark.parametrize("variance", [0.05, 0.5, 2.0])
def test_posterior_and_likelihood_equal_gaussian_mixture(X, variance):
    ours = IsotropicMixture(4, variance=variance, random_state=0).fit(X)
    theirs = GaussianMixture(4, covariance_type="spherical")
    theirs.weights_, theirs.means_ = ours.weights_, ours.cluster_centers_
    theirs.covariances_ = np.full(4, variance)
    theirs.precisions_cholesky_ = np.full(4, variance**-0.5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-11)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-11)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert (ours.predict(X) == ours.labels_).all()


@pytest.mark.parametrize("variance", [0.5, None])
@pytest.mark.parametrize("alpha", [1.0, 5.0])
def test_em_equals_written_out_steps(X, variance, alpha):
    ours = IsotropicMixture(4, variance=variance, alpha=alpha, init=X[:4], max_iter=5, tol=-np.inf).fit(X)
    weights, means, s2 = reference_em(X, X[:4], alpha, variance, steps=5)
    assert ours.n_iter_ == 5
    np.testing.assert_allclose(ours.weights_, weights, rtol=1e-10)
    np.testing.assert_allclose(ours.cluster_centers_, means, rtol=1e-10, atol=1e-10)
    assert ours.variance_ == pytest.approx(s2, rel=1e-10)


def test_one_component_equals_gaussian_mixture_from_an_equal_start(X):
    ours = IsotropicMixture(1, variance=None).fit(X)
    theirs = GaussianMixture(1, covariance_type="spherical", reg_covar=0.0).fit(X)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.means_, rtol=1e-12)
    assert ours.variance_ == pytest.approx(theirs.covariances_[0], rel=1e-12)
    assert ours.score(X) == pytest.approx(theirs.score(X), rel=1e-12)


def test_em_equals_gaussian_mixture_where_the_component_variances_agree():
    # Two clouds that mirror each other have equal variances, so scikit-learn's variance per component is shared too.
    half = np.random.default_rng(0).normal(size=(100, 2)) + 1.5
    X = np.concatenate([half, -half])
    start = np.array([[1.0, 1.0], [-1.0, -1.0]])
    ours = IsotropicMixture(2, variance=None, init=start, tol=1e-14, max_iter=5000).fit(X)
    theirs = GaussianMixture(
        2, covariance_type="spherical", reg_covar=0.0, means_init=start, weights_init=[0.5, 0.5],
        precisions_init=[1.0, 1.0], tol=1e-14, max_iter=5000,
    ).fit(X)  # fmt: skip
    np.testing.assert_allclose(ours.cluster_centers_, theirs.means_, rtol=1e-5)
    np.testing.assert_allclose(ours.variance_, theirs.covariances_, rtol=1e-5)
    assert ours.score(X) == pytest.approx(theirs.score(X), rel=1e-10)


@pytest.mark.parametrize("variance", [0.1, 0.5, None])
@pytest.mark.parametrize("alpha", [1.0, 3.0])
@pytest.mark.parametrize("init", ["kmeans++", "random"])
def test_objective_never_falls(X, variance, alpha, init):
    model = IsotropicMixture(6, variance=variance, alpha=alpha, init=init, random_state=3).fit(X)
    assert np.diff(model.history_).min() >= -1e-12
    assert model.converged_
    assert len(model.history_) == model.n_iter_ + 1
    expected = map_objective(X, model.weights_, model.cluster_centers_, model.variance_, alpha)
    assert model.lower_bound_ == pytest.approx(expected, rel=1e-12)


def test_start_is_one_lloyd_iteration_of_the_same_seed(X):
    start = kmeans_start(torch.tensor(X), 4, [7])[0].numpy()
    by_name = IsotropicMixture(4, random_state=7).fit(X)
    by_hand = IsotropicMixture(4, init=start).fit(X)
    np.testing.assert_allclose(by_name.cluster_centers_, by_hand.cluster_centers_, rtol=1e-12)


def test_more_starts_keep_the_best(X):
    many = IsotropicMixture(6, init="random", n_init=5, random_state=0).fit(X)
    seeds = [0, *(sklearn_seed(0, "start", i) for i in range(1, 5))]
    bounds = [IsotropicMixture(6, init="random", random_state=s).fit(X).lower_bound_ for s in seeds]
    assert many.lower_bound_ == pytest.approx(max(bounds), rel=1e-12)


def test_far_from_the_origin_nothing_changes(X):
    near = IsotropicMixture(4, init=X[:4]).fit(X)
    far = IsotropicMixture(4, init=X[:4] + 1e5, max_iter=near.n_iter_, tol=-np.inf).fit(X + 1e5)
    np.testing.assert_allclose(far.predict_proba(X + 1e5), near.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(squared_distances(X + 1e5, X[:4] + 1e5), squared_distances(X, X[:4]), atol=1e-8)


def test_component_without_points_keeps_its_centroid(X):
    start = np.concatenate([X[:3], np.full((1, 3), 1e4)])
    model = IsotropicMixture(4, init=start).fit(X)
    np.testing.assert_allclose(model.cluster_centers_[3], 1e4)
    assert model.weights_[3] == 0.0
    assert np.isfinite(model.lower_bound_)
    assert np.isfinite(model.score_samples(X)).all()


def test_map_weights():
    np.testing.assert_allclose(map_weights([6.0, 3.0, 1.0]), [0.6, 0.3, 0.1])
    np.testing.assert_allclose(map_weights([6.0, 3.0, 1.0], 11.0), [0.4, 0.325, 0.275])
    np.testing.assert_allclose(map_weights([6.0, 3.0, 1.0], [2.0, 1.0, 1.0]), [7 / 11, 3 / 11, 1 / 11])
    np.testing.assert_allclose(map_weights([6.0, 3.5, 0.5], 0.5), [5.5 / 8.5, 3.0 / 8.5, 0.0])
    with pytest.raises(ValueError, match=r"removes all 2 components"):
        map_weights([0.1, 0.1], 0.5)


def test_best_variance_is_a_maximum(X):
    model = IsotropicMixture(4, variance=None, tol=1e-13, random_state=0).fit(X)
    best = best_variance(X, model.weights_, model.cluster_centers_)
    assert best == pytest.approx(model.variance_, rel=1e-4)
    top = map_objective(X, model.weights_, model.cluster_centers_, best)
    for factor in (0.9, 0.999, 1.001, 1.1):
        assert map_objective(X, model.weights_, model.cluster_centers_, best * factor) < top


def test_log_joint_is_the_density(X):
    joint = log_joint(X, [0.3, 0.7], X[:2], 0.5)
    expected = np.log(0.7) + multivariate_normal(X[1], 0.5 * np.eye(3)).logpdf(X)
    np.testing.assert_allclose(joint[:, 1], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_clusters": 0}, "n_clusters=0"),
        ({"n_clusters": 301}, "n_samples=300 should be >= n_clusters=301"),
        ({"variance": -1.0}, "variance=-1.0"),
        ({"alpha": 0.0}, "alpha=0.0"),
        ({"max_iter": 0}, "max_iter=0"),
        ({"n_init": 0}, "n_init=0"),
        ({"init": "kmeans"}, r"init='kmeans' is unknown; allowed are \['kmeans\+\+', 'random'\]"),
        ({"init": np.zeros((2, 3))}, r"init has shape \(2, 3\)"),
    ],
)
def test_bad_parameters_are_named(X, params, message):
    with pytest.raises(ValueError, match=message):
        IsotropicMixture(**params).fit(X)
