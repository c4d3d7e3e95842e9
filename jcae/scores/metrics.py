"""Clustering scores, and a table that says what each needs, its range and its direction.

scikit-learn computes what it has; here is what it lacks: scores after matching clusters to classes, purity, and what
the sizes of the clusters and several seeds say without any truth. Points that a method calls noise (label -1, as in
scikit-learn) count as one more cluster, as scikit-learn counts them, except where sizes are looked at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn import metrics as sklearn_metrics
from sklearn.metrics.cluster import contingency_matrix

from jcae.scores.graph_scores import conductance, modularity
from jcae.scores.labels import as_labels
from jcae.scores.tree_scores import dendrogram_purity
from jcae.trees.tree import Tree

SILHOUETTE_SAMPLE = 5000
"""Points on which the silhouette is computed at most; it costs n squared distances."""


def match_clusters(y: ArrayLike, labels: ArrayLike) -> dict[int, int]:
    """Match clusters to classes one to one so that the most points agree (Hungarian algorithm).

    Parameters
    ----------
    y : array-like of int, shape (n,)
        True classes.
    labels : array-like of int, shape (n,)
        Cluster of each point.

    Returns
    -------
    dict of int to int
        Cluster -> class. With more clusters than classes the clusters left over are absent.

    Raises
    ------
    ValueError
        Empty input, different lengths, more than one dimension, NaN or non-integer labels.
    """
    y, labels = _checked(y, labels)
    classes, clusters = np.unique(y), np.unique(labels)
    rows, columns = _matching(contingency_matrix(y, labels))
    return {int(clusters[k]): int(classes[c]) for c, k in zip(rows, columns, strict=True)}


def accuracy(y: ArrayLike, labels: ArrayLike) -> float:
    """Fraction of points that lie in the cluster matched to their class (ACC); clusters without a class count as wrong.

    Parameters and errors as in `match_clusters`; the number of clusters may differ from that of the classes.
    """
    y, labels = _checked(y, labels)
    table = contingency_matrix(y, labels)
    return float(table[_matching(table)].sum() / len(y))


def consistency(source: tuple[ArrayLike, ArrayLike, ArrayLike], labels: ArrayLike) -> float:
    """Accuracy with the classes that the clusters had on the points of the fit: do clusters keep their meaning?

    Parameters
    ----------
    source : (y, y_fit, fit_labels), array-like of int, shapes (n,), (m,), (m,)
        True classes of the points that are scored; true classes and clusters of those that were fitted on.
    labels : array-like of int, shape (n,)
        Clusters of the points that are scored.

    Returns
    -------
    float
        Share of the points in the cluster that was matched to their class on the points of the fit; a cluster that has
        no class there counts as wrong.

    Raises
    ------
    ValueError
        As in `match_clusters`, for each pair.
    """
    y, y_fit, fit_labels = source
    y, labels = _checked(y, labels)
    classes = match_clusters(y_fit, fit_labels)
    return float(np.mean([classes.get(int(k)) == c for k, c in zip(labels, y, strict=True)]))


def macro_f1(y: ArrayLike, labels: ArrayLike) -> float:
    """Mean over the classes of the F1 score of the matched cluster; a class without a cluster scores 0.

    Parameters and errors as in `match_clusters`.
    """
    table = contingency_matrix(*_checked(y, labels))
    return float(_f1(table)[_matching(table)].sum() / table.shape[0])


def purity(y: ArrayLike, labels: ArrayLike) -> float:
    """Fraction of points that belong to the majority class of their cluster; grows with the number of clusters.

    Parameters and errors as in `match_clusters`.
    """
    table = contingency_matrix(*_checked(y, labels))
    return float(table.max(axis=0).sum() / table.sum())


def nmi(y: ArrayLike, labels: ArrayLike) -> float:
    """Mutual information over the arithmetic mean of the two entropies; parameters as in `match_clusters`."""
    return float(sklearn_metrics.normalized_mutual_info_score(*_checked(y, labels), average_method="arithmetic"))


def ami(y: ArrayLike, labels: ArrayLike) -> float:
    """Mutual information adjusted for chance (arithmetic mean); parameters as in `match_clusters`."""
    return float(sklearn_metrics.adjusted_mutual_info_score(*_checked(y, labels), average_method="arithmetic"))


def ari(y: ArrayLike, labels: ArrayLike) -> float:
    """Rand index adjusted for chance; parameters as in `match_clusters`."""
    return float(sklearn_metrics.adjusted_rand_score(*_checked(y, labels)))


def homogeneity(y: ArrayLike, labels: ArrayLike) -> float:
    """How far each cluster holds one class only; parameters as in `match_clusters`."""
    return float(sklearn_metrics.homogeneity_score(*_checked(y, labels)))


def completeness(y: ArrayLike, labels: ArrayLike) -> float:
    """How far each class lies in one cluster only; parameters as in `match_clusters`."""
    return float(sklearn_metrics.completeness_score(*_checked(y, labels)))


def silhouette(points: ArrayLike, labels: ArrayLike) -> float:
    """Mean silhouette of the clusters among points, on at most `SILHOUETTE_SAMPLE` drawn with a fixed generator.

    Parameters
    ----------
    points : array-like of float, shape (n, p)
        Features, or codes.
    labels : array-like of int, shape (n,)

    Returns
    -------
    float
        In [-1, 1]; NaN where it is not defined: fewer than 2 clusters, or every point a cluster of its own.

    Raises
    ------
    ValueError
        Lengths differ, the points are not a matrix, hold NaN or infinity, or the labels are not integers.
    """
    points, labels = _checked_points(points, labels)
    if len(labels) > SILHOUETTE_SAMPLE:
        chosen = np.random.default_rng(0).choice(len(labels), SILHOUETTE_SAMPLE, replace=False)
        points, labels = points[chosen], labels[chosen]
    return float(sklearn_metrics.silhouette_score(points, labels)) if _is_partition(labels) else float("nan")


def calinski_harabasz(points: ArrayLike, labels: ArrayLike) -> float:
    """Scatter between the clusters over scatter within, both per degree of freedom, of all points.

    Parameters, errors and where it is not defined as in `silhouette`; from 0 upwards.
    """
    points, labels = _checked_points(points, labels)
    return float(sklearn_metrics.calinski_harabasz_score(points, labels)) if _is_partition(labels) else float("nan")


def davies_bouldin(points: ArrayLike, labels: ArrayLike) -> float:
    """Mean over the clusters of how near the most similar other one is, for their widths, of all points; 0 is best.

    Parameters, errors and where it is not defined as in `silhouette`.
    """
    points, labels = _checked_points(points, labels)
    return float(sklearn_metrics.davies_bouldin_score(points, labels)) if _is_partition(labels) else float("nan")


def stability(partitions: Sequence[ArrayLike]) -> list[float]:
    """Mean ARI of each partition with all others: over all of them, the mean of the ARI of every pair.

    Parameters
    ----------
    partitions : sequence of array-like of int, each of shape (n,)
        Labels of the same points by several seeds.

    Returns
    -------
    list of float
        One value per partition; NaN for a single one.
    """
    n = len(partitions)
    if n < 2:
        return [float("nan")] * n
    agreement = np.zeros((n, n))
    for i, j in zip(*np.triu_indices(n, 1), strict=True):
        agreement[i, j] = agreement[j, i] = ari(partitions[i], partitions[j])
    return (agreement.sum(axis=1) / (n - 1)).tolist()


def n_clusters_found(labels: ArrayLike, n_clusters: int | None = None) -> float:
    """Number of non-empty clusters; labels as in `match_clusters`, -1 = noise, no cluster. `n_clusters` is not used."""
    return float(len(_sizes(labels)))


def size_entropy(labels: ArrayLike, n_clusters: int) -> float:
    """Entropy of the cluster sizes over log(n_clusters): 1 = all clusters equal, 0 = everything in one cluster.

    `n_clusters` is the number asked for, so that dead clusters lower the score; where more were found, theirs is taken.
    Noise (-1) belongs to no cluster.
    """
    sizes = _sizes(labels)
    n_clusters = max(n_clusters, len(sizes))
    if n_clusters == 1 or len(sizes) == 0:
        return 0.0
    p = sizes / sizes.sum()
    return float(np.clip(-(p * np.log(p)).sum() / np.log(n_clusters), 0.0, 1.0))


def empty_clusters(labels: ArrayLike, n_clusters: int) -> float:
    """Clusters without a point, of the `n_clusters` asked for; noise (-1) belongs to no cluster."""
    return float(max(n_clusters - len(_sizes(labels)), 0))


def smallest_share(labels: ArrayLike, n_clusters: int | None = None) -> float:
    """Share of all points in the smallest non-empty cluster, 0 where all are noise. `n_clusters` is not used."""
    sizes = _sizes(labels)
    return float(sizes.min() / len(labels)) if len(sizes) else 0.0


def largest_share(labels: ArrayLike, n_clusters: int | None = None) -> float:
    """Share of all points in the largest cluster, 0 where all are noise. `n_clusters` is not used."""
    sizes = _sizes(labels)
    return float(sizes.max() / len(labels)) if len(sizes) else 0.0


@dataclass(frozen=True)
class Metric:
    """What tables and figures must know of a score.

    Attributes
    ----------
    label : str
        Name for columns and axes.
    function : callable
        `f(y, labels)`, `f(source, labels)`, `f(points, labels)`, `f(graph, labels)`, `f(tree, y)` or
        `f(labels, n_clusters)`, by `needs`; of the seeds `f(partitions)`.
    needs : {"truth", "source", "features", "code", "graph", "tree", "labels", "seeds"}
        What the score is computed from beside the labels; `source` is the truth, and that of other points that were
        fitted on, with their labels; `seeds` are the labels of all ok runs of the method, `tree` is a hierarchy and
        the truth in place of the labels.
    min, max : float or None
        Range; None = unbounded.
    higher_is_better : bool or None
        None = a diagnostic without a better direction.
    decimals : int
        Shown in tables, where it is not shown in percent.
    """

    label: str
    function: Callable[..., Any]
    needs: Literal["truth", "source", "features", "code", "graph", "tree", "labels", "seeds"]
    min: float | None
    max: float | None
    higher_is_better: bool | None
    decimals: int = 3

    @property
    def percent(self) -> bool:
        """Whether tables and figures show it in percent, as papers do for the agreement of two partitions."""
        return self.needs_truth or self.needs == "seeds"

    @property
    def needs_truth(self) -> bool:
        """Whether it looks at the true classes."""
        return self.needs in ("truth", "source", "tree")


METRICS: dict[str, Metric] = {
    "acc": Metric("ACC", accuracy, "truth", 0, 1, True),
    "nmi": Metric("NMI", nmi, "truth", 0, 1, True),
    "ari": Metric("ARI", ari, "truth", -0.5, 1, True),
    "ami": Metric("AMI", ami, "truth", -1, 1, True),
    "macro_f1": Metric("macro F1", macro_f1, "truth", 0, 1, True),
    "purity": Metric("purity", purity, "truth", 0, 1, True),
    "homogeneity": Metric("homogeneity", homogeneity, "truth", 0, 1, True),
    "completeness": Metric("completeness", completeness, "truth", 0, 1, True),
    "consistency": Metric("consistency", consistency, "source", 0, 1, True),
    "dendrogram_purity": Metric("dendrogram purity", dendrogram_purity, "tree", 0, 1, True),
    "silhouette": Metric("silhouette of the code", silhouette, "code", -1, 1, True),
    "silhouette_features": Metric("silhouette", silhouette, "features", -1, 1, True),
    "calinski_harabasz": Metric("Calinski-Harabasz", calinski_harabasz, "features", 0, None, True, decimals=1),
    "davies_bouldin": Metric("Davies-Bouldin", davies_bouldin, "features", 0, None, False),
    "modularity": Metric("modularity", modularity, "graph", -0.5, 1, True),
    "conductance": Metric("conductance", conductance, "graph", 0, 1, False),
    "stability": Metric("stability", stability, "seeds", -0.5, 1, True),
    "clusters": Metric("non-empty clusters", n_clusters_found, "labels", 1, None, None, decimals=1),
    "empty_clusters": Metric("empty clusters", empty_clusters, "labels", 0, None, None, decimals=1),
    "smallest_share": Metric("share of the smallest cluster", smallest_share, "labels", 0, 1, None),
    "largest_share": Metric("share of the largest cluster", largest_share, "labels", 0, 1, None),
    "size_entropy": Metric("cluster-size entropy", size_entropy, "labels", 0, 1, None),
}
"""Scores by their key. Those among the features are of one space for all methods; a code is of each method's own."""


def score(
    labels: ArrayLike,
    n_clusters: int,
    y: ArrayLike | None = None,
    code: ArrayLike | None = None,
    features: ArrayLike | None = None,
    graph: Any = None,
    source: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    tree: Tree | None = None,
) -> dict[str, float]:
    """Compute every score of one run in `METRICS` for which the input is there and which is defined.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
    n_clusters : int
        Number of clusters asked for.
    y : array-like of int, shape (n,), optional
        True classes.
    code : array-like of float, shape (n, p), optional
    features : array-like of float, shape (n, d), optional
    graph : csr_array, shape (n, n), optional
        As `jcae.data.graphs.graph.clean` gives it.
    source : (y, y_fit, fit_labels), optional
        As `consistency` takes it.
    tree : Tree, optional
        Of the n points.

    Returns
    -------
    dict of str to float
        Finite values in the order of `METRICS`.
    """
    given = {"truth": y, "source": source, "code": code, "features": features, "graph": graph, "seeds": None}
    values = {}
    for name, metric in METRICS.items():
        if metric.needs == "labels":
            values[name] = metric.function(labels, n_clusters)
        elif metric.needs == "tree":
            if tree is not None and y is not None:
                values[name] = metric.function(tree, y)
        elif given[metric.needs] is not None:
            values[name] = metric.function(given[metric.needs], labels)
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _sizes(labels: ArrayLike) -> NDArray[np.integer]:
    labels = as_labels(labels, "labels")
    return np.unique(labels[labels != -1], return_counts=True)[1]


def _matching(table: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the matching; equal agreement is decided by F1, so that names of labels never matter."""
    # A sum of F1 scores is at most the number of classes: scaled below 1 it only decides between equal counts.
    return linear_sum_assignment(table + _f1(table) / (min(table.shape) + 1), maximize=True)


def _f1(table: NDArray[np.integer]) -> NDArray[np.floating]:
    """F1 of every (class, cluster) pair: 2 TP / (class size + cluster size)."""
    return 2 * table / (table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True))


def _checked(y: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    y, labels = as_labels(y, "y"), as_labels(labels, "labels")
    if len(y) != len(labels):
        raise ValueError(f"y and labels differ in length: {len(y)} and {len(labels)}")
    return y, labels


def _checked_points(points: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    points, labels = np.asarray(points), as_labels(labels, "labels")
    if points.ndim != 2 or len(points) != len(labels):
        raise ValueError(f"points must have shape (n, p) with n = {len(labels)} as the labels, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points hold NaN or infinite values")
    return points, labels


def _is_partition(labels: NDArray[np.integer]) -> bool:
    """Whether there are clusters to compare, and points within them."""
    return 2 <= len(np.unique(labels)) < len(labels)
