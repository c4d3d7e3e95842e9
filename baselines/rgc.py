"""RGC: reinforcement graph clustering with unknown cluster number. Liu et al., ACM MM 2023, arXiv 2308.06827."""

from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

import numpy as np
import torch
from scipy import sparse
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn.functional import normalize

from jcae.models.graph_clusterer import NodeClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_number
from jcae.models.quality import QualityNetwork, Replay
from jcae.nn.distances import squared_distances
from jcae.nn.graph import smoothed
from jcae.nn.networks import Linear, linear
from jcae.nn.products import matmul
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.kmeans import kmeans
from jcae.training.memory import Demand
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase

EXPLORATIONS = ("growing", "constant")
SIMILARITIES = ("distance", "inverse")
ACTIVATIONS = ("identity", "sigmoid")
LAST = 20
"""Greedy choices of K that a fit remembers."""


class RGCNetwork(nn.Module):
    """S encoders of two views, and their quality networks (None: K is given)."""

    def __init__(self, views: Sequence[Linear], sigmoid: bool, quality: QualityNetwork | None):
        super().__init__()
        self.views, self.sigmoid, self.quality = nn.ModuleList(views), sigmoid, quality

    def encode(self, x: Tensor) -> list[Tensor]:
        """Both views of the nodes x (S, n, d): (S, n, p), rows of length 1."""
        codes = [view(x).to(view.weight.dtype) for view in self.views]
        return [normalize(code.sigmoid() if self.sigmoid else code, dim=-1) for code in codes]

    def state(self, x: Tensor) -> Tensor:
        """Mean of the views, (S, n, p)."""
        one, two = self.encode(x)
        return (one + two) / 2


def contrast(one: Tensor, two: Tensor) -> Tensor:
    """InfoNCE of two views (S, n, p) of n nodes, temperature 1, (S,): each of the 2n codes shall know its other view.

    The similarities of all 2n codes come as three blocks of n x n, of which the one between the views serves both ways.
    """
    across = matmul(one, two.mT).exp()
    sums = []
    for z, others in ((one, across.sum(-1)), (two, across.sum(-2))):
        itself = z.square().sum(-1).exp()
        sums.append(matmul(z, z.mT).exp().sum(-1) - itself + others)
    first, second = sums
    return ((first.log() + second.log()) / 2 - (one * two).sum(-1)).mean(-1)


def present(count: Tensor, most: int) -> Tensor:
    """Which of `most` centres count, bool (S, 1, most), where seed s has the first count_s."""
    return torch.arange(most, device=count.device) < count[:, None, None]


def soft_assignment(state: Tensor, centers: Tensor, here: Tensor, similarity: str) -> Tensor:
    """q, (S, n, K): 1 + squared distance (``distance``, as in the public code) or its inverse, rows made sum to 1."""
    distances = 1.0 + squared_distances(state, centers)
    weight = torch.where(here, distances if similarity == "distance" else 1.0 / distances, 0.0)
    return weight / weight.sum(-1, keepdim=True)


def sharpened(q: Tensor, here: Tensor) -> Tensor:
    """p_ik proportional to q_ik^2 / sum_i q_ik, (S, n, K), 0 where there is no centre."""
    sharp = q.square() / torch.where(here, q.sum(-2, keepdim=True), 1.0)
    return sharp / sharp.sum(-1, keepdim=True)


def divergence(q: Tensor, here: Tensor) -> Tensor:
    """Mean over nodes and clusters of p log(p / q), (S,); the gradient goes through both, as in the public code."""
    p, q = (torch.where(here, part, 1.0) for part in (sharpened(q, here), q))
    return (p * (p.log() - q.log())).sum((-2, -1)) / (q.shape[-2] * here.sum((-2, -1)))


def reward(state: Tensor, centers: Tensor, here: Tensor) -> Tensor:
    """Mean squared distance of all pairs of centres, less the mean of 1 + that of a node to the nearest, (S,)."""
    apart = torch.where(here & here.mT, squared_distances(centers, centers), 0.0).sum((-2, -1))
    distances = torch.where(here, 1.0 + squared_distances(state, centers), torch.inf)
    return apart / here.sum((-2, -1)).square() - distances.amin(-1).mean(-1)


class RGC(NodeClusterer):
    """Reinforcement graph clustering: a quality network learns how many clusters the codes of the nodes fall into.

    Parameters
    ----------
    n_clusters : int or None
        K. None: K is found.
    min_clusters, max_clusters : int
        What K may be where it is found.
    pca_dim : int or None
        Principal components that the features are reduced to first; None keeps them all.
    smoothing : int
        Times that features are averaged over neighbours, see `jcae.nn.graph.smoothed`.
    width : int
        Of the code.
    activation : {"identity", "sigmoid"}
        Of the code.
    quality_width : int
        Of the quality network's hidden layer.
    clustering_weight : float
        Of the divergence between soft assignment and target beside the contrast of the two views.
    similarity : {"distance", "inverse"}
        What the soft assignment is proportional to: 1 + squared distance, as in the public code, or its inverse.
    exploration : {"growing", "constant"}
        Whether the share of greedy choices of K grows linearly from `greedy_share` to 1, or stays what it is.
    greedy_share : float
        Probability that K is the quality network's choice, and not drawn, in the first update.
    discount : float
        Of the next state's quality in what the quality network is trained to say.
    detached_target : bool
        Take that as constant. The public code lets the gradient through.
    buffer_size, quality_epochs : int
        After each `buffer_size` updates the quality network makes `quality_epochs` of its own, on all of them.
    quality_learning_rate : float
        Of its Adam.

    Attributes
    ----------
    n_clusters_ : int
        K of the labels: the quality network's choice after the last update, if none was given.
    greedy_clusters_ : ndarray of int64, (at most 20,)
        Its last choices in the training, the last one at the end; empty where K was given.
    embedding_ : ndarray, (n_samples, width)
        The codes that are clustered.
    """

    info: ClassVar[Info] = Info(
        label="RGC",
        summary="A contrastive encoder of smoothed features; a quality network is rewarded for the K it asks for.",
        reference="arXiv:2308.06827",
        deviations=(
            "Labels and K are those after the last update. The public code keeps the update with the best NMI against "
            "the true labels.",
            "The probability of a greedy choice grows to 1, as the paper says; in the public code it never does: "
            "exploration='constant'.",
            "The soft assignment is proportional to 1 + squared distance as in the public code, whose text means the "
            "inverse: similarity='inverse'.",
            "k-means is the best of 20 restarts, and labels belong to its last centres; the public code has 20 draws "
            "of k-means++, one run, and labels of the centres before.",
        ),
        presets={
            "cora": {"pca_dim": 500},
            "citeseer": {"pca_dim": 500, "activation": "sigmoid", "greedy_share": 0.7, "buffer_size": 50},
            "amap": {"smoothing": 3, "width": 500, "learning_rate": 1e-5, "greedy_share": 0.7, "buffer_size": 50},
            "bat": {"smoothing": 6, "greedy_share": 0.3, "buffer_size": 30},
            "eat": {"smoothing": 6, "learning_rate": 1e-4, "greedy_share": 0.7},
        },
    )
    finds_n_clusters: ClassVar[bool] = True

    n_clusters: int | None = field(default=None, kw_only=False)
    min_clusters: int = 2
    max_clusters: int = 10
    pca_dim: int | None = None
    smoothing: int = 2
    width: int = 1500
    activation: str = "identity"
    quality_width: int = 256
    clustering_weight: float = 10.0
    similarity: str = "distance"
    exploration: str = "growing"
    greedy_share: float = 0.5
    discount: float = 0.1
    detached_target: bool = False
    buffer_size: int = 40
    quality_epochs: int = 30
    quality_learning_rate: float = 1e-3
    epochs: int = 400

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        for name in ("width", "quality_width", "buffer_size", "quality_epochs"):
            check_number(self, name, minimum=1, integer=True)
        for name in ("clustering_weight", "greedy_share", "discount"):
            check_number(self, name, minimum=0)
        check_number(self, "smoothing", minimum=0, integer=True)
        check_number(self, "quality_learning_rate", minimum=0, exclusive=True)
        check_number(self, "min_clusters", minimum=2, integer=True)
        check_number(self, "max_clusters", minimum=self.min_clusters, integer=True)
        check_choice(self, "activation", ACTIVATIONS)
        check_choice(self, "similarity", SIMILARITIES)
        check_choice(self, "exploration", EXPLORATIONS)
        if self.greedy_share > 1:
            raise ValueError(f"RGC: greedy_share={self.greedy_share!r} is not allowed; it must be from 0 to 1")
        if self.n_clusters is None and self.max_clusters > n_samples:
            raise ValueError(f"RGC: n_samples={n_samples} should be at least max_clusters={self.max_clusters}")
        if self.pca_dim is not None:
            check_number(self, "pca_dim", minimum=1, integer=True)
            if self.pca_dim > min(n_samples, n_features):
                raise ValueError(
                    f"RGC: pca_dim={self.pca_dim} is more than {n_samples} points with {n_features} features have"
                )

    def prepared(self, X: np.ndarray, graph: sparse.csr_array | None) -> np.ndarray:
        """See `DeepEstimator`: principal components, smoothed along the edges."""
        if self.pca_dim is not None:
            # The exact solver, whose result no seed decides.
            X = PCA(self.pca_dim, svd_solver="full").fit_transform(X.astype(np.float64)).astype(X.dtype)
        return np.ascontiguousarray(smoothed(X, graph, self.smoothing))

    def build_network(self, n_features: int, seeds: Sequence[int]) -> RGCNetwork:
        """See `DeepEstimator`."""

        def layer(n_in: int, n_out: int, name: str) -> Linear:
            return linear(n_in, n_out, seeds=seeds, name=name, initialiser="torch", precision=self.precision)

        views = [layer(self.pca_dim or n_features, self.width, f"views.{i}") for i in range(2)]
        if self.n_clusters is not None:
            return RGCNetwork(views, self.activation == "sigmoid", None)
        hidden = [layer(self.width, self.quality_width, f"quality.{name}") for name in ("nodes", "clusters")]
        actions = layer(self.quality_width, self.max_clusters - self.min_clusters + 1, "quality.actions")
        return RGCNetwork(views, self.activation == "sigmoid", QualityNetwork(*hidden, actions))

    def demand(self, network: RGCNetwork, n_samples: int, n_features: int) -> Demand:
        """See `DeepEstimator`; also similarities of all pairs of nodes, and the codes that quality is learned from."""
        need = super().demand(network, n_samples, n_features)
        # Three blocks of similarities are kept for the way back; there, one gradient comes and one goes.
        more = 5 * n_samples**2
        if network.quality is not None:
            # Codes, and turned for the weights' gradient; the layer's result, at length 1, its positive part, gradient.
            more += (self.buffer_size + 1) * n_samples * (2 * self.width + 4 * self.quality_width)
        return need._replace(per_seed=need.per_seed + more * network.views[0].weight.element_size())

    # ------------------------------------------------------------------ training

    @property
    def _most(self) -> int:
        """Clusters that there can be: the centres of a block are filled up to it."""
        return self.n_clusters or self.max_clusters

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: RGCNetwork = block.network
        learning = (self.quality_epochs, self.quality_learning_rate, self.discount, self.detached_target)
        replay = network.quality and Replay(block, network.quality, self.buffer_size, *learning)

        def start() -> None:
            self.start(block)
            if replay is not None:
                replay.make_room(self._most)

        def loss(x: Tensor, rows: Tensor) -> Loss:
            one, two = network.encode(x)
            here = present(block.state["count"], self._most)
            q = soft_assignment((one + two) / 2, block.state["centers"], here, self.similarity)
            return Loss({"contrast": contrast(one, two), "clustering": self.clustering_weight * divergence(q, here)})

        def refresh(step: int) -> None:
            state, actions = network.state(block.whole()), None
            if replay is not None:
                actions = self.choose(block, replay.observe(state, block.state["labels"], step), step)
            self.cluster(block, state, actions, f"clusters/{step}")
            if replay is not None and step < self.epochs:
                replay.reward(step, actions, block.state["reward"])

        def finish() -> None:
            refresh(self.epochs)
            block.take_snapshot("labels", 0, [s in block.problems for s in range(len(block.seeds))])

        def monitor(x: Tensor) -> dict[str, Tensor]:
            return {"clusters": block.state["count"].double(), "reward": block.state["reward"]}

        optimiser = Optimiser("adam", self.learning_rate)
        phase = Phase("clustering", loss, self.epochs, None, optimiser, refresh=refresh, monitor=monitor, before=start)
        phase.trainable = lambda name: name.startswith("views.")
        return [phase, Phase("labels", loss, 0, None, before=finish)]

    def start(self, block: Block) -> None:
        """Labels by k-means of the features with a K that is drawn, if it is not given."""
        seeds, weight = block.seeds, block.network.views[0].weight
        if self.n_clusters is None:
            counts = [self.min_clusters + self.draw(seed, "start")[1] for seed in seeds]
        else:
            counts = [self.n_clusters] * len(seeds)
        labels = self.partition(block.whole(), counts, seeds, "start")[0]
        block.state |= {
            "labels": labels,
            "count": torch.tensor(counts, device=block.device),
            "centers": weight.new_zeros(len(seeds), self._most, self.width),
            "reward": weight.new_zeros(len(seeds)),
            "choices": labels.new_zeros(len(seeds), LAST),
        }

    def draw(self, seed: int, step: int | str) -> tuple[float, int]:
        """A number between 0 and 1, below which a choice of K is greedy, and a random action: K - `min_clusters`."""
        rng = generator(seed, "actions", step)
        chance = torch.rand((), generator=rng, dtype=torch.float64)
        return chance.item(), int(torch.randint(self.max_clusters - self.min_clusters + 1, (), generator=rng))

    def partition(
        self, points: Tensor, counts: Sequence[int], seeds: Sequence[int], purpose: str
    ) -> tuple[Tensor, Tensor]:
        """k-means with a K for each seed: labels (S, n), and centres (S, most, p), zero from the K-th on."""
        labels = torch.empty(points.shape[:2], dtype=torch.int64, device=points.device)
        centers = points.new_zeros(len(seeds), self._most, points.shape[-1])
        for k in sorted(set(counts)):
            at = [s for s, count in enumerate(counts) if count == k]
            found = kmeans(points[at], k, [seeds[s] for s in at], purpose=purpose)
            labels[at], centers[at, :k] = found.labels, found.centers
        return labels, centers

    def choose(self, block: Block, values: Tensor, step: int) -> Tensor:
        """Action of each seed by the quality (S, A) of all: the best, or a random one; the best after the last step."""
        share = self.greedy_share
        if self.exploration == "growing":
            share += (1.0 - share) * step / max(1, self.epochs - 1)
        actions = values.argmax(-1)
        for s, seed in enumerate(block.seeds):
            chance, action = self.draw(seed, step)
            if step < self.epochs and chance >= share:
                actions[s] = action
                continue
            choices = block.state["choices"][s]
            choices.copy_(choices.roll(-1))
            choices[-1] = self.min_clusters + actions[s]
        return actions

    def cluster(self, block: Block, state: Tensor, actions: Tensor | None, purpose: str) -> None:
        """Keep k-means of the codes and its reward; a seed that diverged has no codes, and keeps what it had."""
        kept, at = block.state, [s for s in range(len(block.seeds)) if s not in block.problems]
        count = kept["count"][at] if actions is None else self.min_clusters + actions[at]
        labels, centers = self.partition(state[at], count.tolist(), [block.seeds[s] for s in at], purpose)
        kept["labels"][at], kept["centers"][at], kept["count"][at] = labels, centers, count
        kept["reward"][at] = reward(state[at], centers, present(count, self._most))

    # ------------------------------------------------------------------ results

    def clusters(self, block: Block, rows: Tensor | None = None) -> Tensor:
        """See `TransductiveClusterer`: those of the last k-means."""
        labels = block.state["labels"]
        return labels if rows is None else labels[:, rows.to(block.device)]

    @torch.no_grad()
    def set_results(self, block: Block, fits: "Sequence[RGC]") -> None:
        """See `TransductiveClusterer`."""
        names = ("labels", "centers", "count", "choices")
        kept = {name: block.state[name].cpu().numpy() for name in names}
        codes = block.network.state(block.whole()).cpu().numpy()
        for s, fit in enumerate(fits):
            fit.n_clusters_ = int(kept["count"][s])
            fit.labels_ = kept["labels"][s].astype(np.int32)
            fit.cluster_centers_ = kept["centers"][s, : fit.n_clusters_]
            fit.greedy_clusters_ = kept["choices"][s][kept["choices"][s] > 0]
            fit.embedding_ = codes[s]
        self.complete(block, fits)
