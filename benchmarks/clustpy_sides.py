"""Both sides of the comparison with ClustPy: the same task and settings for either, networks from the same weights, and
what a training did.
"""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from baselines.dcn import DCN
from baselines.dec import DEC, kl_divergence, log_soft_assignment, target_distribution
from baselines.idec import IDEC
from baselines.vade import VaDENetwork
from benchmarks import shapes
from jcae import Autoencoder
from jcae.models.autoencoder import squared_error
from jcae.models.clusterer import DeepClusterer
from jcae.nn.networks import AutoencoderNetwork, CentroidNetwork
from jcae.training.phase import Loss

try:
    from clustpy import deep as clustpy
    from clustpy.deep.neural_networks import FeedforwardAutoencoder, VariationalAutoencoder
except ModuleNotFoundError as error:
    sys.exit(f"this benchmark needs ClustPy (pip install clustpy): {error}")

HIDDEN, CODE, N_INIT = shapes.HIDDEN, 10, 20
Weights = Mapping[str, np.ndarray]


class BatchTargetDEC(DEC):
    """DEC by ClustPy's rule: the target distribution comes from the batch alone, anew at every update."""

    def batch_loss(self, network: CentroidNetwork, x: Tensor, target: Tensor) -> Loss:
        """See `DEC.batch_loss`; `target` is not used."""
        return Loss({"clustering": self.sharpened(network, network.autoencoder.encode(x))})

    @staticmethod
    def sharpened(network: CentroidNetwork, z: Tensor) -> Tensor:
        """Clustering loss of codes (S, B, p) against the target that they make themselves."""
        log_q = log_soft_assignment(z, network.centroids)
        return kl_divergence(target_distribution(log_q.detach().exp()), log_q)


class BatchTargetIDEC(BatchTargetDEC, IDEC):
    """IDEC by the same rule."""

    def batch_loss(self, network: CentroidNetwork, x: Tensor, target: Tensor) -> Loss:
        """See `DEC.batch_loss`; `target` is not used."""
        z = network.autoencoder.encode(x)
        error = squared_error(x, network.autoencoder.decode(z)) / (x.shape[-2] * x.shape[-1])
        return Loss({"reconstruction": error, "clustering": self.gamma * self.sharpened(network, z)})

    def trained(self, name: str) -> bool:
        """Everything is trained."""
        return True


OURS: dict[str, type[DeepClusterer]] = {"DEC": DEC, "IDEC": IDEC, "DCN": DCN}
BATCH_TARGET = {"DEC": BatchTargetDEC, "IDEC": BatchTargetIDEC}
THEIRS = {"DEC": clustpy.DEC, "IDEC": clustpy.IDEC, "DCN": clustpy.DCN, "VaDE": clustpy.VaDE}


class Task(NamedTuple):
    """A data set and how long it is trained on."""

    name: str
    x: np.ndarray
    y: np.ndarray | None
    k: int
    batch: int
    pretraining: int
    clustering: int

    @property
    def epoch_steps(self) -> int:
        """Updates in an epoch; the last batch is smaller, on both sides."""
        return -(-len(self.x) // self.batch)


class Setting(NamedTuple):
    """Parameters of both sides that mean the same, or each side's own.

    Attributes
    ----------
    initialiser : str or None
        Both start from the same weights, drawn like this; None: each draws its own.
    slope : float
        Of our leaky ReLU, and of ClustPy's where the start is shared.
    autoencoder, network : dict
        Parameters of the pretraining, ours and theirs.
    ours, theirs : dict of str to dict
        Parameters of the methods.
    """

    name: str
    initialiser: str | None
    slope: float
    autoencoder: dict[str, Any]
    network: dict[str, Any]
    ours: dict[str, dict[str, Any]]
    theirs: dict[str, dict[str, Any]]


def squared_error_per_point(out: Tensor, x: Tensor) -> Tensor:
    """Summed over features, mean over the points of a batch: our reconstruction of VaDE, for ClustPy's."""
    return (out - x).square().sum(-1).mean()


def settings(task: Task) -> list[Setting]:
    """Each side's defaults, ClustPy's values on both sides, our values on both sides."""
    d, start = task.x.shape[1], {"initial_clustering_params": {"n_init": N_INIT}}
    adam = {"optimiser": "adam", "learning_rate": 1e-4}
    return [
        Setting("each its defaults", None, 0.0, {}, {}, {m: {} for m in OURS}, {m: {} for m in OURS}),
        Setting(
            "equal: ClustPy's",
            "fan_in",
            0.01,
            {"reduction": "sum"},
            {},
            {
                "DEC": adam,
                # Their loss over d, so that Adam's eps is over d as well.
                "IDEC": {**adam, "gamma": 0.1 / d, "adam_eps": 1e-8 / d},
                "DCN": {"learning_rate": 1e-4, "weight": 0.1},
                "VaDE": {
                    **dict.fromkeys(("learning_rate", "mixture_learning_rate"), 1e-4),
                    **{"likelihood": "gaussian", "reconstruction_weight": 1.0, "adam_eps": 1e-8},
                },
            },
            dict.fromkeys(OURS, start) | {"VaDE": {"ssl_loss_fn": squared_error_per_point}},
        ),
        Setting(
            "equal: ours",
            "glorot",
            0.0,
            {},
            {"ssl_loss_fn": nn.MSELoss()},
            {m: {} for m in OURS},
            {
                "DEC": {
                    **start,
                    "optimizer_class": torch.optim.SGD,
                    "clustering_optimizer_params": {"lr": 0.01, "momentum": 0.9},
                },
                "IDEC": {**start, "ssl_loss_fn": nn.MSELoss(), "clustering_optimizer_params": {"lr": 1e-3}},
                "DCN": {**start, "clustering_loss_weight": 40.0},
            },
        ),
    ]


# ---------------------------------------------------------------------------------------------------- the two sides


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """ClustPy prints and shows bars; this keeps them."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def our_autoencoder(task: Task, setting: Setting, device: str, epochs: int | None = None) -> Autoencoder:
    """The recipe of the pretraining."""
    return Autoencoder(
        hidden=HIDDEN,
        code_dim=CODE,
        negative_slope=setting.slope,
        batch_size=task.batch,
        epochs=epochs or task.pretraining,
        device=device,
        **({"initialiser": setting.initialiser} if setting.initialiser else {}),
        **setting.autoencoder,
    )


def our_method(kind: type[DeepClusterer], task: Task, device: str, params: Mapping[str, Any]) -> DeepClusterer:
    """One of our methods; DEC and IDEC do not stop early."""
    if issubclass(kind, DEC):
        params = {"tol": 0.0, **params}
    shared = {"hidden": HIDDEN, "code_dim": CODE, "batch_size": task.batch, "device": device}
    return kind.published(n_clusters=task.k, **shared, **{"epochs": task.clustering, **params})


def their_network(widths: Sequence[int], seed: int, device: str, slope: float, weights: Weights | None) -> nn.Module:
    """ClustPy's autoencoder, untrained, with our weights or its own."""
    torch.manual_seed(seed)  # it draws its weights before it looks at random_state
    activation = partial(nn.LeakyReLU, slope)
    network = FeedforwardAutoencoder(list(widths), activation_fn=activation, random_state=seed)
    if weights is not None:
        for part in ("encoder", "decoder"):
            _set_weights(_linear_layers(getattr(network, part)), part, weights)
    return network.to(device)


def their_variational_network(
    widths: Sequence[int], seed: int, device: str, slope: float, weights: Weights
) -> VariationalAutoencoder:
    """ClustPy's network of VaDE, as if it were trained to our weights: the code is the mean, the output is linear."""
    torch.manual_seed(seed)
    activation = partial(nn.LeakyReLU, slope)
    parts = {"activation_fn": activation, "decoder_output_fn": None}
    network = VariationalAutoencoder(list(widths), random_state=seed, **parts)
    _set_weights([*_linear_layers(network.encoder), network.mean], "encoder", weights)
    _set_weights(_linear_layers(network.decoder), "decoder", weights)
    network.fitted = True
    return network.to(device)


def _linear_layers(part: nn.Module) -> list[nn.Linear]:
    return [layer for layer in part.block if isinstance(layer, nn.Linear)]


def _set_weights(layers: Sequence[nn.Linear], part: str, weights: Weights) -> None:
    for i, layer in enumerate(layers):
        layer.weight.data = torch.tensor(weights[f"{part}.{i}.weight"]).T.contiguous()
        layer.bias.data = torch.tensor(weights[f"{part}.{i}.bias"])


def initial_weights(recipe: Autoencoder, d: int, seed: int) -> Weights:
    """What the autoencoder of this seed starts from."""
    return {name: value[0].numpy() for name, value in recipe.build_network(d, [seed]).state_dict().items()}


def pretrain_theirs(network: nn.Module, task: Task, params: Mapping[str, Any], epochs: int | None = None) -> nn.Module:
    """The network itself, trained by Adam with 1e-3, which is the default of both sides."""
    with quiet():
        return network.fit(
            n_epochs=epochs or task.pretraining,
            batch_size=task.batch,
            data=task.x,
            optimizer_params={"lr": 1e-3},
            **params,
        )


def cluster_theirs(
    name: str, network: nn.Module, task: Task, seed: int, device: str, params: Mapping[str, Any], epochs: int = 0
) -> Any:
    """A fitted ClustPy method that started from a copy of the pretrained network."""
    method = THEIRS[name](
        task.k,
        batch_size=task.batch,
        clustering_epochs=epochs or task.clustering,
        neural_network=network,
        device=device,
        random_state=seed,
        **params,
    )
    with quiet():
        return method.fit(task.x)


# ---------------------------------------------------------------------------------------------------- work


class Work(NamedTuple):
    """What a training did."""

    updates: int
    encoded: int  # rows


@contextlib.contextmanager
def counting() -> Iterator[dict[str, int]]:
    """Count the optimiser steps of torch.optim and the rows that go through an encoder, on either side."""
    found = {"updates": 0, "encoded": 0}
    encoders: tuple[tuple[type, str], ...] = (
        (AutoencoderNetwork, "encode"),
        (VaDENetwork, "posterior"),
        (FeedforwardAutoencoder, "encode"),
        (VariationalAutoencoder, "encode"),
    )
    originals = [getattr(kind, name) for kind, name in encoders]

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def encode(self: nn.Module, x: Tensor) -> Any:
            found["encoded"] += x.shape[-2]
            return original(self, x)

        return encode

    def step(*_: Any) -> None:
        found["updates"] += 1

    hook = register_optimizer_step_post_hook(step)
    for (kind, name), original in zip(encoders, originals, strict=True):
        setattr(kind, name, counted(original))
    try:
        yield found
    finally:
        hook.remove()
        for (kind, name), original in zip(encoders, originals, strict=True):
            setattr(kind, name, original)
