"""A hierarchy of clusters over points, made in rounds: who merged with whom, and when."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Tree(NamedTuple):
    """Nodes of a hierarchy: the points first, then the clusters that merges made, each after its children.

    Attributes
    ----------
    parents : ndarray of int64, (nodes,)
        -1 at a root. There may be several: then the last round left that many clusters.
    rounds : ndarray of int64, (nodes,)
        Round that made the node, from 1; 0 for a point.
    """

    parents: NDArray[np.int64]
    rounds: NDArray[np.int64]

    @classmethod
    def of_rounds(cls, rounds: Sequence[ArrayLike], n_points: int) -> "Tree":
        """The tree of rounds that say, for every cluster before, which one after it is in.

        Parameters
        ----------
        rounds : sequence of array-like of int
            Of round r, shape (m_r,), numbers from 0 to m_{r+1} - 1; m_0 is the number of points.
        n_points : int

        Returns
        -------
        Tree
            A cluster that a round leaves as it was is no new node.
        """
        # A merge takes at least two clusters: there are fewer than n_points of them.
        parents, numbers = np.full(2 * n_points, -1), np.zeros(2 * n_points, np.int64)
        nodes, made = np.arange(n_points), n_points  # of the present clusters; nodes so far
        for number, into in enumerate(map(np.asarray, rounds), start=1):
            merged = np.bincount(into) > 1
            new = made + np.arange(merged.sum())
            after = np.empty(len(merged), np.int64)
            after[into] = nodes
            after[merged] = new
            parents[nodes[merged[into]]] = after[into[merged[into]]]
            numbers[new] = number
            nodes, made = after, made + len(new)
        return cls(parents[:made], numbers[:made])

    @classmethod
    def of_pairs(cls, children: ArrayLike) -> "Tree":
        """The tree of merges of two, (n_points - 1, 2), in scikit-learn's form: merge i makes node n_points + i."""
        children = np.asarray(children, np.int64)
        merges = len(children)
        parents = np.full(2 * merges + 1, -1)
        parents[children] = merges + 1 + np.arange(merges)[:, None]
        return cls(parents, np.concatenate([np.zeros(merges + 1, np.int64), 1 + np.arange(merges)]))

    @property
    def n_points(self) -> int:
        """Points below all of its nodes."""
        return int(np.count_nonzero(self.rounds == 0))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Clusters before the first round and after each one, (rounds + 1,)."""
        last = int(self.rounds.max())
        made = np.bincount(self.rounds, minlength=last + 1)
        children = self.parents[self.parents >= 0]
        gone = np.bincount(self.rounds[children], minlength=last + 1)
        return np.cumsum(made - gone)

    @property
    def children(self) -> list[NDArray[np.int64]]:
        """Children of every node that is no point, in the order of the nodes."""
        inner = np.arange(self.n_points, len(self.parents))
        order = np.argsort(self.parents, kind="stable")
        ends = np.searchsorted(self.parents[order], inner, side="right")
        starts = np.searchsorted(self.parents[order], inner, side="left")
        return [order[start:end] for start, end in zip(starts, ends, strict=True)]

    def labels(self, round_: int) -> NDArray[np.int32]:
        """Clusters of the points after a round, (n_points,), numbered in the order of their first points.

        Parameters
        ----------
        round_ : int
            0 leaves every point alone; a negative one counts from the end.

        Raises
        ------
        ValueError
            There is no such round.
        """
        last = int(self.rounds.max())
        if not -last - 1 <= round_ <= last:
            raise ValueError(f"round {round_!r} of a tree of {last} (allowed: {-last - 1} to {last})")
        stays = (self.parents < 0) | (self.rounds[self.parents] > round_ % (last + 1))
        above = np.where(stays, np.arange(len(self.parents)), self.parents)
        while not np.array_equal(further := above[above], above):  # each step doubles the way up
            above = further
        _, first, labels = np.unique(above[: self.n_points], return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[labels].astype(np.int32)

    def nearest_round(self, n_clusters: int) -> int:
        """The first round after which the number of clusters is nearest to the one asked for."""
        return int(np.abs(self.counts - n_clusters).argmin())
