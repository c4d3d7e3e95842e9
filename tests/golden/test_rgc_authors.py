"""RGC against what its authors' own code computes in eight updates (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden
from scipy import sparse

from baselines.rgc import RGC, present, sharpened, soft_assignment
from jcae.models.quality import Replay
from jcae.training.block import Block
from jcae.training.loop import train
from jcae.training.phase import Runtime

ENCODER = {f"views.{i}": f"lin{i + 1}" for i in range(2)}
QUALITY = {"nodes": "lin1", "clusters": "lin_cluster", "actions": "lin2"}
EPOCHS = 8


@pytest.fixture(scope="module")
def numbers():
    return golden("rgc_1")


def ours(numbers, prefix, names):
    """Numbers of theirs by our names, laid out as ours."""
    weights = {f"{name}.weight": numbers[f"{prefix}.{theirs}.weight"].T for name, theirs in names.items()}
    return weights | {f"{name}.bias": numbers[f"{prefix}.{theirs}.bias"] for name, theirs in names.items()}


def agree(found, expected, tolerance):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def kmeans_of_authors(points, k):
    """From rows spread over the data; labels belong to the centres before the last update."""
    centers = points[np.round(np.linspace(0, len(points) - 1, k)).astype(int)]
    for _ in range(501):
        labels = ((points[:, None] - centers) ** 2).sum(-1).argmin(1)
        new = np.stack([points[labels == c].mean(0) for c in range(k)])
        moved = np.linalg.norm(new - centers, axis=1).sum() ** 2
        centers = new
        if moved < 1e-4:
            break
    return labels, centers


class Replayed(RGC):
    """RGC with the draws and the k-means of the authors' run."""

    def draw(self, seed, step):
        numbers = self.numbers
        if step == "start":
            return 1.0, int(numbers["K0"]) - 2
        drawn = int((numbers["greedy_mask"][:step] == 0).sum())
        return 1.0 - float(numbers["greedy_mask"][step]), int(numbers["random_actions"][drawn])

    def partition(self, points, counts, seeds, purpose):
        labels, centers = kmeans_of_authors(points[0].numpy(), counts[0])
        padded = np.zeros((1, self.max_clusters, centers.shape[1]))
        padded[0, : len(centers)] = centers
        return torch.tensor(labels[None]), torch.tensor(padded)


def start(numbers):
    """The method, and a block with one seed at the golden weights."""
    X = numbers["X"]
    settings = {"smoothing": int(numbers["t"]), "width": 12, "quality_width": 16, "epochs": EPOCHS}
    settings |= {"learning_rate": float(numbers["lr_E"]), "quality_learning_rate": float(numbers["lr_Q"])}
    settings |= {"buffer_size": int(numbers["B"]), "quality_epochs": int(numbers["Q_epochs"])}
    method = Replayed(discount=float(numbers["gamma"]), precision="float64", device="cpu", **settings)
    method.numbers = numbers
    x = method.prepared(X, method.graph_of(X, sparse.csr_array(numbers["A"])))
    network = method.build_network(x.shape[1], [0])
    weights = ours(numbers, "w.E", ENCODER)
    weights |= {f"quality.{name}": value for name, value in ours(numbers, "w.Qn", QUALITY).items()}
    network.load_state_dict({name: torch.tensor(value[None].copy()) for name, value in weights.items()})
    return method, Block(network, torch.tensor(x), [0])


@pytest.fixture(scope="module")
def run(numbers):
    """What is seen of a whole training: by update, at its loss, and of every training of the quality network."""
    method, block = start(numbers)
    seen, fills, gradients = [], [], []
    learn, loss_of_quality = Replay.learn, Replay.loss

    def watched_loss(replay):
        value = loss_of_quality(replay)
        quality = dict(replay.quality.named_parameters())
        found = torch.autograd.grad(value.sum(), list(quality.values()), retain_graph=True)
        gradients.append(dict(zip(quality, (g[0] for g in found), strict=True)))
        return value

    phases = method.training_phases(block)
    loss = phases[0].loss

    def watch(x, rows):
        found = loss(x, rows)
        names = [name for name, p in block.network.named_parameters() if p.requires_grad]
        leaves = [p for p in block.network.parameters() if p.requires_grad]
        slopes = torch.autograd.grad(found.total().sum(), leaves, retain_graph=True)
        at = {"loss": {name: value.item() for name, value in found.terms.items()}}
        at |= {"state": block.network.state(x)[0].detach(), "buffer": {k: v.clone() for k, v in block.state.items()}}
        at |= {"gradients": dict(zip(names, (g[0] for g in slopes), strict=True))}
        at |= {"weights": {k: v[0].clone() for k, v in block.network.state_dict().items()}}
        seen.append(at)
        return found

    phases[0].loss = watch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Replay, "loss", watched_loss)
        patch.setattr(Replay, "learn", lambda replay, times: fills.append(learn(replay, times)))
        train(block, phases, Runtime())
    return {"method": method, "block": block, "seen": seen, "fills": fills, "gradients": gradients}


def test_start(numbers):
    method, block = start(numbers)
    agree(block.x, numbers["X_s"], 1e-12)
    one, two = block.network.encode(block.whole())
    agree(one[0], numbers["e0.Z1"], 1e-12)
    agree(two[0], numbers["e0.Z2"], 1e-12)
    both = torch.cat([one[0], two[0]])
    agree(both @ both.mT, numbers["e0.S"], 1e-12)
    method.start(block)
    agree(block.state["labels"][0], numbers["labels0"], 0)


def test_states_choices_and_clusters(run, numbers):
    for t, at in enumerate(run["seen"]):
        buffer, place, k = at["buffer"], t % 4, int(numbers[f"e{t}.K"])
        agree(at["state"], numbers[f"e{t}.state"], 1e-9)
        agree(buffer["states"][0, place], numbers[f"e{t}.state"], 1e-9)
        agree(buffer["clusters"][0, place][buffer["filled"][0, place]], numbers[f"e{t}.cluster_state"], 1e-9)
        assert int(buffer["actions"][0, place]) == int(numbers[f"e{t}.action"])
        assert int(buffer["count"][0]) == k
        agree(buffer["labels"][0], numbers[f"e{t}.labels"], 0)
        agree(buffer["centers"][0, :k], numbers[f"e{t}.centers"], 1e-9)
        agree(buffer["reward"][0], numbers[f"e{t}.reward"], 1e-9)
        agree(buffer["rewards"][0, place], numbers[f"e{t}.reward"], 1e-9)


def test_losses_and_gradients_of_the_encoder(run, numbers):
    for t, at in enumerate(run["seen"]):
        agree(at["loss"]["contrast"], numbers[f"e{t}.loss_nce"], 1e-9)
        agree(at["loss"]["clustering"], 10 * numbers[f"e{t}.loss_kl"], 1e-9)
    for t in (0, 1, 7):
        for name, expected in ours(numbers, f"e{t}.grad.E", ENCODER).items():
            agree(run["seen"][t]["gradients"][name], expected, 1e-9)
    for t in (0, 1):
        for name, expected in ours(numbers, f"e{t}.w_after.E", ENCODER).items():
            agree(run["seen"][t + 1]["weights"][name], expected, 1e-9)


def test_soft_assignment_and_target(run, numbers):
    for t in (0, 1, 7):
        buffer, k = run["seen"][t]["buffer"], int(numbers[f"e{t}.K"])
        here = present(buffer["count"], 10)
        q = soft_assignment(run["seen"][t]["state"][None], buffer["centers"], here, "distance")
        agree(q[0, :, :k], numbers[f"e{t}.q"], 1e-9)
        agree(sharpened(q, here)[0, :, :k], numbers[f"e{t}.p"], 1e-9)
        assert not q[0, :, k:].any()
        assert not sharpened(q, here)[0, :, k:].any()
        inverse = soft_assignment(run["seen"][t]["state"][None], buffer["centers"], here, "inverse")
        agree(inverse[0, :, :k], 1 / numbers[f"e{t}.dis"] / (1 / numbers[f"e{t}.dis"]).sum(1, keepdims=True), 1e-9)


def test_quality(run, numbers):
    """Row by row before it is trained, and its mean in every update."""
    for t, at in enumerate(run["seen"]):
        place, buffer = t % 4, at["buffer"]
        _, block = start(numbers)
        block.network.load_state_dict({name: value[None] for name, value in at["weights"].items()})
        quality, filled = block.network.quality, buffer["filled"][:, place : place + 1]
        nodes, clusters = (buffer[name][:, place : place + 1] for name in ("states", "clusters"))
        agree(quality(nodes, clusters, filled)[0, 0], numbers[f"e{t}.Q_values"], 1e-9)
        if f"e{t}.Q_rows" in numbers:
            rows = [quality.rows(quality.nodes, nodes)[0, 0], quality.rows(quality.clusters, clusters)[0, 0]]
            agree(torch.cat([rows[0], rows[1][filled[0, 0]]]), numbers[f"e{t}.Q_rows"], 1e-9)


def test_training_of_the_quality_network(run, numbers):
    agree(torch.cat(run["fills"])[:, 0], numbers["loss_Q"][:, 2], 1e-9)
    for name, expected in ours(numbers, "q0.grad", QUALITY).items():
        agree(run["gradients"][0][name], expected, 1e-9)
    agree(run["seen"][3]["buffer"]["rewards"][0], numbers["q0.reward"], 1e-9)
    agree(run["seen"][3]["buffer"]["actions"][0], numbers["q0.action"], 0)


def test_weights_at_the_end(run, numbers):
    found = {name: value[0] for name, value in run["block"].network.state_dict().items()}
    for name, expected in ours(numbers, "wend.E", ENCODER).items():
        agree(found[name], expected, 1e-9)
    for name, expected in ours(numbers, "wend.Qn", QUALITY).items():
        agree(found[f"quality.{name}"], expected, 1e-9)


def test_labels_are_those_of_the_last_greedy_choice(run, numbers):
    """The network of the end, its choice, and k-means with it; the authors' run ends one update before."""
    (method, block) = run["method"], run["block"]
    choices = block.state["choices"][0].tolist()
    greedy = [int(numbers[f"e{t}.K"]) for t in range(EPOCHS) if numbers["greedy_mask"][t]]
    assert choices[-len(greedy) - 1 : -1] == greedy
    labels, _ = kmeans_of_authors(block.network.state(block.whole())[0].numpy(), choices[-1])
    agree(method.clusters(block)[0], labels, 0)
