"""What every deep method shares: scikit-learn's conventions around the training loop, for one seed or a block of them.

A method says, as if for one seed, how its network is built (`build_network`), what is minimised and when
(`training_phases`), and how it assigns points (`soft_assignment`, `centroids`). Tensors carry a leading seed axis; a
method reduces over the last axes only and so never notices it.
"""

import copy
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

from jcae.augmentation.augmentation import Augmentation
from jcae.models.fitted import FittedNetwork, load_stacked, resolve_device
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.location import FarFromZeroWarning, warn_far_from_zero
from jcae.models.parameters import check_choice, check_clusters, check_shared
from jcae.models.snapshots import Snapshots
from jcae.nn.graph import Nodes
from jcae.nn.precision import PRECISIONS, warn_if_slow
from jcae.training.block import CHUNK, Block
from jcae.training.checkpoint import save_checkpoint
from jcae.training.groups import Group, first_groups, release
from jcae.training.loop import BlockTooLargeError, block_state, full_loss, train
from jcae.training.memory import Demand, Placement, demand, free_memory, place
from jcae.training.phase import Phase, Runtime

log = logging.getLogger(__name__)


class DeepEstimator(FittedNetwork, BaseEstimator):
    """Base of the estimators that are trained by `jcae.training.loop.train`.

    Subclasses state parameters of their own as annotated fields, and implement `build_network`, `training_phases`,
    `check_parameters` and `set_results`.

    Parameters
    ----------
    device : str
        ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:<number>``.
    precision : {"float32", "float64", "tf32", "bf16"}
        What numbers are stored as, and the first two also what is computed in. The last two store float32 and round the
        operands of the products in the layers of an autoencoder, to 10 and to 7 bits.
    random_state : int, RandomState or None
        The seed.
    verbose : int
        From 1 on `fit` shows bars of its progress, and says how long it may take where that is more than half a minute.

    Attributes
    ----------
    network_ : nn.Module
        Trained network of this seed, on the CPU.
    history_ : list of dict
        Rows ``phase, epoch, step, term, value``; value is the epoch's mean over mini-batches.
    loss_ : float
        Mean over mini-batches of the last phase's loss (of several: their sum) at the final parameters.
    n_updates_ : int
        Optimiser steps taken.
    status_ : {"ok", "diverged", "collapsed"}
    reason_ : str or None
        Why the status is not ok.
    by_rule_ : dict
        Parameters that are None, with the values that their rule gave them.
    n_features_in_ : int
        Features of the data of the fit.
    feature_names_in_ : ndarray of str
        Their names, where the data had some.
    """

    info: ClassVar[Info]

    device: str = "auto"
    precision: str = "float32"
    random_state: Any = None
    verbose: int = 0

    # ------------------------------------------------------------------ what a method says

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """Raise ValueError if its own parameters are wrong by themselves or for data of this shape.

        Those that it shares with other methods are right by then (`jcae.models.parameters.check_shared`).
        """

    def rule(self, n_samples: int, n_features: int) -> dict[str, Any]:
        """Values of its parameters for data of this shape, taken where the parameter is None; no label is seen."""
        return {}

    def training_phases(self, block: Block) -> list[Phase]:
        """What is trained, in order."""
        raise NotImplementedError

    def pretraining(self) -> "DeepEstimator | None":
        """The autoencoder recipe this method starts from, or None when it starts at random."""
        return None

    def graph_of(self, X: np.ndarray, graph: Any) -> sparse.csr_array | None:
        """The graph of the rows of X, from the one that is given if one is; None for a method that takes none."""
        if graph is not None:
            raise ValueError(f"{type(self).__name__} takes no graph, but one was given")
        return None

    def prepared(self, X: np.ndarray, graph: sparse.csr_array | None) -> np.ndarray:
        """What is trained on in place of X (n_samples, n_features), once for all seeds: other features of its rows."""
        return X

    def augmentation(self, X: np.ndarray) -> Augmentation | None:
        """How the rows of X (n_samples, n_features) are changed that a step trains on; None: not at all."""
        return None

    def nodes(self, x: Tensor, graph: sparse.csr_array | None, device: torch.device) -> Nodes | None:
        """The rows x (n, d) with the edges of their graph, on the device; None for a method that takes none."""
        return None

    def rows_of_step(self, n_samples: int) -> int:
        """Rows of an update: so many times the batch as a loss passes it through the network."""
        return getattr(self, "batch_size", CHUNK)

    def demand(self, network: nn.Module, n_samples: int, n_features: int) -> Demand:
        """Bytes that a block takes, counted by the network of a single seed."""
        return demand(network, n_samples, n_features, self.rows_of_step(n_samples))

    def placement(self, need: Demand, graph: sparse.csr_array | None, device: torch.device, n_seeds: int) -> Placement:
        """How many seeds are trained at once, and whether the data lie on the device; a CPU takes all of them."""
        free = free_memory(device)
        return Placement(n_seeds, True) if free is None else place(need, free, n_seeds)

    def set_results(self, block: Block, fits: "Sequence[DeepEstimator]") -> None:
        """Give each seed's estimator what the trained block found beyond the weights."""

    # ------------------------------------------------------------------ fitting

    @classmethod
    def published(cls, preset: str | None = None, /, **params: Any) -> Self:
        """The method with published values in place of those that a rule chooses.

        Parameters
        ----------
        preset : str, optional
            Name of a data set or a paper in ``info.presets``; None takes what is the same for all data.
        **params
            Further parameters of the constructor, ``n_clusters`` for one; they win.

        Raises
        ------
        ValueError
            There is no such preset; the message lists those that there are.
        """
        presets = cls.info.presets
        if preset is not None and preset not in presets:
            raise ValueError(f"{cls.__name__}: preset {preset!r} is unknown; allowed are {sorted(presets)}")
        return cls(**{**cls.info.fixed, **(presets[preset] if preset else {}), **params})

    def settled(self, n_samples: int, n_features: int) -> Self:
        """A copy whose parameters are all set: where one is None, as its rule says for data of this shape."""
        if "n_clusters" in self.get_params(deep=False) and self.n_clusters is not None:
            check_clusters(self, n_samples)
        found = {k: v for k, v in self.rule(n_samples, n_features).items() if getattr(self, k) is None}
        one = copy.copy(self)
        vars(one).update(found, by_rule_=found)
        return one

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on X (n_samples, n_features) with the seed ``random_state``; `y` is ignored."""
        return self._fit_one(X)

    def _fit_one(self, X: Any, graph: Any = None) -> Self:
        seed = self._one_seed()
        shown = Runtime(progress=bool(self.verbose), terminal=False, label=type(self).__name__)
        fitted = self.fit_seeds(X, [seed], runtime=shown, graph=graph)[0]
        state = {k: v for k, v in vars(fitted).items() if k not in self.get_params(deep=False)}
        vars(self).update(state)
        if self.status_ != "ok":
            warnings.warn(f"{type(self).__name__} {self.status_}: {self.reason_}", ConvergenceWarning, stacklevel=2)
        return self

    def fit_seeds(
        self,
        X: Any,
        seeds: Sequence[int],
        *,
        pretrained: Sequence[Mapping[str, np.ndarray]] | None = None,
        runtime: Runtime | None = None,
        graph: Any = None,
    ) -> list[Self]:
        """Train one copy per seed, all together.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)
            Cast to what the parameter ``precision`` stores.
        seeds : sequence of int
            Seed s gets the same result whichever seeds are beside it (bitwise on a CPU with one thread).
        pretrained : sequence of dict, optional
            Per seed, `weights_` of a fitted `jcae.Autoencoder` of the same architecture. Methods that start from an
            autoencoder train their own (parameter ``autoencoder``) when it is missing.
        runtime : Runtime, optional
            Checkpoints and progress.
        graph : sparse matrix, (n_samples, n_samples), optional
            Of the rows of X, for a method whose `fit` takes one.

        Returns
        -------
        list of estimators
            Fitted clones, in the order of `seeds`.
        """
        runtime = runtime or Runtime()
        check_choice(self, "precision", PRECISIONS)
        device = resolve_device(self.device)
        warn_if_slow(self.precision, device)
        X = checked_data(self, X, dtype=self._array_dtype(), order="C", ensure_min_samples=2, copy=False)
        settled = self.settled(*X.shape)
        check_shared(settled, *X.shape)
        settled.check_parameters(*X.shape)
        graph = settled.graph_of(X, graph)
        warn_far_from_zero(self, X)
        return settled._train_seeds(settled.prepared(X, graph), seeds, pretrained, runtime, graph, device)

    def _train_seeds(
        self,
        X: np.ndarray,
        seeds: Sequence[int],
        pretrained: Sequence[Mapping[str, np.ndarray]] | None,
        runtime: Runtime,
        graph: sparse.csr_array | None,
        device: torch.device,
    ) -> list[Self]:
        """Train on data and parameters that are right: the autoencoders first, then the seeds in groups that fit."""
        need = self.demand(self.build_network(X.shape[1], seeds[:1]), *X.shape)
        placed = self.placement(need, graph, device, len(seeds))
        recipe = self.pretraining()
        if pretrained is not None and recipe is None:
            raise ValueError(
                f"{type(self).__name__} does not start from an autoencoder with these parameters, but pretrained "
                "weights were given"
            )
        if recipe is not None and pretrained is None:
            later = self._updates(X, seeds, graph) if runtime.progress else 0
            pretrained = self._pretrain(recipe, X, seeds, replace(runtime, later=later))
        if pretrained is not None and len(pretrained) != len(seeds):
            name = type(self).__name__
            raise ValueError(f"{name}: {len(pretrained)} pretrained autoencoders were given for {len(seeds)} seeds")

        start = None if pretrained is None else dict(zip(seeds, pretrained, strict=True))
        groups = first_groups(seeds, placed, runtime.checkpoint)
        fits: dict[int, Self] = {}
        while groups:
            group = groups.pop(0)
            try:
                found = self._fit_group(X, group, device, start, replace(runtime, checkpoint=group.checkpoint), graph)
                fits.update(zip(group.seeds, found, strict=True))
                continue
            except BlockTooLargeError as error:
                smaller = group.smaller(error.state)
            if not smaller:
                raise MemoryError(
                    f"{type(self).__name__}: {device} has too little memory for even one seed with its data in host "
                    f"memory; about {need.per_seed / 2**20:.0f} MiB are needed. Take a smaller batch_size or hidden, "
                    "or another device"
                )
            release()
            log.warning(
                "%s: %d seeds are too many for the memory of %s; going on with %s",
                runtime.label or type(self).__name__,
                len(group.seeds),
                device,
                " and ".join(str(len(part.seeds)) for part in smaller),
            )
            for part in smaller:
                if part.checkpoint is not None and part.state is not None:
                    mark = self._fingerprint(X, part.seeds, start, graph)
                    save_checkpoint(part.checkpoint, mark, part.state.tensors, part.state.facts)
            if group.checkpoint is not None and len(group.seeds) > 1:
                group.checkpoint.unlink(missing_ok=True)
            groups = smaller + groups
        return [fits[seed] for seed in seeds]

    def _fit_group(
        self,
        X: np.ndarray,
        group: Group,
        device: torch.device,
        start: Mapping[int, Mapping[str, np.ndarray]] | None,
        runtime: Runtime,
        graph: Any,
    ) -> list[Self]:
        """Train the seeds of a group as one block."""
        block, phases, trained = None, [], False
        try:
            network = self.build_network(X.shape[1], group.seeds)
            if start is not None:
                self._load_autoencoder(network, [start[seed] for seed in group.seeds])
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # read-only; nothing writes to it
                x = torch.from_numpy(X)
            x = x.to(device) if group.resident else x
            block = Block(network.to(device), x, group.seeds, self.nodes(x, graph, device), self.augmentation(X))
            phases = self.training_phases(block)
            if hasattr(self, "clusters"):
                block.assign = lambda rows: self.clusters(block, rows)
            mark = self._fingerprint(X, group.seeds, start, graph) if runtime.checkpoint else ""
            train(block, phases, runtime, mark, group.state)
            trained = True
            return self._fits(block, phases)
        except torch.OutOfMemoryError:
            raise BlockTooLargeError(block_state(block, len(phases)) if trained else group.state) from None

    def _updates(self, X: np.ndarray, seeds: Sequence[int], graph: Any) -> int:
        """Updates that the training after the pretraining has, at most."""
        x = torch.tensor(X)
        network = self.build_network(X.shape[1], seeds[:1])
        block = Block(network, x, seeds[:1], self.nodes(x, graph, x.device), self.augmentation(X))
        return sum(phase.steps for phase in self.training_phases(block))

    def _fits(self, block: Block, phases: Sequence[Phase]) -> list[Self]:
        """One fitted estimator per seed of a trained block."""
        fits = []
        losses = full_loss(block, phases[-1]).tolist()
        weights = block.network.state_dict()
        for s, seed in enumerate(block.seeds):
            one = copy.deepcopy(self).set_params(random_state=int(seed))
            one.network_ = self.build_network(block.x.shape[1], [seed])
            one.network_.load_state_dict({k: v[s : s + 1] for k, v in weights.items()})
            one.network_.requires_grad_(False)
            one.history_ = [
                {**{k: v for k, v in row.items() if k != "values"}, "value": row["values"][s]}
                for row in block.history
                if row["values"][s] is not None
            ]
            if block.snapshots:
                one.snapshots_ = Snapshots.of_seed(block, s)
            one.loss_ = losses[s]
            one.n_updates_ = block.updates[s]
            one.reason_ = block.problems.get(s)
            if one.reason_ is None and not math.isfinite(one.loss_):
                one.reason_ = f"the loss at the final parameters is {one.loss_}"
            one.status_ = "diverged" if one.reason_ else "ok"
            fits.append(one)
        self.set_results(block, fits)
        return fits

    def _pretrain(
        self, recipe: "DeepEstimator", X: np.ndarray, seeds: Sequence[int], runtime: Runtime
    ) -> list[dict[str, np.ndarray]]:
        if runtime.checkpoint is not None:
            runtime = replace(runtime, checkpoint=runtime.checkpoint.with_suffix(".pretraining"))
        with warnings.catch_warnings(action="ignore", category=FarFromZeroWarning):  # said once
            return [fit.weights_ for fit in recipe.fit_seeds(X, seeds, runtime=runtime)]

    def _load_autoencoder(self, network: nn.Module, pretrained: Sequence[Mapping[str, np.ndarray]]) -> None:
        found = f"{type(self).__name__}: the pretrained autoencoder has the layers"
        asked = f"channels={self.channels}, hidden={self.hidden} and code_dim={self.code_dim} ask for"
        load_stacked(network.autoencoder, pretrained, found, asked)

    def _fingerprint(
        self,
        X: np.ndarray,
        seeds: Sequence[int],
        start: Mapping[int, Mapping[str, np.ndarray]] | None,
        graph: sparse.csr_array | None,
    ) -> str:
        """Digest of what determines the result: a checkpoint with another one must not be resumed."""
        params = {k: v for k, v in self.get_params().items() if k not in ("device", "random_state", "verbose")}
        facts = [type(self).__qualname__, params, X, [int(seed) for seed in seeds]]
        facts += [dict(start[seed]) for seed in seeds] if start else []
        facts += [] if graph is None else [graph.indptr, graph.indices, graph.data]
        return joblib.hash(facts, hash_name="sha1")
