"""ClustPy against this project: seconds for the same updates, scores at the same work, and why they can differ.

    python -m benchmarks.against_clustpy [--device cuda] [--quick] [--only speed|quality|start] [--seeds 5]

Data, network, epochs, batch size, optimiser and learning rates are the same on both sides; what else had to be set, and
what cannot be, is in benchmarks/README.md.
"""

import copy
import statistics
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any
from unittest import mock

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

from baselines.vade import VaDE
from benchmarks import harness, shapes
from benchmarks.clustpy_sides import (
    BATCH_TARGET,
    CODE,
    HIDDEN,
    N_INIT,
    OURS,
    Task,
    Weights,
    Work,
    cluster_theirs,
    counting,
    initial_weights,
    our_autoencoder,
    our_method,
    pretrain_theirs,
    settings,
    their_network,
    their_variational_network,
)
from jcae.models.clusterer import DeepClusterer
from jcae.scores.metrics import accuracy, ari, nmi
from jcae.training import phase_run
from jcae.training.phase import Runtime

# ---------------------------------------------------------------------------------------------------- speed


Train = Callable[[int], Any]


def train_copy(network: nn.Module, task: Task, params: Mapping[str, Any], epochs: int) -> nn.Module:
    """Train a copy of ClustPy's network."""
    return pretrain_theirs(copy.deepcopy(network), task, params, epochs)


def speed_cases(task: Task, device: str, n_seeds: int) -> dict[tuple[str, str], tuple[Train, Train]]:
    """By method and variant: train for so many epochs, ClustPy (one seed) and ours (`n_seeds` together)."""
    setting, seeds, d = settings(task)[1], list(range(n_seeds)), task.x.shape[1]
    recipe = our_autoencoder(task, setting, device, epochs=2)
    runtime = Runtime(capture=device != "cpu")
    untrained = their_network([d, *HIDDEN, CODE], 0, device, setting.slope, initial_weights(recipe, d, 0))
    weights = recipe.fit_seeds(task.x, [0])[0].weights_
    pretrained = their_network([d, *HIDDEN, CODE], 0, device, setting.slope, weights)
    pretrained.fitted = True

    def pretrain(epochs: int) -> Any:
        return our_autoencoder(task, setting, device, epochs).fit_seeds(task.x, seeds, runtime=runtime)

    def cluster(name: str, kind: type[DeepClusterer], own: Mapping[str, Any], epochs: int) -> Any:
        method = our_method(kind, task, device, {"negative_slope": setting.slope, **setting.ours[name], **own})
        method.set_params(epochs=epochs)
        return method.fit_seeds(task.x, seeds, pretrained=[weights] * n_seeds, runtime=runtime)

    cases = {("AE", "ours"): (partial(train_copy, untrained, task, setting.network), pretrain)}
    for name in OURS:
        theirs = partial(cluster_theirs, name, pretrained, task, 0, device, setting.theirs[name])
        for side, kind, own in variants(name, task):
            cases[name, side] = (theirs, partial(cluster, name, kind, own))
    variational = their_variational_network([d, *HIDDEN, CODE], 0, device, setting.slope, weights)
    theirs = partial(cluster_theirs, "VaDE", variational, task, 0, device, setting.theirs["VaDE"])
    cases["VaDE", "ours"] = (theirs, partial(cluster, "VaDE", VaDE, {}))  # both start from ten runs of EM
    return cases


def work(task: Task, theirs: Callable[[int], Any], ours: Callable[[int], Any], epochs: int) -> tuple[Work, Work]:
    """What both did in so many epochs; an error unless the updates are as many."""
    with counting() as found:
        theirs(epochs)
    one = Work(**found)
    with counting() as found:
        fits = ours(epochs)
    other = Work(fits[0].n_updates_, found["encoded"])
    if not one.updates == other.updates == epochs * task.epoch_steps:
        raise AssertionError(
            f"{one.updates} updates against {other.updates}; {epochs * task.epoch_steps} were asked for"
        )
    return one, other


# Labels of at most 50 epochs, which ClustPy does not keep: little of a training, but much of one of four epochs.
@mock.patch.object(phase_run, "SNAPSHOTS", 1)
def speed(args: Namespace) -> list[dict[str, Any]]:
    """ClustPy's seconds over ours: of an update (long minus short training), and of the whole call."""
    digits = load_digits().data.astype(np.float32) / 16
    random = shapes.data(shapes.Shape("", 784, CODE, 10, 256), 4 if args.device == "cpu" else 40, "cpu").numpy()
    tasks = [Task("digits", digits, None, 10, 256, 0, 0), Task("mnist shape, random", random, None, 10, 256, 0, 0)]
    short, long = (1, 2 if args.quick else 4) if args.device == "cpu" else (10, 30)
    blocks = ((1, 1), (2, 1)) if args.quick else ((1, 5), (10, 2 if args.device == "cpu" else 5))
    rows = []
    for task in tasks:
        did: dict[tuple[str, str], tuple[Work, Work]] = {}
        for n_seeds, repeats in blocks:
            cases = speed_cases(task, args.device, n_seeds)
            for (name, side), (theirs, ours) in cases.items():
                if n_seeds == 1:
                    did[name, side] = work(task, theirs, ours, short)
                elif (name, "ours, batch target") in cases and side == "ours":
                    continue  # the passes for the target are the same for any number of seeds: once is enough
                runs = {
                    f"{who} {epochs}": partial(train, epochs)
                    for epochs in (short, long)
                    for who, train in (("theirs", theirs), ("ours", ours))
                }
                seconds = harness.interleave(runs, args.device, repeats)
                updates = (long - short) * task.epoch_steps
                step = {
                    who: [
                        (b - a) / updates
                        for a, b in zip(seconds[f"{who} {short}"], seconds[f"{who} {long}"], strict=True)
                    ]
                    for who in ("theirs", "ours")
                }
                mine = [value / n_seeds for value in step["ours"]]
                rest = len(task.x) * short
                one, other = did[name, side]
                rows.append(
                    {
                        "data": task.name,
                        "method": name,
                        "against": side,
                        "our seeds": n_seeds,
                        "updates ClustPy": one.updates,
                        "updates ours": other.updates,
                        "other passes ClustPy": (one.encoded - rest) / len(task.x),
                        "other passes ours": (other.encoded - rest) / len(task.x),
                        "ms/update ClustPy": 1e3 * statistics.median(step["theirs"]),
                        "ms/update ours": 1e3 * statistics.median(mine),
                        "ClustPy/ours": harness.median_ratio(step["theirs"], mine),
                        f"{long} epochs ClustPy": statistics.median(seconds[f"theirs {long}"]),
                        f"{long} epochs ours": statistics.median(seconds[f"ours {long}"]) / n_seeds,
                        "whole call ClustPy/ours": n_seeds
                        * harness.median_ratio(seconds[f"theirs {long}"], seconds[f"ours {long}"]),
                    }
                )
                print(f"{task.name}, {name} ({side}), {n_seeds} seeds: {rows[-1]['ClustPy/ours']:.2f}", flush=True)
    return rows


# ---------------------------------------------------------------------------------------------------- quality


def real_sets(quick: bool) -> list[Task]:
    """Digits in [0, 1] and standardised wine."""
    digits, wine = load_digits(), load_wine()
    epochs = [(1, 1), (1, 1)] if quick else [(30, 15), (50, 30)]
    return [
        Task("digits", (digits.data / 16).astype(np.float32), digits.target, 10, 256, *epochs[0]),
        Task("wine", StandardScaler().fit_transform(wine.data).astype(np.float32), wine.target, 3, 32, *epochs[1]),
    ]


def encode(network: nn.Module, x: np.ndarray, device: str) -> np.ndarray:
    """Code of a ClustPy network."""
    with torch.no_grad():
        return network.encode(torch.tensor(x, device=device)).cpu().numpy()


def kmeans_labels(code: np.ndarray, k: int, seed: int) -> np.ndarray:
    """The same k-means for both sides, for the rows that judge the autoencoder alone."""
    return KMeans(k, n_init=N_INIT, random_state=seed).fit(code).labels_


def scored(task: Task, labels: Sequence[np.ndarray], refit: Sequence[np.ndarray]) -> dict[str, Any]:
    """Mean and standard deviation over the seeds, of the method's own labels, and NMI of k-means on its code."""
    row: dict[str, Any] = {"seeds": len(labels)}
    for name, score in (("ACC", accuracy), ("NMI", nmi), ("ARI", ari)):
        values = [score(task.y, found) for found in labels]
        row |= {name: statistics.mean(values), f"{name} sd": statistics.stdev(values)}
    row["NMI refit"] = statistics.mean(nmi(task.y, found) for found in refit)
    row["clusters"] = statistics.mean(len(np.unique(found)) for found in labels)
    return row


def their_labels(fitted: Any) -> np.ndarray:
    """The method's own labels: ``labels_`` are those of a k-means on the code."""
    return fitted.dcn_labels_ if hasattr(fitted, "dcn_labels_") else fitted.dec_labels_


def variants(name: str, task: Task) -> list[tuple[str, type[DeepClusterer], dict[str, Any]]]:
    """Our method, and for DEC and IDEC at equal settings the one with ClustPy's target."""
    if name == "DCN":
        return [("ours", OURS[name], {})]
    return [
        ("ours, batch target", BATCH_TARGET[name], {"update_interval": 10**6}),
        ("ours", OURS[name], {"update_interval": task.epoch_steps}),
    ]


def quality(args: Namespace) -> list[dict[str, Any]]:
    """Scores of both sides in every setting, the autoencoder trained once per side, setting and seed."""
    rows, seeds = [], list(range(args.seeds))
    for task in real_sets(args.quick):
        d = task.x.shape[1]
        for setting in settings(task):
            where = {"data": task.name, "settings": setting.name}
            recipe = our_autoencoder(task, setting, args.device)
            fits = recipe.fit_seeds(task.x, seeds)
            weights = [fit.weights_ for fit in fits]
            shared = setting.initialiser is not None
            networks = [
                pretrain_theirs(
                    their_network(
                        [d, *HIDDEN, CODE],
                        seed,
                        args.device,
                        setting.slope if shared else 0.01,
                        initial_weights(recipe, d, seed) if shared else None,
                    ),
                    task,
                    setting.network,
                )
                for seed in seeds
            ]
            codes = {
                "ClustPy": [encode(network, task.x, args.device) for network in networks],
                "ours": [fit.transform(task.x) for fit in fits],
            }
            for side, found in codes.items():
                labels = [kmeans_labels(code, task.k, seed) for code, seed in zip(found, seeds, strict=True)]
                spread = statistics.mean(float(code.var(0).sum()) for code in found)
                rows.append({**where, "method": "AE, k-means", "by": side, **scored(task, labels, labels)})
                rows[-1]["variance of code"] = spread
            for name in OURS:
                found = [
                    cluster_theirs(name, network, task, seed, args.device, setting.theirs[name])
                    for network, seed in zip(networks, seeds, strict=True)
                ]
                score = scored(task, [their_labels(fit) for fit in found], [fit.labels_ for fit in found])
                rows.append({**where, "method": name, "by": "ClustPy", **score})
                for side, kind, own in variants(name, task) if shared else [("ours", OURS[name], {})]:
                    params = {"negative_slope": setting.slope, **setting.ours[name], **own}
                    found = our_method(kind, task, args.device, params).fit_seeds(task.x, seeds, pretrained=weights)
                    score = scored(task, [fit.labels_ for fit in found], [fit.refit_labels_ for fit in found])
                    rows.append({**where, "method": name, "by": side, **score})
            print(f"{task.name}, {setting.name}: done", flush=True)
    return rows


# ---------------------------------------------------------------------------------------------------- why


def rescaled(weights: Weights, factor: float) -> Weights:
    """The same autoencoder with its code times `factor`: what leaves the encoder is undone where it enters the decoder.

    The code is linear, so the reconstruction does not change.
    """
    last = max(int(name.split(".")[1]) for name in weights if name.startswith("encoder."))
    factors = {f"encoder.{last}.weight": factor, f"encoder.{last}.bias": factor, "decoder.0.weight": 1 / factor}
    return {name: value * np.float32(factors.get(name, 1.0)) for name, value in weights.items()}


def start(args: Namespace) -> list[dict[str, Any]]:
    """DEC of both sides from the very same pretrained weights, on digits: what the start alone decides."""
    rows, seeds, task = [], list(range(args.seeds)), real_sets(args.quick)[0]
    setting, d = settings(task)[1], task.x.shape[1]
    trained = {
        initialiser: our_autoencoder(task, setting._replace(initialiser=initialiser), args.device).fit_seeds(
            task.x, seeds
        )
        for initialiser in ("fan_in", "glorot")
    }
    spread = {name: [float(fit.transform(task.x).var(0).sum()) for fit in fits] for name, fits in trained.items()}
    up = [(b / a) ** 0.5 for a, b in zip(spread["fan_in"], spread["glorot"], strict=True)]
    small, large = ([fit.weights_ for fit in trained[name]] for name in ("fan_in", "glorot"))
    starts = {
        "fan_in": small,
        "fan_in, code as wide as glorot's": [rescaled(w, f) for w, f in zip(small, up, strict=True)],
        "glorot": large,
        "glorot, code as wide as fan_in's": [rescaled(w, 1 / f) for w, f in zip(large, up, strict=True)],
    }
    for name, weights in starts.items():
        networks = [
            their_network([d, *HIDDEN, CODE], seed, args.device, setting.slope, w)
            for seed, w in zip(seeds, weights, strict=True)
        ]
        for network in networks:
            network.fitted = True
        codes = [encode(network, task.x, args.device) for network in networks]
        labels = [kmeans_labels(code, task.k, seed) for code, seed in zip(codes, seeds, strict=True)]
        shared = {"start": name, "variance of code": statistics.mean(float(code.var(0).sum()) for code in codes)}
        rows.append({**shared, "method": "AE, k-means", "by": "both", **scored(task, labels, labels)})
        found = [
            cluster_theirs("DEC", network, task, seed, args.device, setting.theirs["DEC"])
            for network, seed in zip(networks, seeds, strict=True)
        ]
        score = scored(task, [their_labels(fit) for fit in found], [fit.labels_ for fit in found])
        rows.append({**shared, "method": "DEC", "by": "ClustPy", **score})
        for side, kind, own in variants("DEC", task):
            params = {"negative_slope": setting.slope, **setting.ours["DEC"], **own}
            found = our_method(kind, task, args.device, params).fit_seeds(task.x, seeds, pretrained=weights)
            score = scored(task, [fit.labels_ for fit in found], [fit.refit_labels_ for fit in found])
            rows.append({**shared, "method": "DEC", "by": side, **score})
    return rows


def main() -> None:
    """Run what was asked for."""
    args = harness.arguments(__doc__, only="all", seeds=5)
    if args.quick:
        args.seeds = 2
    print(f"ClustPy {version('clustpy')}")
    for part in (speed, quality, start):
        if args.only in ("all", part.__name__):
            rows = [{**row, "clustpy": version("clustpy")} for row in part(args)]
            harness.report(f"against_clustpy_{part.__name__}", rows, args)


if __name__ == "__main__":
    main()
