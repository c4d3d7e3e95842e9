"""A network that says how good each number of clusters would be, and how it learns it while a method trains."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from jcae.nn.networks import Linear
from jcae.nn.products import matmul
from jcae.training.block import Block
from jcae.training.optimisers import BlockOptimiser, Optimiser


class QualityNetwork(nn.Module):
    """S networks that say how good each action would be, by the nodes and the clusters of a moment.

    Parameters
    ----------
    nodes, clusters : Linear
        From the code to the hidden layer.
    actions : Linear
        From there to the actions.
    """

    def __init__(self, nodes: Linear, clusters: Linear, actions: Linear):
        super().__init__()
        self.nodes, self.clusters, self.actions = nodes, clusters, actions

    def rows(self, layer: Linear, points: Tensor) -> Tensor:
        """What each point says: softmax over the actions, (S, T, m, A), of points (S, T, m, p) at T moments."""
        hidden = normalize(layer(points.flatten(1, 2)).to(layer.weight.dtype), dim=-1).relu()
        return self.actions(hidden).to(layer.weight.dtype).softmax(-1).unflatten(1, points.shape[1:3])

    def forward(self, nodes: Tensor, clusters: Tensor, filled: Tensor) -> Tensor:
        """Mean of the rows, (S, T, A), for nodes (S, T, n, p) and those clusters (S, T, K, p) that are filled."""
        of_clusters = self.rows(self.clusters, clusters) * filled.unsqueeze(-1)
        count = nodes.shape[2] + filled.sum(-1, keepdim=True)
        return (self.rows(self.nodes, nodes).sum(2) + of_clusters.sum(2)) / count


def cluster_means(state: Tensor, labels: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Mean code of each of `most` clusters, (S, most, p), and whether it has a node, (S, most)."""
    own = one_hot(labels, most).to(state.dtype)
    sizes = own.sum(-2)
    return matmul(own.mT, state) / sizes.clamp_min(1.0).unsqueeze(-1), sizes > 0


@dataclass(frozen=True)
class Replay:
    """What happened lately in a block, and the training of its quality network on it.

    All of it lies in `Block.state`: ``states`` (S, B + 1, n, p), ``clusters`` (S, B + 1, most, p) with ``filled``,
    ``actions`` and ``rewards`` (S, B), and the moments of Adam, ``quality/<name>``. What follows a state is the next
    one, so that B + 1 of them make B experiences.

    Attributes
    ----------
    block : Block
    quality : QualityNetwork
        A part of its network.
    size : int
        Experiences B, on all of which it is trained whenever they are there; they are then forgotten.
    epochs : int
        Updates of such a training.
    learning_rate : float
        Of Adam.
    discount : float
        Of the best action's quality in the next state, in what the quality of an action should be.
    detached_target : bool
        Whether that is taken as constant.
    """

    block: Block
    quality: QualityNetwork
    size: int
    epochs: int
    learning_rate: float
    discount: float
    detached_target: bool

    def make_room(self, most: int) -> None:
        """For states with at most so many clusters."""
        weight, n_seeds = self.quality.nodes.weight, len(self.block.seeds)
        n, width = len(self.block.x), weight.shape[1]
        self.block.state |= {
            "states": weight.new_zeros(n_seeds, self.size + 1, n, width),
            "clusters": weight.new_zeros(n_seeds, self.size + 1, most, width),
            "filled": weight.new_zeros(n_seeds, self.size + 1, most, dtype=torch.bool),
            "actions": weight.new_zeros(n_seeds, self.size, dtype=torch.int64),
            "rewards": weight.new_zeros(n_seeds, self.size),
        }

    @torch.no_grad()
    def observe(self, state: Tensor, labels: Tensor, step: int) -> Tensor:
        """Remember the codes (S, n, p) and labels (S, n) before a step; if that fills the buffer, train on it first.

        Returns
        -------
        Tensor, (S, A)
            Quality of each action now.
        """
        clusters, filled = cluster_means(state, labels, self.block.state["clusters"].shape[2])
        now = {"states": state, "clusters": clusters, "filled": filled}
        place = step % self.size
        if step > 0 and place == 0:
            self._put(now, self.size)
            self.learn(step // self.size - 1)
        self._put(now, place)
        return self.quality(*(value.unsqueeze(1) for value in now.values()))[:, 0]

    def _put(self, now: dict[str, Tensor], place: int) -> None:
        for name, value in now.items():
            self.block.state[name][:, place] = value

    def reward(self, step: int, actions: Tensor, rewards: Tensor) -> None:
        """Remember what was done in a step and what came of it, (S,)."""
        self.block.state["actions"][:, step % self.size] = actions
        self.block.state["rewards"][:, step % self.size] = rewards

    @torch.enable_grad()
    def learn(self, times: int) -> Tensor:
        """Train on a full buffer, after so many `times`: losses before each update, (epochs, S)."""
        kept, quality = self.block.state, self.quality.requires_grad_(True)
        parameters = dict(quality.named_parameters())
        optimiser = BlockOptimiser(Optimiser("adam", self.learning_rate), parameters)
        for name, moment in optimiser.moments.items():
            if times:
                moment.copy_(kept[f"quality/{name}"])
        optimiser.restore(times * self.epochs)
        optimiser.select([s for s in range(len(self.block.seeds)) if s not in self.block.problems])
        losses = []
        for _ in range(self.epochs):
            loss = self.loss()
            gradients = torch.autograd.grad(loss.sum(), list(parameters.values()))
            optimiser.step([gradient.contiguous() for gradient in gradients])
            optimiser.count()
            losses.append(loss.detach())
        for name, moment in optimiser.moments.items():
            self.block.keep(f"quality/{name}", moment)
        quality.requires_grad_(False)
        return torch.stack(losses)

    def loss(self) -> Tensor:
        """Mean over the buffer of the squared difference between what is due and what the network says, (S,)."""
        kept = self.block.state
        values = self.quality(kept["states"], kept["clusters"], kept["filled"])
        taken = values[:, :-1].gather(2, kept["actions"].unsqueeze(-1)).squeeze(-1)
        due = kept["rewards"] + self.discount * values[:, 1:].amax(-1)
        return ((due.detach() if self.detached_target else due) - taken).square().mean(-1)
