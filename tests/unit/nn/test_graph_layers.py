"""Layers on a graph, against dense matrices and by hand."""

import numpy as np
import pytest
import torch
from scipy import sparse

from jcae.nn.graph import Nodes, SparseMap, activations, attention, graph_convolution, normalised
from jcae.nn.networks import AutoencoderNetwork, linear

# A path 0 - 1 - 2 with a weight of 3 on its second edge, and an isolated node.
A = np.array([[0, 1, 0, 0], [1, 0, 3, 0], [0, 3, 0, 0], [0, 0, 0, 0]], dtype=float)


@pytest.fixture
def graph():
    rng = np.random.default_rng(0)
    dense = np.triu(rng.random((30, 30)) < 0.1, 1) * rng.uniform(0.5, 2, (30, 30))
    return sparse.csr_array(dense + dense.T)


def test_normalised_by_hand():
    looped, degrees = A + np.eye(4), np.array([2.0, 5.0, 4.0, 1.0])
    row = normalised(sparse.csr_array(A), "row").toarray()
    np.testing.assert_allclose(row, looped / degrees[:, None], rtol=1e-15)
    np.testing.assert_allclose(row.sum(1), 1)
    symmetric = normalised(sparse.csr_array(A), "symmetric").toarray()
    np.testing.assert_allclose(symmetric, looped / np.sqrt(np.outer(degrees, degrees)), rtol=1e-15)
    assert row[3, 3] == symmetric[3, 3] == 1  # alone
    with pytest.raises(ValueError, match="normalisation='column' is unknown; allowed are"):
        normalised(sparse.csr_array(A), "column")


def test_propagation_and_its_way_back_are_those_of_the_dense_matrix(graph):
    N = normalised(graph, "row")  # not symmetric
    propagate = SparseMap(N, torch.float64, torch.device("cpu"))
    x = torch.randn(3, 30, 5, dtype=torch.float64, requires_grad=True)
    dense = torch.tensor(N.toarray())
    weight = torch.randn(3, 30, 5, dtype=torch.float64)
    found = propagate(x)
    torch.testing.assert_close(found, dense @ x)
    (gradient,) = torch.autograd.grad((found * weight).sum(), x)
    torch.testing.assert_close(gradient, dense.T @ weight)


def test_a_seed_gets_the_same_bits_alone_and_among_others(graph):
    propagate = SparseMap(normalised(graph, "row"), torch.float32, torch.device("cpu"))
    for width in (3, 40, 700):
        x = torch.randn(4, 30, width)
        together = propagate(x)
        for s in range(4):
            assert torch.equal(propagate(x[s : s + 1].clone())[0], together[s])


@pytest.mark.parametrize(("n_in", "n_out"), [(4, 9), (9, 4)])
@pytest.mark.parametrize("slope", [None, 0.0, 0.2])
def test_graph_convolution_is_the_dense_product_whichever_side_is_propagated(n_in, n_out, slope, graph):
    layer = graph_convolution(n_in, n_out, seeds=[3, 4], name="g", precision="float64")
    N = normalised(graph, "symmetric")
    x = torch.randn(2, 30, n_in, dtype=torch.float64)

    def expected(x):
        found = torch.tensor(N.toarray()) @ x @ layer.weight
        return found if slope is None else torch.where(found > 0, found, slope * found)

    torch.testing.assert_close(layer(x, Nodes(x[0], N), slope), expected(x))
    torch.testing.assert_close(layer.of_features(Nodes(x[0], N), slope), expected(x[:1]))


def features(kind):
    """Of 30 nodes, 40 each: sparse ones, in float64, have 1 entry in a row."""
    x = torch.randn(30, 40, dtype=torch.float64)
    return x if kind == "dense" else torch.where(torch.arange(40) == torch.arange(30).unsqueeze(1), x, 0.0)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_sparse_features_are_multiplied_as_dense_ones_are(kind, graph):
    x = features(kind)
    nodes = Nodes(x, normalised(graph, "row"))
    weight = torch.randn(3, 40, 7, dtype=torch.float64, requires_grad=True)
    found = nodes.times(weight, "float64")
    torch.testing.assert_close(found, x @ weight)
    out = torch.randn(3, 30, 7, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((found * out).sum(), weight)
    torch.testing.assert_close(gradient, x.T @ out)
    assert (nodes._features is not None) == (kind == "sparse")


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("hidden", [(9, 6), ()])
def test_activations_are_those_of_the_encoder(kind, hidden, graph):
    x = features(kind)
    settings = {"seeds": [0, 1], "initialiser": "torch", "precision": "float64", "negative_slope": 0.1}
    network = AutoencoderNetwork(40, hidden, 3, **settings)
    found = activations(network, Nodes(x, normalised(graph, "row")))
    assert [value.shape[-1] for value in found] == [*hidden, 3]
    torch.testing.assert_close(found[-1], network.encode(x.expand(2, -1, -1)))


def test_graph_convolution_starts_as_glorot_and_from_the_seed_alone():
    both = graph_convolution(40, 60, seeds=[0, 7], name="g", precision="float32").weight
    alone = graph_convolution(40, 60, seeds=[7], name="g", precision="float32").weight
    assert torch.equal(both[1], alone[0])
    assert not torch.equal(both[0], both[1])
    bound = np.sqrt(6 / 100)
    assert 0.98 * bound < both.abs().max() <= bound


def test_attention_by_hand():
    layer = linear(5, 2, seeds=[0], name="a", initialiser="torch", precision="float64")
    parts = [torch.randn(1, 6, 2, dtype=torch.float64), torch.randn(1, 6, 3, dtype=torch.float64)]
    scores = np.concatenate([part[0].numpy() for part in parts], 1) @ layer.weight[0].detach().numpy()
    scores += layer.bias[0].detach().numpy()
    scores = np.where(scores > 0, scores, 0.01 * scores)
    soft = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    expected = soft / np.sqrt((soft**2).sum(1, keepdims=True))
    np.testing.assert_allclose(attention(layer, parts)[0].detach().numpy(), expected, rtol=1e-12)
