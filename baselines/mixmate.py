"""MixMate: mixture model auto-encoders. Lin, Song and Ba, ICASSP 2022, arXiv 2110.04683."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from jcae.models.atoms import Atoms
from jcae.models.clusterer import DeepClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_image_shape, check_number
from jcae.nn.precision import storage_dtype
from jcae.nn.scattering import N_SCALES, scattering
from jcae.nn.sparse_coding import bounded_step, energies, sparse_codes
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.kmeans import kmeans
from jcae.training.memory import Demand
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase
from jcae.training.subspace import subspace_clusters

INITS = ("ssc", "kmeans")
STEP_RULES = ("bounded", "fixed")
NOISE = 1e-3
"""Length of the noise on an atom that is there twice at the start: without it, both would stay the same for ever."""
_MNIST = {"n_atoms": 50, "sparsity": 0.75, "image_shape": (28, 28)}


def divergence(log_p: Tensor, biases: Tensor) -> Tensor:
    """Mean over the batch of KL(p_i || softmax b), (...), for log p (..., B, K) and b (..., K)."""
    gaps = log_p - torch.log_softmax(biases, dim=-1).unsqueeze(-2)
    return (log_p.exp() * gaps).sum((-2, -1)) / log_p.shape[-2]


def centred(x: Tensor) -> Tensor:
    """Every point (n, d) less the mean of its own features."""
    return x - x.mean(-1, keepdim=True)


def start_features(x: Tensor, image_shape: Sequence[int] | None) -> Tensor:
    """What subspace clustering sees of points (n, d), float64: the centred points; of images, their scattering.

    Each channel of each image is divided by its largest absolute value.
    """
    x = centred(x.double())
    if image_shape is None:
        return x
    height, width, *colours = image_shape
    images = x.view(len(x), height, width, *(colours or [1])).movedim(-1, 1)
    channels = torch.cat([scattering(colour) for colour in images.unbind(1)], dim=1)
    largest = channels.abs().amax((-2, -1), keepdim=True)
    return (channels / largest.clamp_min(torch.finfo(x.dtype).tiny)).flatten(1)


def start_dictionaries(x: Tensor, labels: Tensor, n_clusters: int, n_atoms: int, rng: torch.Generator) -> Tensor:
    """Random points of each cluster, centred and of length 1, as its atoms: (K, d, H) of x (n, d) and labels (n,).

    A cluster with too few points gives all of them, and some again with a little noise; one without any has points of
    all clusters, and where a point is constant there is noise alone.
    """
    labels, dictionaries = labels.cpu(), []
    for k in range(n_clusters):
        rows = torch.nonzero(labels == k)[:, 0]
        rows = rows if len(rows) else torch.arange(len(x))
        rows = rows[torch.randperm(len(rows), generator=rng)]
        again = torch.randint(len(rows), (max(0, n_atoms - len(rows)),), generator=rng)
        chosen = torch.cat([rows[:n_atoms], rows[again]])
        noise = torch.randn(n_atoms, x.shape[1], generator=rng, dtype=torch.float64).to(x)
        noise /= noise.norm(dim=1, keepdim=True)
        atoms, lengths = centred(x[chosen.to(x.device)]), x[chosen.to(x.device)].norm(dim=1, keepdim=True)
        constant = atoms.norm(dim=1, keepdim=True) <= 1e-6 * lengths
        atoms = torch.where(constant, noise, atoms)
        atoms = atoms / atoms.norm(dim=1, keepdim=True)
        atoms[len(rows) :] += NOISE * noise[len(rows) :]
        dictionaries.append((atoms / atoms.norm(dim=1, keepdim=True)).mT)
    return torch.stack(dictionaries)


class MixMateNetwork(nn.Module):
    """S mixtures of K sparse coders: dictionaries (S, K, d, H), whose columns have length 1, and biases (S, K)."""

    def __init__(self, dictionaries: Tensor, sparsity: float, step: float, step_rule: str, n_layers: int):
        super().__init__()
        self.dictionaries = nn.Parameter(dictionaries)
        self.biases = nn.Parameter(dictionaries.new_zeros(dictionaries.shape[:2]))
        self.sparsity, self.step, self.step_rule, self.n_layers = sparsity, step, step_rule, n_layers

    def codes(self, x: Tensor) -> Tensor:
        """Codes (S, K, B, H) of x (S, B, d) under every dictionary."""
        step = bounded_step(self.dictionaries, self.step) if self.step_rule == "bounded" else self.step
        return sparse_codes(x, self.dictionaries, self.sparsity, step, self.n_layers)

    def energies(self, x: Tensor, codes: Tensor) -> Tensor:
        """E (S, B, K) of x (S, B, d) with its codes (S, K, B, H)."""
        return energies(x, self.dictionaries, codes, self.sparsity)

    def log_assignment(self, energy: Tensor) -> Tensor:
        """log softmax_k(b_k - E_ik), (S, B, K), for E (S, B, K)."""
        return torch.log_softmax(self.biases.unsqueeze(-2) - energy, dim=-1)

    def explanation(self, x: Tensor) -> Tensor:
        """Energies of x (S, B, d), and beside them its codes under the likeliest dictionary, (S, B, K + H)."""
        codes = self.codes(x)
        energy = self.energies(x, codes)
        own = self.log_assignment(energy).argmax(-1)[:, None, :, None].expand(-1, -1, -1, codes.shape[-1])
        return torch.cat([energy, codes.gather(1, own)[:, 0]], dim=-1)

    def normalise(self, active: Tensor) -> None:
        """Give every atom of the active (S,) seeds the length 1."""
        atoms = self.dictionaries
        lengths = atoms.norm(dim=-2, keepdim=True).clamp_min(torch.finfo(atoms.dtype).tiny)
        atoms.copy_(torch.where(active[:, None, None, None], atoms / lengths, atoms))


class MixMate(DeepClusterer):
    """A mixture of sparse coders: a point belongs to the dictionary that explains it with the least energy.

    Parameters
    ----------
    n_atoms : int
        H: atoms of a dictionary.
    sparsity : float
        lambda: weight of the absolute values of a code beside the squared error. It is absolute, so it goes with the
        range of the data.
    n_layers : int
        T: layers of FISTA that make a code.
    step : float
        eta: step of a layer.
    step_rule : {"bounded", "fixed"}
        ``bounded``: at most 1 / ||W^T W||_F, see `jcae.nn.sparse_coding.bounded_step`. ``fixed``: `step` whatever the
        dictionaries are, as published; above 1 / sigma_max(W)^2 codes may grow without end.
    beta : float
        Weight of the divergence of the assignment from the prior, softmax b.
    train_biases : bool
        Whether b is trained; else it stays 0, as published.
    init : {"ssc", "kmeans"} or None
        How the points of the start are clustered. ``ssc``: sparse subspace clustering of their scattering transform, or
        without an `image_shape` of themselves. ``kmeans``: of themselves. None: ``ssc``, as published, if there is an
        `image_shape`, else ``kmeans``, because clusters that are no images need not be subspaces.
    start_points : int
        Points of the start, drawn at random.
    image_shape : sequence of int or None
        (height, width) or (height, width, channels) of a row of X: the pixels lie row by row, the channels of a pixel
        side by side.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        The dictionary with the largest b_k - E_ik.
    cluster_centers_ : ndarray, (n_clusters, n_features)
        Mean reconstruction of the points of each cluster by its dictionary; zero for one without any.
    atoms_ : Atoms
        The atoms that are used most, and a point of each cluster taken apart (`jcae.models.atoms`).
    start_rows_, start_labels_ : ndarray of int64, (m,)
        The points of the start, and the clusters that the dictionaries were drawn from.
    """

    info: ClassVar[Info] = Info(
        label="MixMate",
        summary="One dictionary per cluster, trained through unrolled sparse coding; the best explanation wins.",
        reference="arXiv:2110.04683",
        deviations=(
            "By default the step of FISTA is at most 1 / ||W^T W||_F; the published one is constant (step_rule), and "
            "above what FISTA allows for the dictionaries of MNIST and USPS at the start.",
            "The last, smaller batch of an epoch is kept.",
            "A cluster with fewer points than atoms has some of them twice, with noise; the published code stops.",
            "Starts with init='kmeans' have 20 restarts.",
            "Without an image_shape it starts from k-means, or with init='ssc' from subspaces of the centred points; "
            "the publication has images only.",
            "The gradient of FISTA is computed by W^T W and W^T x, which rounds otherwise.",
        ),
        presets={
            "mnist": _MNIST,
            "fashion_mnist": _MNIST,
            "usps": {"n_atoms": 30, "sparsity": 0.25, "image_shape": (16, 16)},
        },
    )

    n_atoms: int = 50
    sparsity: float = 0.75
    n_layers: int = 15
    step: float = 0.04
    step_rule: str = "bounded"
    beta: float = 0.0
    train_biases: bool = False
    init: str | None = None
    start_points: int = 2000
    image_shape: Sequence[int] | None = None
    learning_rate: float = 1e-3
    epochs: int = 50
    batch_size: int = 256

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        for name in ("n_atoms", "n_layers"):
            check_number(self, name, minimum=1, integer=True)
        for name in ("sparsity", "beta"):
            check_number(self, name, minimum=0)
        check_number(self, "step", minimum=0, exclusive=True)
        check_number(self, "start_points", minimum=self.n_clusters, integer=True)
        check_choice(self, "step_rule", STEP_RULES)
        check_choice(self, "init", [*INITS, None])
        check_image_shape(self, n_features)
        scattered = self._init == "ssc" and self.image_shape is not None
        if scattered and min(self.image_shape[:2]) < 2**N_SCALES:
            raise ValueError(
                f"MixMate: image_shape={self.image_shape!r} is too small for the scattering of init='ssc', which needs "
                f"{2**N_SCALES} x {2**N_SCALES} pixels; allowed are image_shape=None and init='kmeans'"
            )

    @property
    def _init(self) -> str:
        return self.init or ("kmeans" if self.image_shape is None else "ssc")

    def build_network(self, n_features: int, seeds: Sequence[int]) -> MixMateNetwork:
        """See `DeepEstimator`; the dictionaries come from the data, before the first update."""
        shape = len(seeds), self.n_clusters, n_features, self.n_atoms
        dictionaries = torch.zeros(shape, dtype=storage_dtype(self.precision))
        return MixMateNetwork(dictionaries, self.sparsity, self.step, self.step_rule, self.n_layers)

    def demand(self, network: MixMateNetwork, n_samples: int, n_features: int) -> Demand:
        """See `DeepEstimator`; what the layers keep for the way back is most of it."""
        need = super().demand(network, n_samples, n_features)
        points = self.batch_size * self.n_clusters * self._array_dtype().itemsize
        return need._replace(per_seed=need.per_seed + 4 * points * self.n_layers * self.n_atoms)

    def start(self, block: Block) -> None:
        """Cluster some points, and make a dictionary of each cluster; seed by seed."""
        drawn, clusters = [], []
        for s, seed in enumerate(block.seeds):
            rows = torch.randperm(len(block.x), generator=generator(seed, "start", "points"))[: self.start_points]
            x = block.x[rows.to(block.x.device)].to(block.device)
            if self._init == "ssc":
                labels = subspace_clusters(start_features(x, self.image_shape), self.n_clusters, seed)
            else:
                labels = kmeans(x, self.n_clusters, [seed]).labels[0]
            rng = generator(seed, "start", "atoms")
            block.network.dictionaries[s] = start_dictionaries(x, labels, self.n_clusters, self.n_atoms, rng)
            drawn.append(rows.to(block.device))
            clusters.append(labels)
        block.keep("start_rows", torch.stack(drawn))
        block.keep("start_labels", torch.stack(clusters))

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: MixMateNetwork = block.network

        def loss(x: Tensor, rows: Tensor) -> Loss:
            n_features = x.shape[-1]
            energy = network.energies(x, network.codes(x))
            log_p = network.log_assignment(energy)
            # The gradient goes through p, too: a dictionary that explains a point worse than most is pushed away.
            terms = {"energy": (log_p.exp() * energy).sum((-2, -1)) / (x.shape[-2] * n_features)}
            if self.beta > 0:
                terms["divergence"] = self.beta / n_features * divergence(log_p, network.biases)
            return Loss(terms)

        def normalise(x: Tensor, rows: Tensor) -> None:
            network.normalise(block.active)

        return [
            Phase(
                "dictionaries",
                loss,
                steps=self.epochs * block.epoch_steps(self.batch_size),
                batch_size=self.batch_size,
                optimiser=Optimiser("adam", self.learning_rate),
                trainable=lambda name: self.train_biases or name != "biases",
                before=lambda: self.start(block),
                after=normalise,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """softmax_k(b_k - E_ik), (S, m, K)."""
        return network.log_assignment(network.energies(x, network.codes(x))).exp()

    def set_results(self, block: Block, fits: "Sequence[MixMate]") -> None:
        """See `TransductiveClusterer`."""
        network: MixMateNetwork = block.network
        labels = self.clusters(block).cpu().numpy().astype(np.int32)
        explained = block.map(network.explanation).cpu().numpy()
        dictionaries, X = network.dictionaries.detach().cpu().numpy(), block.x.cpu().numpy()
        for s, fit in enumerate(fits):
            energy, codes = np.split(explained[s], [self.n_clusters], axis=1)
            fit.labels_ = labels[s]
            members = [codes[labels[s] == k] for k in range(self.n_clusters)]
            means = np.stack([m.sum(0) / max(1, len(m)) for m in members])
            fit.cluster_centers_ = np.einsum("kdh,kh->kd", dictionaries[s], means)
            fit.atoms_ = Atoms.of(X, labels[s], energy, codes, dictionaries[s])
            fit.start_rows_ = block.state["start_rows"][s].cpu().numpy()
            fit.start_labels_ = block.state["start_labels"][s].cpu().numpy()
        self.complete(block, fits)
