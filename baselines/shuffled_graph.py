"""Control: a graph that lies over the points at random. What a graph method scores above this, it owes to the edges."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state

from baselines.spectral_clustering import SpectralClustering
from jcae.data.graphs.graph import shuffled
from jcae.data.graphs.neighbours import graph_of
from jcae.models.info import Info
from jcae.models.inputs import checked_data


class ShuffledGraph(SpectralClustering):
    """Spectral clustering after the nodes of the graph were dealt to the points at random.

    Parameters
    ----------
    n_clusters, n_neighbors, regularisation, random_state
        See `baselines.spectral_clustering.SpectralClustering`.
    """

    info: ClassVar[Info] = Info(
        label="shuffled graph",
        summary="Control: spectral clustering of the graph after its nodes were dealt to the points at random.",
        reference="none",
        control=True,
    )

    def fit(self, X: Any, y: Any = None, graph: Any = None) -> Self:
        """Set ``labels_`` (n_samples,); see `SpectralClustering.fit`."""
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        seed = check_random_state(self.random_state).randint(2**31)
        return super().fit(X, graph=shuffled(graph_of(X, graph, self.n_neighbors), seed))
