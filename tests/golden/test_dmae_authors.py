"""DMAE against what the DMAE authors' own code computes (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden

from baselines.dmae import DMAE, NAMES, DissimilarityMixture
from jcae import Autoencoder
from jcae.nn.dissimilarities import to_centers
from jcae.training.block import Block
from jcae.training.kmeans import kmeans
from jcae.training.mixture_start import precision_factors
from jcae.training.optimisers import BlockOptimiser

# Their name for it, where it is another; the square of euclidean is not among theirs.
THEIRS = {name: name for name in NAMES if name != "squared_euclidean"} | {"minkowski": "minkowsky3"}
LAYERS = [f"{part}.{i}.{kind}" for part in ("encoder", "decoder") for i in range(3) for kind in ("weight", "bias")]


@pytest.fixture(scope="module")
def numbers():
    return golden("dmae_1")


def close(found, expected, tolerance=1e-8):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.fixture(params=THEIRS)
def layer(request, numbers):
    """A mixture at their centres, weights and factors; their name for its dissimilarity; the points."""
    method = DissimilarityMixture(4, dissimilarity=request.param, alpha=float(numbers["alpha"]), precision="float64")
    network = method.build_network(3, [0])
    with torch.no_grad():
        network.centroids.copy_(torch.tensor(numbers["centers"]))
        network.log_mixers.copy_(torch.tensor(numbers["mixers"]).log())
        if network.factors is not None:
            network.factors.copy_(torch.tensor(numbers["A"]))
    return method, network, THEIRS[request.param], torch.tensor(numbers["H"][None], requires_grad=True)


def test_forward(layer, numbers):
    method, network, name, h = layer
    log_s = network.log_assignment(h, method.alpha)[0]
    chosen = network.select(h, method.alpha)
    close(log_s.exp(), numbers[f"{name}_S"])
    close(chosen.centers[0], numbers[f"{name}_mu_tilde"])
    close(chosen.log_weight[0].exp(), numbers[f"{name}_pi_tilde"])
    # Softmax forgets what all clusters share: dissimilarities are compared up to that, but for those to the selected.
    scores = (network.log_mixers - log_s) / method.alpha - torch.tensor(numbers[f"{name}_D"])
    close(scores - scores[:, :1], np.zeros(scores.shape))
    value = chosen.dissimilarity - chosen.log_weight / method.alpha
    close(value.sum(), numbers[f"{name}_loss_sum"])
    if network.factors is not None:
        gap = numbers["H"] - numbers[f"{name}_mu_tilde"]
        expected = np.einsum("bi,bij,bj->b", gap, numbers[f"{name}_P_tilde"], gap)
        close(chosen.dissimilarity[0], expected)


def test_gradients(layer, numbers):
    method, network, name, h = layer
    value = method.batch_loss(network, h).total()
    close(value[0], numbers[f"{name}_loss_sum"])
    leaves = {"H": h, "centers": network.centroids, "mixers": network.log_mixers}
    if network.factors is not None:
        leaves["A"] = network.factors
    gradients = dict(zip(leaves, torch.autograd.grad(value.sum(), list(leaves.values())), strict=True))
    gradients["mixers"] = gradients["mixers"] / network.log_mixers.exp()  # theirs is in pi, ours in log pi
    for leaf, gradient in gradients.items():
        close(gradient.reshape(numbers[f"{name}_grad_{leaf}"].shape), numbers[f"{name}_grad_{leaf}"])


def test_dissimilarities_themselves(layer, numbers):
    _, network, name, h = layer
    if network.dissimilarity is not None:
        close(to_centers(network.dissimilarity, h, network.centroids)[0], numbers[f"{name}_D"])


def toroidal(x, y):
    """Squared distance on a torus of period 2."""
    gaps = (x - y).abs() % 2
    return torch.minimum(gaps, 2 - gaps).square().sum(-1)


def test_a_function_of_ones_own(numbers):
    method = DissimilarityMixture(4, dissimilarity=toroidal, precision="float64")
    network = method.build_network(2, [0])
    found = to_centers(network.dissimilarity, *(torch.tensor(numbers[f"toroidal_{k}"]) for k in ("H", "centers")))
    close(found, numbers["toroidal_D"])


def test_start_of_mahalanobis(numbers):
    X, labels, centers = (numbers[f"init_{name}"] for name in ("X", "labels", "centers"))
    close(precision_factors(X, labels, 3), numbers["init_A"], 1e-7)
    found = kmeans(torch.tensor(X), 3, [0]).centers[0].numpy()
    order = np.square(centers[:, None] - found).sum(-1).argmin(1)
    close(found[order], centers, 1e-7)


# The model: an autoencoder 16-7-9-3-9-7-16.

SMALL = {"hidden": (7, 9), "code_dim": 3, "batch_size": 12, "precision": "float64", "device": "cpu"}


class Model:
    """A method with one seed at their weights, before or after their pretraining, and its only phase."""

    def __init__(self, method, numbers, weights):
        self.x = torch.tensor(numbers["deep_x"].reshape(1, 12, 16))
        self.block = Block(method.build_network(16, [0]), self.x[0], [0])
        self.network = self.block.network
        (self.phase,) = method.training_phases(self.block)
        autoencoder = getattr(self.network, "autoencoder", self.network)
        self.leaves = dict(zip(LAYERS, (dict(autoencoder.named_parameters())[name] for name in LAYERS), strict=True))
        if autoencoder is not self.network:
            self.leaves["centers"] = self.network.centroids
        with torch.no_grad():
            for name, leaf in self.leaves.items():
                leaf.copy_(torch.tensor(numbers["deep_centers" if name == "centers" else f"{weights}_{theirs(name)}"]))

    def loss(self):
        return self.phase.loss(self.x, torch.arange(12)[None])

    def gradients(self):
        return torch.autograd.grad(self.loss().total().sum(), list(self.leaves.values()))

    def step_three_times(self):
        """Losses before each of three updates."""
        optimiser, losses = BlockOptimiser(self.phase.optimiser, self.leaves), []
        for _ in range(3):
            losses.append(self.loss().total().item())
            optimiser.step([g.contiguous() for g in self.gradients()])
            optimiser.count()
        return losses


def theirs(name):
    """encoder.0.weight -> enc0_W."""
    if name == "centers":
        return name
    part, i, kind = name.split(".")
    return f"{part[:3]}{i}_{'W' if kind == 'weight' else 'b'}"


def test_pretraining(numbers):
    recipe = Autoencoder.info.presets["dec_keras"] | {**SMALL, "epochs": 500}
    model = Model(Autoencoder(**recipe), numbers, "deep_init")
    close(model.loss().total()[0], numbers["deep_pretrain_loss"])
    for name, gradient in zip(model.leaves, model.gradients(), strict=True):
        close(gradient[0], numbers[f"deep_pretrain_grad_{theirs(name)}"])
    close(model.step_three_times(), numbers["deep_pretrain_losses_3steps"], 1e-7)
    for name, leaf in model.leaves.items():
        close(leaf[0], numbers[f"deep_pre3_{theirs(name)}"], 1e-7)  # theirs has the momentum 0.9 in float32


def joint(numbers, **others):
    settings = {
        "alpha": float(numbers["deep_alpha"]),
        "clustering_weight": float(numbers["deep_lambda_c"]),
        "reconstruction_weight": float(numbers["deep_lambda_r"]),
        "learning_rate": float(numbers["deep_adam_lr_used"]),
    }
    return Model(DMAE(4, **{**settings, **SMALL, **others}), numbers, "deep_pre3")


def test_joint_loss_and_gradients(numbers):
    model = joint(numbers)
    codes = model.network.autoencoder.encode(model.x)
    close(codes[0], numbers["deep_codes"])
    chosen = model.network.select(codes, float(numbers["deep_alpha"]))
    close(chosen.centers[0], numbers["deep_mu_tilde"])
    close(model.network.autoencoder.decode(chosen.centers)[0], numbers["deep_x_tilde"].reshape(12, 16))
    terms = model.loss().terms
    close(terms["dissimilarity"][0] + terms["mixers"][0], numbers["deep_lambda_c"] * numbers["deep_L_d"])
    close(terms["reconstruction"][0], numbers["deep_lambda_r"] * numbers["deep_L_r"])
    close(model.loss().total()[0], numbers["deep_L"])
    for name, gradient in zip(model.leaves, model.gradients(), strict=True):
        close(gradient[0], numbers[f"deep_grad_{theirs(name)}"])


def gap_after_three_steps(model, numbers):
    return max(
        np.abs(leaf[0].detach().numpy() - numbers[f"deep_joint3_{theirs(name)}"]).max()
        for name, leaf in model.leaves.items()
    )


def test_joint_steps_of_their_adam(numbers):
    model = joint(numbers, adam_eps=float(numbers["deep_adam_eps_hat"]))
    assert numbers["deep_gradient_factor"] == 12 * 16
    close(model.step_three_times(), numbers["deep_joint_reported_losses_3steps"], 1e-5)
    assert gap_after_three_steps(model, numbers) < 1e-5  # theirs has rate and betas in float32
    s = model.network.log_assignment(model.network.autoencoder.encode(model.x), float(numbers["deep_alpha"])).exp()
    close(s[0], numbers["deep_joint3_S"], 1e-4)
    assert not model.phase.trainable("log_mixers")


def test_without_the_factor_of_the_gradient_the_steps_are_others(numbers):
    model = joint(numbers, adam_eps=float(numbers["deep_adam_eps_hat"] * numbers["deep_gradient_factor"]))
    model.step_three_times()
    assert gap_after_three_steps(model, numbers) > 1e-4
