"""Squared distances of points to centroids as matrix products, which stay right far from the origin."""

from torch import Tensor

from jcae.nn.products import matmul


def squared_distances(
    x: Tensor, M: Tensor, origin: Tensor | None = None, squared_norms: Tensor | None = None
) -> Tensor:
    """||x_i - mu_k||^2, at least 0, (..., n, K), for points x (..., n, d) and centroids M (..., K, d).

    Expanded, ||x||^2 - 2 x.mu + ||mu||^2, it is one product, but cancels for data far from zero; so an origin near the
    data is subtracted from both sides first, which changes no distance.

    Parameters
    ----------
    x, M : Tensor
    origin : Tensor, broadcastable to (..., 1, d), optional
        Default: the mean of the centroids.
    squared_norms : Tensor, (..., n), optional
        ||x_i||^2, where they are known; x and M are then taken as they are, relative to an origin near the data.
    """
    if squared_norms is None:
        origin = M.detach().mean(-2, keepdim=True) if origin is None else origin
        x, M = x - origin, M - origin
        squared_norms = x.square().sum(-1)
    squares = matmul(x, -2.0 * M.mT) + M.square().sum(-1).unsqueeze(-2) + squared_norms.unsqueeze(-1)
    return squares.relu_()  # in place, it costs a training step nothing that can be measured


def nearest(x: Tensor, M: Tensor) -> Tensor:
    """Number of the nearest centroid, int64 (..., n), of points x (..., n, d) among centroids M (..., K, d)."""
    origin = M.mean(-2, keepdim=True)
    x, M = x - origin, M - origin
    # A point's own squared norm decides nothing, and of a far one would swallow what does.
    return (matmul(x, -2.0 * M.mT) + M.square().sum(-1).unsqueeze(-2)).argmin(-1)
