"""SCC, sub-cluster components: hierarchical clustering in rounds. Monath et al., KDD 2021, arXiv 2010.11821."""

from dataclasses import field
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from jcae.data.graphs.similarities import cosine_graph
from jcae.models.fields import Parameterised
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_clusters, check_number
from jcae.training.isolation import unchanged_process
from jcae.trees.components import SparseEdges, geometric, sub_cluster_components
from jcae.trees.dask_edges import DaskEdges
from jcae.trees.tree import Tree

DEMOS = MappingProxyType(
    {f"demo_{floor}": {"floor": floor, "rounds": 50, "until_one": False} for floor in (0.1, 0.001)}
)
"""The thresholds of the authors' two demonstrations."""


class SubClusterMixin(Parameterised):
    """The rounds of SCC on points, and the partition that stands for the tree.

    Parameters
    ----------
    n_neighbors : int
        Nearest other points, by angle, that each point is joined with; all others, where there are no more.
    floor : float
        Last of the thresholds, which go down from 1 in equal ratios.
    rounds : int
        How many thresholds there are down to the floor.
    until_one : bool
        Go on below the floor in the same ratio, until one cluster is left or no edge joins two; False stops there.
    repeat : bool
        Repeat the round at each threshold until nothing merges, as in the paper; False: one round at each.
    exact_up_to : int
        Points up to which neighbours are exact, in time that grows with their square; beyond they are approximate.
    n_blocks : int or None
        Divide the edges into so many blocks over the workers of the current Dask client; None keeps them in this
        process. The result is the same.

    Attributes
    ----------
    rounds_ : list of ndarray of int32
        Of every round in which something merged: for each cluster before it the number of the one after it.
    thresholds_ : list of float
        Of these rounds.
    tree_ : Tree
        All of them as one tree, see `jcae.trees.tree.Tree`. ``tree_.labels(r)`` are the clusters after round r.
    n_clusters_ : int
        Of `labels_`: the round whose number of clusters is nearest to `n_clusters`, the first of several.
    """

    n_neighbors: int = 24
    floor: float = 1e-5
    rounds: int = 50
    until_one: bool = True
    repeat: bool = False
    exact_up_to: int = 15_000
    n_blocks: int | None = None

    def check_rounds(self) -> None:
        """Raise ValueError for a parameter that is not allowed."""
        name = type(self).__name__
        check_number(self, "n_neighbors", minimum=1, integer=True)
        check_number(self, "floor", minimum=0, exclusive=True)
        if self.floor >= 1:
            raise ValueError(f"{name}: floor={self.floor!r} is not allowed; it must be a number below 1")
        check_number(self, "rounds", minimum=2, integer=True)
        check_number(self, "exact_up_to", minimum=0, integer=True)
        if self.n_blocks is not None:
            check_number(self, "n_blocks", minimum=1, integer=True)

    @unchanged_process()
    def set_tree(self, points: np.ndarray) -> None:
        """Set all attributes, and ``labels_`` (n,), for points (n, p)."""
        n = len(points)
        graph = cosine_graph(points, min(self.n_neighbors, n - 1), exact_up_to=self.exact_up_to)
        edges = SparseEdges(graph) if self.n_blocks is None else DaskEdges.of_graph(graph, self.n_blocks)
        thresholds = geometric(self.floor, self.rounds, endless=self.until_one)
        self.rounds_, self.thresholds_ = sub_cluster_components(edges, n, thresholds, repeat=self.repeat)
        self.tree_ = Tree.of_rounds(self.rounds_, n)
        round_ = self.tree_.nearest_round(self.n_clusters)
        self.labels_ = self.tree_.labels(round_)
        self.n_clusters_ = int(self.tree_.counts[round_])

    @property
    def children_(self) -> list[np.ndarray]:
        """Children of every node of the tree that is no point: nodes n, n + 1, ... of n points."""
        return self.tree_.children


class SCC(ClusterMixin, SubClusterMixin, BaseEstimator):
    """Hierarchical clustering in a few rounds on the graph of nearest neighbours; `labels_` is one level of the tree.

    Nothing is random. New points cannot be assigned: there is no ``predict``.
    """

    info: ClassVar[Info] = Info(
        label="SCC",
        summary="Rounds that merge every cluster with its most similar one, where a falling threshold lets them.",
        reference="arXiv:2010.11821",
        deviations=(
            "The floor of the thresholds, which decides how good the tree is, is not the one of the authors' "
            "demonstrations: the rounds go on until one cluster is left.",
            "The flat clusters are those after the chosen round, and the last round is in the tree; the public code "
            "takes those before it, and leaves it out.",
            "Edges whose cosine is 0 or below are left out: a missing edge, which counts as 0, would be above them.",
            "A threshold is reached by a similarity that equals it, as in the authors' Python code and not their C++.",
        ),
        presets=DEMOS,
    )

    n_clusters: int = field(default=8, kw_only=False)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Set ``labels_`` (n_samples,) and the tree of X (n_samples, n_features); `y` is ignored."""
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_clusters(self, len(X))
        self.check_rounds()
        self.set_tree(X)
        return self
