"""Methods that choose the number of clusters of k-means without labels."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score, silhouette_score

from baselines.unknown_k import KMeansUnknownK


@pytest.fixture
def blobs():
    return make_blobs(90, 4, centers=[[8.0 * (i == j) for j in range(4)] for i in range(3)], random_state=0)


@pytest.mark.parametrize("criterion", ["silhouette", "stability"])
def test_three_blobs_are_three_clusters(criterion, blobs):
    fit = KMeansUnknownK(criterion=criterion, max_clusters=6, random_state=0).fit(blobs[0])
    assert fit.n_clusters_ == len(fit.cluster_centers_) == 3
    assert adjusted_rand_score(blobs[1], fit.labels_) == 1
    assert fit.values_.argmax() == 1
    if criterion == "silhouette":
        assert fit.values_[1] == pytest.approx(silhouette_score(blobs[0], fit.labels_))
    else:
        assert fit.values_[1] == pytest.approx(1)


def test_a_graph_smooths_what_is_clustered():
    """Features without clusters, and four cliques: neighbours average to the mean of their clique."""
    X = np.random.default_rng(0).normal(size=(80, 3))
    cliques = np.kron(np.eye(4), np.ones((20, 20)))
    fit = KMeansUnknownK(smoothing=1, random_state=0).fit(X, graph=sparse.csr_array(cliques - np.eye(80)))
    assert fit.n_clusters_ == 4
    np.testing.assert_allclose(
        np.sort(fit.cluster_centers_, axis=0), np.sort(X.reshape(4, 20, 3).mean(1), axis=0), atol=1e-12
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"criterion": "gap"}, "criterion='gap' is unknown; allowed are"),
        ({"min_clusters": 1}, "min_clusters=1 and max_clusters=10 for n_samples=90"),
        ({"max_clusters": 91}, "max_clusters=91 for n_samples=90"),
    ],
)
def test_bad_parameters_are_named(params, message, blobs):
    with pytest.raises(ValueError, match=message):
        KMeansUnknownK(**params).fit(blobs[0])


def test_points_that_are_all_the_same_have_no_number_of_clusters():
    with pytest.warns(match="Number of distinct clusters"), pytest.raises(ValueError, match="of no K from 2 to 10 is"):
        KMeansUnknownK().fit(np.ones((30, 2)))
