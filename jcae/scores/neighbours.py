"""Where points lie in a map that keeps neighbours, for codes that no plane shows."""

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

MAPPED = 1000
"""Points mapped at most, drawn at random with a fixed seed: seconds per code, where all would take minutes."""
PERPLEXITY = 30
ITERATIONS = 500


def neighbour_map(points: np.ndarray) -> np.ndarray | None:
    """Map points by t-SNE; the rule is the same for every code, and looks at no label.

    A code of one or two dimensions is its own map and has no other, as have too few points. From the principal plane,
    so that the map keeps what it can of the whole, on one thread, so that the same code gives the same map.

    Parameters
    ----------
    points : ndarray, shape (n, p)

    Returns
    -------
    ndarray, shape (n, 2), float32, or None
        NaN for the points that are not mapped. None where p is 2 or less, where n is no more than three times the
        perplexity, or where all points are the same.

    Notes
    -----
    L. van der Maaten, G. Hinton: Visualizing data using t-SNE. JMLR 9, 2008.
    """
    if points.shape[1] <= 2 or len(points) <= 3 * PERPLEXITY or not np.ptp(points, axis=0).any():
        return None
    mapped = np.sort(np.random.default_rng(0).permutation(len(points))[:MAPPED])
    model = TSNE(2, perplexity=PERPLEXITY, init="pca", max_iter=ITERATIONS, random_state=0, n_jobs=1)
    found = np.full((len(points), 2), np.nan, np.float32)
    with threadpool_limits(1):
        found[mapped] = model.fit_transform(points[mapped].astype(np.float32))
    return found
