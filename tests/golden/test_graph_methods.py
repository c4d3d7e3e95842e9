"""SDCN, AGCN and DAGC against what its authors' own code computes (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden
from scipy import sparse

from baselines.agcn import AGCN, attended
from baselines.dagc import DAGC
from baselines.sdcn import SDCN
from jcae.models.graph_clusterer import GraphClusterer
from jcae.training.block import Block
from jcae.training.loop import train
from jcae.training.phase import Runtime

LAYERS = {
    **{f"encoder.{i}": name for i, name in enumerate(["enc_1", "enc_2", "enc_3", "z_layer"])},
    **{f"decoder.{i}": name for i, name in enumerate(["dec_1", "dec_2", "dec_3", "x_bar_layer"])},
}


def shared_names():
    """Our parameters of autoencoder and centroids -> (theirs, whether it is stored out x in)."""
    names = {"centroids": ("cluster_layer", False)}
    for ours, theirs in LAYERS.items():
        names[f"autoencoder.{ours}.weight"] = (f"ae.{theirs}.weight", True)
        names[f"autoencoder.{ours}.bias"] = (f"ae.{theirs}.bias", False)
    return names


def ours(numbers, prefix, names):
    """Numbers of theirs by our names, laid out as ours."""
    return {
        name: numbers[f"{prefix}.{theirs}"].T if turned else numbers[f"{prefix}.{theirs}"]
        for name, (theirs, turned) in names.items()
    }


class Start:
    """A method at the golden weights."""

    def __init__(self, cls, numbers, names, **params):
        X = numbers["X"]
        settings = {"hidden": tuple(len(numbers[f"w.ae.enc_{i}.bias"]) for i in (1, 2, 3)), "device": "cpu"}
        settings |= {"code_dim": len(numbers["w.ae.z_layer.bias"]), "precision": "float64", "epochs": 5}
        settings |= {"learning_rate": float(numbers["lr"])}
        self.method: GraphClusterer = cls(int(numbers["K"]), **settings, **params)
        network = self.method.build_network(X.shape[1], [0])
        self.parameters = dict(network.named_parameters())
        with torch.no_grad():
            for name, value in ours(numbers, "w", names).items():
                self.parameters[name].copy_(torch.tensor(value))
        assert set(names) == set(self.parameters)
        x, graph = torch.tensor(X), self.method.graph_of(X, sparse.csr_array(numbers["A"]))
        self.block = Block(network, x, [0], self.method.nodes(x, graph, x.device))

    def train(self):
        """Five updates from here, without k-means."""
        (phase,) = self.method.training_phases(self.block)
        phase.before = None
        train(self.block, [phase], Runtime())


def agree(found, expected, tolerance):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max()))


def attention_names(graph):
    """AGCN's and DAGC's: graph layers, and attention of each layer and of all."""
    names = shared_names() | {f"graph.{i}.weight": (f"{graph}_{i}.weight", False) for i in range(4)}
    names["assign.weight"] = (f"{graph}_z.weight", False)
    layers = {f"layerwise.{i}": f"mlp{i + 1}.w{i + 1}" for i in range(3)} | {"scalewise": "mlp.wl"}
    return names | fully_connected(layers)


def fully_connected(layers):
    weights = {f"{ours}.weight": (f"{theirs}.weight", True) for ours, theirs in layers.items()}
    return weights | {f"{ours}.bias": (f"{theirs}.bias", False) for ours, theirs in layers.items()}


SDCN_NAMES = shared_names() | {f"graph.{i}.weight": (f"gnn_{i + 1}.weight", False) for i in range(5)}
DAGC_NAMES = attention_names("agnn") | fully_connected({"assignmentwise": "mlp_ZQ.w_ZQ"})
DUAL = ["clustering_weight", "graph_weight"]
CASES = {
    "sdcn": (SDCN, SDCN_NAMES, DUAL),
    "agcn": (AGCN, attention_names("agcn"), DUAL),
    "dagc": (DAGC, DAGC_NAMES, ["target_weight", "agreement_weight", "hard_weight"]),
}


@pytest.fixture(params=CASES)
def case(request):
    cls, names, weights = CASES[request.param]
    numbers = golden(f"{request.param}_1")
    return Start(cls, numbers, names, **dict(zip(weights, map(float, numbers["lambdas"]), strict=True))), numbers, names


def outputs(start):
    network, block = start.block.network, start.block
    return start.method.outputs(network, block) if hasattr(start.method, "outputs") else attended(network, block)


def test_forward(case):
    start, numbers, _ = case
    found = outputs(start)
    agree(found.reconstruction[0], numbers["X_bar"], 1e-12)
    agree(found.log_q.exp()[0], numbers["Q"], 1e-12)
    agree(found.log_z.exp()[0], numbers["Z"], 1e-12)
    agree(start.method.clusters(start.block)[0], numbers["pred"], 0)


def test_loss_and_gradients(case):
    start, numbers, names = case
    for parameter in start.parameters.values():
        parameter.requires_grad_(True)
    loss = start.method.loss(start.block.network, start.block)
    agree(loss.total()[0], numbers["loss_total"], 1e-12)
    gradients = torch.autograd.grad(loss.total().sum(), list(start.parameters.values()))
    expected = ours(numbers, "grad", names)
    for name, gradient in zip(start.parameters, gradients, strict=True):
        agree(gradient[0], expected[name], 1e-10)


def test_five_updates(case):
    start, numbers, names = case
    start.train()
    for name, value in ours(numbers, "w5", names).items():
        agree(start.parameters[name][0], value, 1e-9)
    found = outputs(start)
    agree(found.log_q.exp()[0], numbers["Q_end"], 1e-9)
    agree(found.log_z.exp()[0], numbers["Z_end"], 1e-9)
    if "F_end" in numbers:
        agree(start.method.log_assignment(start.block.network, start.block).exp()[0], numbers["F_end"], 1e-9)
    trace = [row["values"][0] for row in start.block.history]
    per_epoch = np.array(trace).reshape(5, -1)
    agree(per_epoch.sum(1), numbers["trace"][:, -1], 1e-9)
