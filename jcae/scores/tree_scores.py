"""What a truth says of a hierarchy of clusters: dendrogram purity."""

from collections import defaultdict

import numpy as np
from numpy.typing import ArrayLike

from jcae.scores.labels import as_labels
from jcae.trees.tree import Tree


def dendrogram_purity(tree: Tree, y: ArrayLike) -> float:
    """Mean purity of the smallest cluster that holds both points of a pair, over all pairs of one class.

    Heller and Ghahramani, ICML 2005. The purity of a cluster is the share of its points that are of the pair's class.

    Parameters
    ----------
    tree : Tree
        Where it has several roots, points below different ones meet in a cluster of all points.
    y : array-like of int, shape (n,)
        Classes.

    Returns
    -------
    float
        In (0, 1], 1 if every class is a cluster of its own somewhere in the tree; NaN where no class has two points.

    Raises
    ------
    ValueError
        The tree has other points than there are classes, or these are no integers.

    Notes
    -----
    Exact, without a look at the pairs: every node has its points of each class counted, the children's counts put
    together from the largest on; two children with a and b points of a class have a b pairs that meet in the node. The
    smaller counts are put into the larger ones, which takes O(n log n) steps.
    """
    _, classes, sizes = np.unique(as_labels(y, "y"), return_inverse=True, return_counts=True)
    if len(classes) != tree.n_points:
        raise ValueError(f"the tree has {tree.n_points} points for {len(classes)} classes")
    pairs = (sizes * (sizes - 1.0)).sum() / 2
    if pairs == 0:
        return float("nan")
    counts: list[dict[int, int]] = [{c: 1} for c in classes.tolist()]
    total = 0.0
    for children in [*tree.children, np.flatnonzero(tree.parents < 0)]:
        largest, *others = sorted((counts[child] for child in children.tolist()), key=len, reverse=True)
        meeting: dict[int, int] = defaultdict(int)
        for other in others:
            for c, points in other.items():
                meeting[c] += largest.get(c, 0) * points
                largest[c] = largest.get(c, 0) + points
        if meeting:
            n = sum(largest.values())
            total += sum(found * largest[c] / n for c, found in meeting.items())
        for child in children.tolist():
            counts[child] = {}
        counts.append(largest)
    return total / pairs
