"""AE-CM and its competitors against what the AE-CM authors' own code computes (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden

from baselines.dcn import DCN, running_means
from baselines.dec import DEC, log_soft_assignment, target_distribution
from baselines.idec import IDEC
from jcae import AECM, Autoencoder, ClusteringModule
from jcae.models.module_losses import three_terms
from jcae.training.block import Block
from jcae.training.optimisers import BlockOptimiser

MODULE = ["W", "b", "M", "c"]
LAYERS = [f"{part}.{i}.{kind}" for part in ("encoder", "decoder") for i in range(4) for kind in ("weight", "bias")]
IN_AECM = [f"module.{name}" for name in MODULE] + [f"autoencoder.{name}" for name in LAYERS]
WITH_CENTROIDS = ["centroids"] + [f"autoencoder.{name}" for name in LAYERS]
SMALL = {"hidden": (24, 20, 32), "code_dim": 14, "negative_slope": 0.2, "device": "cpu"}


def preset(cls, name, **others):
    """The parameters of a preset, but for the sizes of the small example."""
    return {**cls.info.presets[name], **SMALL, **others}


class Start:
    """A method with one seed at the golden weights, and its phases."""

    def __init__(self, method, names, numbers, x, *, transposed=False):
        self.x = torch.tensor(x)
        self.block = Block(method.build_network(x.shape[1], [0]), self.x, [0])
        parameters = dict(self.block.network.named_parameters())
        self.leaves = {name: parameters[name].requires_grad_(True) for name in names}
        with torch.no_grad():
            for i, leaf in enumerate(self.leaves.values()):
                value = torch.tensor(numbers[f"w{i}"])
                leaf.copy_(value.mT if transposed and value.ndim == 2 else value)
        self.phases = method.training_phases(self.block)

    def loss(self, phase=0, rows=None):
        rows = torch.arange(len(self.x)) if rows is None else torch.tensor(rows)
        return self.phases[phase].loss(self.x[rows].unsqueeze(0), rows.unsqueeze(0))

    def gradients(self, value, names=None):
        leaves = [self.leaves[name] for name in names or self.leaves]
        return [
            g[0].numpy() for g in torch.autograd.grad(value.sum(), leaves, allow_unused=True, materialize_grads=True)
        ]


def agree(found, expected, tolerance):
    """Relative to the largest number of what is expected."""
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    scale = max(float(np.abs(expected).max()), 1e-30)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


# AE-CM: some of the authors' float64 operations are float32 inside.


@pytest.fixture(scope="module")
def numbers():
    return golden("aecmpaper_aecm_float64")


def aecm(numbers, **others):
    """AE-CM as its presets have it, at the golden weights."""
    weights = {
        "alpha": float(numbers["alpha"][0]),
        "beta": float(numbers["beta"]),
        "batch_size": 80,
        "init": "pretrained",
    }
    weights |= {"orthonormality": float(numbers["lbd"]), "precision": "float64"}
    return Start(
        AECM.published(n_clusters=10, **preset(AECM, "pendigits", **weights | others)), IN_AECM, numbers, numbers["x"]
    )


def test_aecm_forward(numbers):
    network = aecm(numbers).block.network
    x = torch.tensor(numbers["x"]).unsqueeze(0)
    z = network.autoencoder.encode(x)
    agree(z[0], numbers["code"], 1e-7)
    agree(network.module.assign(z)[0], numbers["gamma"], 1e-7)
    agree(network.autoencoder.decode(z)[0], numbers["xhat"], 1e-7)
    agree(network.module.centroids()[0], numbers["centroids"], 1e-7)


TERMS = {"code_distortion": "E1", "sparsity": "E2", "orthonormality": "orth", "prior": "prior", "reconstruction": "rec"}


def test_aecm_terms_and_the_gradient_of_each(numbers):
    start = aecm(numbers)
    terms = start.loss(phase=1).terms
    for value, (name, short) in zip(numbers["terms_E1_E2_orth_prior_rec"], TERMS.items(), strict=True):
        agree(terms[name][0], value, 1e-7)
        for i, gradient in enumerate(start.gradients(start.loss(phase=1).terms[name])):
            agree(gradient, numbers[f"grad_{short}_{i}"], 1e-6 if short == "orth" else 1e-7)


def test_aecm_gradient_of_the_whole_loss(numbers):
    start = aecm(numbers)
    for i, gradient in enumerate(start.gradients(start.loss(phase=1).total())):
        agree(gradient, numbers[f"grad{i}"], 1e-7)


def test_aecm_with_unequal_alphas(numbers):
    start = aecm(numbers, alpha=list(numbers["alpha2"]))
    total = start.loss(phase=1).total()
    agree(total[0], numbers["terms_alpha2_sum"], 1e-7)
    for i, gradient in enumerate(start.gradients(total)):
        agree(gradient, numbers[f"grad_alpha2_{i}"], 1e-7)


def test_aecm_warm_up_loss_of_the_module_alone(numbers):
    start = aecm(numbers)
    z = start.block.network.autoencoder.encode(start.x.unsqueeze(0))
    module = start.block.network.module
    terms = list(three_terms(z, module.assign(z), module.centroids(), 80).values())
    terms.append(start.loss().terms["prior"])
    for value, expected in zip(terms, numbers["cm_terms_E1_E2_E3_E4"], strict=True):
        agree(value[0], expected, 1e-7)
    for i, gradient in enumerate(start.gradients(start.loss().total(), IN_AECM[:4])):
        agree(gradient, numbers[f"grad_cm_{i}"], 1e-7)


def test_pretraining_loss_and_the_gradient_that_is_applied(numbers):
    """One value per point, averaged over features: differentiated, that is the sum over the batch."""
    weights = {f"w{i}": numbers[f"w{i + 4}"] for i in range(len(LAYERS))}
    recipe = Autoencoder(**preset(Autoencoder, "aecm_pendigits", precision="float64"))
    start = Start(recipe, LAYERS, weights, numbers["x"])
    value = start.loss().total()
    agree(value[0], numbers["loss_ee_vector"].sum(), 1e-7)
    for i, gradient in enumerate(start.gradients(value)):
        agree(gradient, numbers[f"grad_ee_{i + 4}"], 1e-7)
    trained = [name for name in LAYERS if start.phases[0].trainable(name)]
    assert trained == [name for name in LAYERS if name != "encoder.0.weight"]


# The clustering module alone, and the normalised variant.


@pytest.mark.parametrize("alpha", ["alpha", "alpha2"])
def test_module_alone(alpha):
    numbers = golden("aecmpaper_cm_float64")
    alphas = float(numbers["alpha"][0]) if alpha == "alpha" else list(numbers["alpha2"])
    settings = {**ClusteringModule.info.presets["pendigits"], "alpha": alphas, "precision": "float64", "device": "cpu"}
    start = Start(ClusteringModule(10, **settings), MODULE, numbers, numbers["x"])
    x = start.x.unsqueeze(0)
    agree(start.block.network.assign(x)[0], numbers["gamma"], 1e-13)
    agree(start.block.network.centroids()[0], numbers["centroids"], 1e-13)
    value = start.loss()
    if alpha == "alpha2":
        agree(value.total()[0], numbers["terms_alpha2_sum"], 1e-13)
        return
    found = [*start.phases[0].monitor(x).values(), value.terms["prior"]]
    for one, expected in zip(found, numbers["terms_E1_E2_E3_E4"], strict=True):
        agree(one[0], expected, 1e-13)
    for i, gradient in enumerate(start.gradients(value.total())):
        agree(gradient, numbers[f"grad{i}"], 1e-12)


def test_normalised_variant():
    numbers = golden("aecmpaper_normalised_float64")
    names = ["module.W", "module.M"] + [f"autoencoder.{name}" for name in LAYERS]
    values = {"beta": float(numbers["beta"]), "alpha": float(numbers["alpha"]), "orthonormality": float(numbers["lbd"])}
    method = AECM.published(
        n_clusters=10, **preset(AECM, "mnist_normalised", precision="float64", batch_size=64, **values)
    )
    start = Start(method, names, numbers, numbers["x"], transposed=True)
    value = start.loss()
    agree(value.terms["reconstruction"][0], numbers["rec_times_beta"], 1e-13)
    for one, expected in zip(list(TERMS)[:4], numbers["E1_E2_orth_prior"], strict=True):
        agree(value.terms[one][0], expected, 1e-13)
    agree(value.total()[0], numbers["total"], 1e-13)
    for i, gradient in enumerate(start.gradients(value.total())):
        agree(gradient.T if gradient.ndim == 2 else gradient, numbers[f"grad{i}"], 1e-12)


def test_normalised_module_alone():
    numbers = golden("aecmpaper_normalised_float64")
    weights = {"w0": numbers["cm_W"], "w1": numbers["cm_M"]}
    method = ClusteringModule(10, alpha=float(numbers["alpha"]), loss="normalised", batch_size=64, precision="float64")
    start = Start(method, ["W", "M"], weights, numbers["x"], transposed=True)
    value = start.loss()
    found = [*start.phases[0].monitor(start.x.unsqueeze(0)).values(), value.terms["prior"]]
    for one, expected in zip(found, numbers["cm_E1_E2_E3_E4"], strict=True):
        agree(one[0], expected, 1e-12)
    agree(value.total()[0], numbers["cm_total"], 1e-13)
    for gradient, name in zip(start.gradients(value.total()), ["cm_gradW", "cm_gradM"], strict=True):
        agree(gradient.T, numbers[name], 1e-12)


# 150 updates of Adam.


def trajectory(**others):
    """Largest distance of a weight from theirs after some updates, and the loss terms of every update."""
    numbers, pendigits = golden("aecmpaper_trajectory"), golden("pendigits")["x"]
    settings = {"hidden": (50, 50, 100), "code_dim": 20, "alpha": float(numbers["alpha"]), **others}
    method = AECM.published(n_clusters=10, **preset(AECM, "pendigits", beta=float(numbers["beta"]), **settings))
    start = Start(method, IN_AECM, numbers, (pendigits / 100).astype(np.float32))
    optimiser = BlockOptimiser(start.phases[0].optimiser, start.leaves)
    gaps, terms = {}, []
    for step, rows in enumerate(numbers["order"], start=1):
        value = start.loss(rows=rows)
        terms.append([value.terms[name].item() for name in TERMS])
        optimiser.step([torch.tensor(g).unsqueeze(0).contiguous() for g in start.gradients(value.total())])
        optimiser.count()
        if f"after{step}_0" in numbers:
            pairs = [
                (leaf[0].detach().numpy(), numbers[f"after{step}_{i}"]) for i, leaf in enumerate(start.leaves.values())
            ]
            gaps[step] = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
    return gaps, np.array(terms), numbers["terms"]


def test_trajectory_of_their_adam():
    gaps, terms, expected = trajectory()
    assert list(gaps) == [1, 10, 100, 150]
    assert max(gaps.values()) < 1e-5
    np.testing.assert_allclose(terms, expected, rtol=1e-5)


def test_trajectory_with_eps_after_the_correction_is_another():
    gaps, _, _ = trajectory(adam_eps_placement="after")
    assert gaps[1] > 5e-4  # of 1e-3, the whole first step
    assert gaps[150] > 0.01


# The competitors, in float32.


@pytest.mark.parametrize("cls", [DEC, IDEC])
def test_dec_and_idec(cls):
    numbers = golden(f"aecmpaper_{cls.__name__.lower()}_float32")
    start = Start(cls(10, **preset(cls, "aecm_paper")), WITH_CENTROIDS, numbers, numbers["x400"])
    network = start.block.network
    q = log_soft_assignment(network.autoencoder.encode(start.x.unsqueeze(0)), network.centroids).exp().detach()
    agree(q[0], numbers["q"], 1e-4)
    start.block.keep("target", target_distribution(q))
    agree(start.block.state["target"][0], numbers["p"], 1e-4)
    value = start.loss(rows=np.arange(len(numbers["x"])))
    agree(value.terms["clustering"][0], numbers["terms_kl_rec"][0], 1e-3)  # of numbers that cancel
    if cls is IDEC:
        agree(value.terms["reconstruction"][0], numbers["terms_kl_rec"][1], 1e-4)
    for i, gradient in enumerate(start.gradients(value.total())):
        agree(gradient, numbers[f"grad{i}"], 1e-4)


def test_dcn():
    numbers = golden("aecmpaper_dcn_float32")
    weights = {"w0": numbers["mu"]} | {f"w{i + 1}": numbers[f"w{i}"] for i in range(len(LAYERS))}
    start = Start(DCN.published(n_clusters=10, **preset(DCN, "aecm_paper")), WITH_CENTROIDS, weights, numbers["x"])
    start.block.keep("labels", torch.tensor(numbers["labels"]).unsqueeze(0))
    value = start.loss()
    agree(value.terms["reconstruction"][0], numbers["terms_rec_dist"][0], 1e-4)
    agree(value.terms["distance"][0], numbers["terms_rec_dist"][1], 1e-4)
    for i, gradient in enumerate(start.gradients(value.total(), WITH_CENTROIDS[1:])):
        agree(gradient, numbers[f"grad{i}"], 1e-4)
    z = start.block.network.autoencoder.encode(start.x.unsqueeze(0))
    counts = torch.zeros(1, 10, dtype=torch.float64)
    moved, _ = running_means(start.leaves["centroids"], counts, z, start.block.state["labels"])
    agree(moved[0], numbers["mu_after_update"], 1e-4)
