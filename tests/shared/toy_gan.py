"""A small adversarial method: three losses that take turns, batch normalisation in two networks."""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from jcae.models.clusterer import DeepClusterer
from jcae.models.info import Info
from jcae.nn.distances import squared_distances
from jcae.nn.networks import linear
from jcae.nn.normalisation import batch_norm
from jcae.nn.precision import storage_dtype
from jcae.training.optimisers import Optimiser, staircase_decay
from jcae.training.phase import Loss, Phase, Turn

NOISE, WIDTH, CODE = 5, 11, 7


class ToyNetwork(nn.Module):
    """A generator, a discriminator whose hidden layer is the code, and centroids of the code."""

    def __init__(self, n_features, n_clusters, seeds, precision):
        super().__init__()

        def layer(n_in, n_out, name):
            return linear(n_in, n_out, seeds=seeds, name=name, initialiser="torch", precision=precision)

        def norm(width):
            return batch_norm(width, width, seeds=seeds, precision=precision)

        widths = {"generator": (NOISE, WIDTH, n_features), "discriminator": (n_features, CODE, 1)}
        for part, (n_in, hidden, n_out) in widths.items():
            layers = [layer(n_in, hidden, f"{part}.0"), norm(hidden), layer(hidden, n_out, f"{part}.1")]
            setattr(self, part, nn.ModuleList(layers))
        centroids = torch.zeros(len(seeds), n_clusters, CODE, dtype=storage_dtype(precision))
        self.centroids = nn.Parameter(centroids)

    def generate(self, z, *, training=False):
        first, norm, last = self.generator
        return last(norm(first(z), training=training).relu())

    def encode(self, x, *, training=False):
        first, norm, _ = self.discriminator
        return norm(first(x), training=training).relu()

    def judge(self, x, *, training=False):
        """Logits (S, B) that points are real."""
        return self.discriminator[-1](self.encode(x, training=training)).squeeze(-1)


class ToyGAN(DeepClusterer):
    """Discriminator, generator and centroids in turn; labels are the nearest centroids of the code.

    Parameters
    ----------
    averaging_epoch : bool
        As in a phase.
    poisoned : int or None
        The seed whose generator's loss is no number from the sixth update on.
    stops : int or None
        The seed that is finished by the refresh before the eleventh update.
    """

    info = Info(label="toy GAN", summary="Three losses in turn.", reference="none")

    epochs: int = 3
    batch_size: int = 48
    averaging_epoch: bool = False
    poisoned: int | None = None
    stops: int | None = None

    def build_network(self, n_features, seeds):
        return ToyNetwork(n_features, self.n_clusters, seeds, self.precision)

    def training_phases(self, block):
        network = block.network
        poisoned = torch.tensor([seed == self.poisoned for seed in block.seeds], device=block.device)

        def start():
            network.centroids.copy_(network.encode(block.whole()[:, : self.n_clusters]))

        def generated(x):
            return network.generate(block.normal("z", x.shape[1], NOISE), training=True)

        def discriminator(x, rows):
            real, fake = network.judge(x, training=True), network.judge(generated(x), training=True)
            return Loss({"real": -logsigmoid(real).mean(-1), "fake": -logsigmoid(-fake).mean(-1)})

        def generator(x, rows):
            value = -logsigmoid(network.judge(generated(x), training=True)).mean(-1)
            return Loss({"generator": value.where(~poisoned | (block.clock < 5), torch.nan)})

        def distance(x, rows):
            return Loss({"distance": squared_distances(network.encode(x), network.centroids).amin(-1).mean(-1)})

        def refresh(step):
            return torch.tensor([seed == self.stops and step >= 10 for seed in block.seeds])

        return [
            Phase(
                "gan",
                discriminator,
                self.epochs * block.epoch_steps(self.batch_size),
                self.batch_size,
                Optimiser("adam", 2e-3, betas=(0.5, 0.999), schedule=staircase_decay(5, 0.9)),
                lambda name: name.startswith("discriminator."),
                before=start,
                refresh=refresh,
                averaging_epoch=self.averaging_epoch,
                then=[
                    Turn(generator, Optimiser("sgd", 1e-2, momentum=0.9), lambda name: name.startswith("generator.")),
                    Turn(distance, Optimiser("sgd", 0.1), lambda name: name == "centroids"),
                ],
            )
        ]

    def soft_assignment(self, network, x):
        return (-squared_distances(network.encode(x), network.centroids)).softmax(-1)

    def centroids(self, network):
        return network.centroids.detach()
