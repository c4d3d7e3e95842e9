"""DeepCluE: clustering by ensembles over the layers of a network. Huang et al., arXiv 2206.00359; reconstructed."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import nn

from baselines.contrastive_clustering import LAYERS, ContrastiveMixin
from baselines.uspec import check_ensemble, rough_clusterings
from jcae.models.bipartite import consensus
from jcae.models.clusterer import DeepClusterer, TransductiveClusterer
from jcae.models.info import Info
from jcae.randomness.seeds import sklearn_seed
from jcae.training.block import Block


class DeepCluE(ContrastiveMixin, TransductiveClusterer):
    """Contrastive clustering, then rough spectral clusterings of the features of several layers, and their consensus.

    The network is that of `baselines.contrastive_clustering.ContrastiveClustering`, bit for bit for the same seed and
    settings; `snapshots_` are of its cluster head, since the ensemble comes when it is trained.

    Parameters
    ----------
    layers : sequence of {"backbone", "instance", "cluster"}
        Whose features are clustered: the residual network's, what the instance head puts out (not of length 1), the
        hidden layer of the cluster head.
    members : int
        Clusterings of each layer, by U-SPEC.
    fewest, most : int
        Each has a number of clusters between these, drawn evenly; where K is more, they are raised to it.
    theta : float or None
        Clusters weigh by how far all members, those of the other layers too, keep their points together
        (`jcae.models.bipartite.reliability`); the larger, the more alike are the weights. None: all the same.
    unit_length : bool
        Scale the features of a point to length 1 in each layer.
    representatives, n_neighbors : int
        Of each U-SPEC.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        The consensus. New points cannot be assigned: there is no ``predict``.
    clusterings_ : ndarray of int32, (n_samples, len(layers) * members)
        The members, layer by layer.
    cluster_centers_ : ndarray, (n_clusters, widths[-1])
        Mean features of the residual network in each cluster; of all points for a cluster without any.
    """

    info: ClassVar[Info] = Info(
        label="DeepCluE (reconstructed)",
        summary="Reconstructed from the abstract: contrastive clustering, rough spectral clusterings of the features "
        "of several of its layers, and a cut of the graph between points and weighted clusters.",
        reference="arXiv:2206.00359",
        deviations=(
            "Reconstructed: no code was published, and we had the abstract. It names a contrastively trained network "
            "with two projectors, features of several layers, an efficient clusterer, weights by entropy, and the cut; "
            "contrastive clustering, U-SPEC and the weights of LWGP are what the same group uses under these names.",
            "Which layers, 20 members of each, 20 to 60 clusters, theta = 0.4 and features as they come, neither "
            "reduced nor scaled, are those of U-SENC and LWGP, or ours.",
            "With less than ten representatives for each of `most` clusters, `fewest` and `most` shrink in proportion.",
            "Everything said of the network of contrastive clustering holds here.",
        ),
        presets={
            "unweighted": {"theta": None},
            "single_layer": {"layers": ("backbone",)},
            "single_layer_unweighted": {"layers": ("backbone",), "theta": None},
        },
    )

    layers: Sequence[str] = LAYERS
    members: int = 20
    fewest: int = 20
    most: int = 60
    theta: float | None = 0.4
    unit_length: bool = False
    representatives: int = 1000
    n_neighbors: int = 5

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        layers = self.layers
        known = isinstance(layers, Sequence) and not isinstance(layers, str) and set(layers) <= set(LAYERS)
        if not known or not len(set(layers)) == len(layers) > 0:
            raise ValueError(
                f"DeepCluE: layers={layers!r} is not allowed; it must be a sequence of some of {list(LAYERS)}, each "
                "once"
            )
        check_ensemble(self)

    clusters = DeepClusterer.clusters  # in training; the ensemble comes after it

    def set_results(self, block: Block, fits: "Sequence[DeepCluE]") -> None:
        """Ensemble and consensus, seed by seed, and what `TransductiveClusterer.complete` adds."""
        members: list[list[np.ndarray]] = [[] for _ in fits]
        for layer in self.layers:
            features = block.map(lambda x, layer=layer: block.network.layers(x)[layer])
            if self.unit_length:
                features = nn.functional.normalize(features, dim=-1)
            each = zip(block.seeds, features.cpu().numpy().astype(np.float64), fits, members, strict=True)
            for seed, one, fit, found in each:
                if fit.status_ == "ok":
                    rng = np.random.RandomState(sklearn_seed(seed, "ensemble", layer))
                    found.append(rough_clusterings(self, one, rng))
        for seed, fit, found in zip(block.seeds, fits, members, strict=True):
            fit.labels_ = np.zeros(len(block.x), dtype=np.int32)
            if fit.status_ == "ok":
                fit.clusterings_ = np.concatenate(found, axis=1)
                fit.agree(np.random.RandomState(sklearn_seed(seed, "consensus")))
        self.set_centroids(block, fits)
        self.complete(block, fits)

    def agree(self, rng: np.random.RandomState) -> None:
        """Set the consensus of `clusterings_`; without enough clusters in them it has collapsed."""
        found = sum(len(np.unique(one)) for one in self.clusterings_.T)
        if found < self.n_clusters:
            self.status_ = "collapsed"
            self.reason_ = f"the members have {found} clusters together, and {self.n_clusters} are asked for"
        else:
            self.labels_ = consensus(self.clusterings_, self.n_clusters, rng, self.theta)
