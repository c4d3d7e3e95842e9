"""What an estimator does with its trained network: it is applied to other points, stored, and loaded again."""

import copy
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from jcae.models.fields import Parameterised
from jcae.models.inputs import checked_data
from jcae.nn.precision import storage_dtype
from jcae.training.block import Block


def resolve_device(name: str) -> torch.device:
    """The device named: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:1``.

    Raises
    ------
    ValueError
        The name is none of these, or no such device is there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f"device={name!r} is unknown; allowed are 'auto', 'cpu', 'cuda' and 'cuda:<number>'")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device={name!r} is not there: torch sees {torch.cuda.device_count()} CUDA devices")
    return device


class FittedNetwork(Parameterised):
    """The part of a deep estimator that does not train; `jcae.models.estimator.DeepEstimator` has its parameters.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        Parameters and running statistics of the trained network by name.
    """

    def build_network(self, n_features: int, seeds: Sequence[int]) -> nn.Module:
        """Network of a block: every parameter and buffer has a leading axis of ``len(seeds)``."""
        raise NotImplementedError

    @property
    def weights_(self) -> dict[str, np.ndarray]:
        """Parameters and running statistics of the trained network by name, without the seed axis."""
        check_is_fitted(self, "network_")
        return {k: v[0].numpy() for k, v in self.network_.state_dict().items()}

    def load_weights(self, weights: Mapping[str, np.ndarray], n_features: int) -> Self:
        """Become fitted with the weights of a stored run: `predict` and `transform` work, without training.

        Parameters
        ----------
        weights : dict of str to ndarray
            `weights_`, or what ``safetensors.numpy.load_file`` reads from a run's ``weights.safetensors``.
        n_features : int
            Number of features of the data.

        Raises
        ------
        ValueError
            The weights are not those of a network with these parameters.
        """
        open_ones = [name for name in ("hidden", "code_dim") if getattr(self, name, ()) is None]
        if open_ones:
            raise ValueError(
                f"{type(self).__name__}: {' and '.join(open_ones)} would follow from the number of points, which "
                "stored weights do not tell; give the values that they were trained with"
            )
        network = self.build_network(n_features, [self._one_seed()])
        load_stacked(network, [weights], f"{type(self).__name__}: the weights are", "these parameters ask for")
        self.network_ = network.requires_grad_(False)
        self.n_features_in_ = n_features
        return self

    def setting(self, name: str) -> Any:
        """The parameter `name`, or what its rule gave a fitted estimator where it is None."""
        value = getattr(self, name)
        return getattr(self, "by_rule_", {}).get(name) if value is None else value

    def _array_dtype(self) -> np.dtype:
        return np.dtype(str(storage_dtype(self.precision)).removeprefix("torch."))

    def _one_seed(self) -> int:
        if isinstance(self.random_state, Integral) and not isinstance(self.random_state, bool):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _apply(self, function: Callable[[nn.Module, Tensor], Tensor], X: Any) -> np.ndarray:
        """Run ``function(network, x)``, (S, m, d) -> (S, m, ...), over X in chunks, on the device."""
        check_is_fitted(self, "network_")
        X = checked_data(self, X, dtype=self._array_dtype(), order="C", reset=False)
        return self._map(function, torch.tensor(X))

    @torch.no_grad()
    def _map(self, function: Callable[[nn.Module, Tensor], Tensor], x: Tensor) -> np.ndarray:
        device = resolve_device(self.device)
        network = copy.deepcopy(self.network_).to(device)
        block = Block(network, x.to(device), [0])
        return block.map(lambda part: function(network, part))[0].cpu().numpy()


def load_stacked(
    network: nn.Module, weights: Sequence[Mapping[str, np.ndarray]], what_is_found: str, what_is_asked: str
) -> None:
    """Load one set of weights per seed, without the seed axis, into the network of a block."""
    expected = {k: tuple(v.shape[1:]) for k, v in network.state_dict().items()}
    for one in weights:
        found = {k: tuple(v.shape) for k, v in one.items()}
        if found != expected:
            raise ValueError(f"{what_is_found} {found}, but {what_is_asked} {expected}")
    network.load_state_dict({k: torch.stack([torch.tensor(one[k]) for one in weights]) for k in expected})
