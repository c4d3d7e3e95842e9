"""k-means of a block: against scikit-learn, seed by seed, and where it gets difficult."""

import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine

from jcae.training.kmeans import _Restarts, kmeans, kmeans_start


@pytest.fixture(scope="module")
def digits():
    return torch.tensor(load_digits().data / 16)


def inertia(x, found, s=0):
    return (x - found.centers[s][found.labels[s]]).square().sum().item()


def test_the_best_of_twenty_is_that_of_scikit_learn(digits):
    """On digits twenty restarts reach the same optimum to a thousandth, whoever runs them."""
    reference = KMeans(10, n_init=20, random_state=0).fit(digits.numpy()).inertia_
    found = kmeans(digits, 10, [0, 1, 2])
    np.testing.assert_allclose(found.inertia, reference, rtol=2e-3)
    for s in range(3):
        assert found.inertia[s].item() == pytest.approx(inertia(digits, found, s), rel=1e-12)
        nearest = torch.cdist(digits, found.centers[s]).argmin(1)
        assert torch.equal(found.labels[s], nearest)
        for k in range(10):  # a fixed point up to the tolerance: every centre is the mean of its points
            torch.testing.assert_close(found.centers[s, k], digits[nearest == k].mean(0), atol=0.02, rtol=0)


@pytest.mark.slow
def test_single_starts_are_as_good_as_those_of_scikit_learn(digits):
    """One start each from 60 seeds: the distribution of the inertia, and of what the seeding alone leaves."""
    x = digits[:600]
    for max_iter in (1, 300):
        ours = kmeans(x, 10, range(60), n_init=1, max_iter=max_iter).inertia.numpy()
        fits = [KMeans(10, n_init=1, max_iter=max_iter, random_state=s) for s in range(60)]
        with warnings.catch_warnings(action="ignore"):
            theirs = [fit.fit(x.numpy()).inertia_ for fit in fits]
        assert stats.mannwhitneyu(ours, theirs).pvalue > 1e-3
        assert abs(ours.mean() / np.mean(theirs) - 1) < 0.02


def test_lloyd_iterations_are_those_of_scikit_learn(digits):
    """From the same centres, step by step."""
    start = kmeans_start(digits, 10, [3])
    run = _Restarts(digits[None], torch.zeros(1, 1, 64, dtype=torch.float64), torch.zeros(1))
    centers = start[None]
    for steps in (1, 2, 3):
        centers = run.update(centers)
        theirs = KMeans(10, init=start[0].numpy(), n_init=1, max_iter=steps, tol=0.0).fit(digits.numpy())
        np.testing.assert_allclose(centers[0, 0], theirs.cluster_centers_, atol=1e-10)


def test_a_seed_does_not_depend_on_the_others_and_may_have_points_of_its_own(digits):
    x = digits.float()[:500]
    together = kmeans(torch.stack([x, x.flip(0), 2 * x]), 7, [5, 0, 9])
    alone = kmeans(x.flip(0), 7, [0])
    for a, b in zip(alone, together, strict=True):
        assert torch.equal(a[0], b[1])
    assert not torch.equal(together.centers[0], together.centers[2] / 2)  # another seed
    refit = kmeans(x, 7, [5], purpose="refit", n_init=1)
    assert not torch.equal(refit.centers[0], kmeans(x, 7, [5], n_init=1).centers[0])


def test_empty_clusters_move_to_the_farthest_points():
    x = torch.tensor([[0.0], [1.0], [2.0], [10.0]], dtype=torch.float64)
    run = _Restarts(x[None], torch.zeros(1, 1, 1, dtype=torch.float64), torch.zeros(1))
    # The second centre wins nothing; the farthest point from the first is 10, which then no longer counts for it.
    new = run.update(torch.tensor([[[[1.0], [100.0]]]], dtype=torch.float64))
    assert new.flatten().tolist() == [1.0, 10.0]


def test_fewer_distinct_points_than_clusters():
    x = torch.tensor([[0.0, 0.0]] * 5 + [[1.0, 1.0]] * 3)
    found = kmeans(x, 4, [0])
    assert torch.isfinite(found.centers).all()
    assert found.inertia.item() < 1e-6
    assert found.labels[0].unique().numel() == 2


@pytest.mark.parametrize("n_clusters", [1, 8])
def test_one_cluster_and_as_many_as_points(n_clusters):
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = kmeans(x, n_clusters, [0])
    expected = (x - x.mean(0)).square().sum().item() if n_clusters == 1 else 0.0
    assert found.inertia.item() == pytest.approx(expected, abs=1e-12)
    assert found.labels[0].unique().numel() == n_clusters
    with pytest.raises(ValueError, match="n_clusters=9 is not allowed for 8 points"):
        kmeans(x, 9, [0])


def test_far_from_the_origin_nothing_cancels():
    X = torch.tensor(load_wine().data[:, :4])
    near = kmeans(X, 3, [0])
    far = kmeans((X + 1e7), 3, [0])
    assert torch.equal(near.labels, far.labels)
    assert kmeans((X + 1e4).float(), 3, [0]).inertia.item() == pytest.approx(near.inertia.item(), rel=1e-2)


def test_many_points_are_worked_through_in_parts(digits, monkeypatch):
    whole = kmeans(digits, 10, [0])
    monkeypatch.setattr("jcae.training.kmeans.CACHE", 1)
    parts = kmeans(digits, 10, [0])
    assert parts.inertia.item() == pytest.approx(whole.inertia.item(), rel=1e-9)
