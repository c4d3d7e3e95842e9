"""Deep methods that break the contract are told what is wrong with their network and loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.rgc import RGC
from jcae.contract.checks import CHECKS, Subject, run_check
from jcae.models.autoencoder import Autoencoder, autoencoder_network
from jcae.models.clusterer import DeepClusterer
from jcae.models.embedding import EmbeddingMixin
from jcae.nn.distances import squared_distances
from jcae.nn.networks import CentroidNetwork
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase, Turn

pytestmark = pytest.mark.filterwarnings("ignore")
BY_NAME = {check.name: check for check in CHECKS}


def outcome(cls, name, module=__name__):
    return run_check(BY_NAME[name], Subject(f"{module}.{cls.__name__}"))


class ForgetsState(DeepClusterer):
    """Predicts with a number that is no part of its network."""

    def load_weights(self, weights, n_features):
        self.shift = 0
        return self

    def __init__(self, n_clusters=3, random_state=None):
        self.n_clusters, self.random_state = n_clusters, random_state

    def fit_seeds(self, X, seeds, *, pretrained=None, runtime=None):
        fit = ForgetsState(self.n_clusters, seeds[0])
        fit.shift, fit.labels_ = 1, np.zeros(len(X), int)
        return [fit]

    @property
    def weights_(self):
        return {"w": np.zeros(2)}

    def predict(self, X):
        return np.full(len(X), self.shift)

    predict_proba = transform = predict


def test_state_that_is_not_stored_is_found():
    found = outcome(ForgetsState, "weights")
    assert found.status == "failed"
    assert "predict differs after its weights were stored and read" in found.reason


class LosesWeights(RGC):
    """Cannot label new points, so that its weights are all that there is to look at."""

    def load_weights(self, weights, n_features):
        self.network_ = self.build_network(n_features, [0])
        return self


def test_weights_that_are_not_read_are_found_without_predict():
    assert outcome(RGC, "weights", "baselines.rgc").status == "ok"
    found = outcome(LosesWeights, "weights")
    assert found.status == "failed"
    assert "load_weights followed by weights_ gives other numbers" in found.reason


class Pulled(EmbeddingMixin, DeepClusterer):
    """An autoencoder whose codes are pulled to the origin; those below get its loss wrong."""

    hidden, code_dim, channels, image_shape, negative_slope = (8,), 4, None, None, 0.2
    device, precision, epochs, batch_size = "cpu", "float32", 2, 32

    def __init__(self, n_clusters=3, random_state=None):
        self.n_clusters, self.random_state = n_clusters, random_state

    def check_parameters(self, n_samples, n_features):
        pass

    def build_network(self, n_features, seeds):
        return CentroidNetwork(autoencoder_network(self, n_features, seeds), self.n_clusters)

    def terms(self, error, distance):
        """Of the squared errors and distances of a batch, (S, B)."""
        return {"reconstruction": error.mean(-1), "distance": distance.mean(-1)}

    def training_phases(self, block):
        network = block.network.autoencoder

        def loss(x, rows):
            z = network.encode(x)
            return Loss(self.terms((x - network.decode(z)).square().sum(-1), z.square().sum(-1)))

        steps = self.epochs * block.epoch_steps(self.batch_size)
        return [Phase("joint", loss, steps, self.batch_size, Optimiser("adam", 1e-3))]

    def soft_assignment(self, network, x):
        return -squared_distances(network.autoencoder.encode(x), network.centroids)

    def centroids(self, network):
        return network.centroids.detach()


class SumsOverSeeds(Pulled):
    def terms(self, error, distance):
        return {"all": error.mean(-1) + distance.sum() / distance.shape[-1]}


class OneLoss(Pulled):
    def terms(self, error, distance):
        return {"reconstruction": error.mean(-1), "distance": distance.mean()}


class NoMean(Pulled):
    def terms(self, error, distance):
        return {"reconstruction": error.mean(-1), "distance": distance}


class AsksTheHost(Pulled):
    def terms(self, error, distance):
        return super().terms(error, distance if distance.mean() > 1e6 else 2 * distance)


class CountsOnTheHost(Pulled):
    def terms(self, error, distance):
        far = torch.nonzero(distance > 1)
        return super().terms(error, distance * len(far))


class AsksTheHostInTurn(Pulled):
    def training_phases(self, block):
        (phase,) = super().training_phases(block)

        def loss(x, rows):
            distance = phase.loss(x, rows).terms["distance"]
            return Loss({"second": distance if distance.mean() > 1e6 else 2 * distance})

        return [replace(phase, then=[Turn(loss)])]


@pytest.mark.parametrize(
    ("cls", "name", "advice"),
    [
        (SumsOverSeeds, "pipeline", "seed 0 ends elsewhere in a fit of its own than beside another seed"),
        (OneLoss, "pipeline", "loss term 'distance' has the shape (), where one value per seed, (2,), is due"),
        (NoMean, "labels", "loss term 'distance' has the shape (1, 32), where one value per seed, (1,), is due"),
        (AsksTheHost, "steps", "a step looks at a tensor's value on the host"),
        (AsksTheHostInTurn, "steps", "a step looks at a tensor's value on the host"),
        (CountsOnTheHost, "steps", "a step looks at a tensor's value on the host"),
    ],
)
def test_a_deep_method_is_told_what_is_wrong_with_its_loss(cls, name, advice):
    for fine in ("pipeline", "steps", "labels"):
        assert outcome(Pulled, fine).status == "ok", outcome(Pulled, fine).reason
    found = outcome(cls, name)
    assert found.status == "failed"
    assert advice in found.reason


def test_weights_of_another_network_are_refused():
    X = np.random.default_rng(0).normal(size=(20, 4))
    net = {"hidden": (5,), "epochs": 1, "device": "cpu"}
    weights = Autoencoder(code_dim=2, **net).fit(X).weights_
    with pytest.raises(ValueError, match="these parameters ask for"):
        Autoencoder(code_dim=3, **net).load_weights(weights, 4)
    fresh = Autoencoder(code_dim=2, **net).load_weights(weights, 4)
    assert fresh.transform(X).shape == (20, 2)


def test_methods_of_images_are_checked_on_images_and_others_are_not():
    images = Subject("baselines.contrastive_clustering.ContrastiveClustering")
    assert images.build().image_shape == (4, 4)
    assert images.easy.X.shape[1] == 16
    assert images.between_0_and_1
    assert Subject("baselines.dec.DEC").build().image_shape is None
