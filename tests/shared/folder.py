"""A results folder as a run leaves it, with failures, a collapse and controls in it, and the data beside it."""

import json

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA

from jcae.jobs.records import write_record
from jcae.models.atoms import Atoms
from jcae.scores.evaluation import collect_records, collect_scores, evaluate
from jcae.scores.gallery import write_gallery
from jcae.trees.tree import Tree

SEEDS = range(5)
N_DIGITS = 600
# method: (label, use, dimensions of the code)
METHODS = {
    "aecm": ("AE-CM", "jcae.AECM", 10),
    "aecm_pre": ("AE-CM", "jcae.AECM", 10),
    "dec": ("DEC", "baselines.dec.DEC", 2),
    "ae_kmeans": ("AE + k-means", "baselines.ae_kmeans.AEKMeans", 6),
    "broken": ("Always failing", "baselines.broken.Broken", 2),
    "kmeans": ("k-means", "sklearn.cluster.KMeans", None),
    "random": ("Random labels", "baselines.controls.RandomLabels", None),
    "true": ("True labels", "baselines.controls.TrueLabels", None),
}
NOT_OK = {
    ("dec", 1): ("collapsed", "1 non-empty cluster of 10"),
    ("dec", 3): ("failed", "ValueError: 50% of X_train is bad"),
    **{("broken", seed): ("failed", "ImportError: no module named 'broken'") for seed in SEEDS},
}


def prepare(folder, bunch, image_shape):
    folder.mkdir(parents=True)
    X, y = bunch.data[:N_DIGITS], bunch.target[:N_DIGITS].astype("int64")
    X = (X / X.max(axis=0).clip(1)).astype("float32")
    np.savez(folder / "features.npz", X=X)
    np.savez(folder / "truth.npz", y=y, class_names=np.array([str(c) for c in bunch.target_names]))
    facts = {"min": float(X.min()), "max": float(X.max()), "image_shape": image_shape}
    card = {"name": folder.name, "n": len(X), "d": X.shape[1], "n_clusters": len(np.unique(y)), **facts}
    (folder / "card.json").write_text(json.dumps(card))
    return X, y


def history(rng, pretrained):
    rows, level = [], rng.lognormal(0, 0.2, 3)
    phases = [("pretrain", 10, 30), ("train", 20, 30)] if pretrained else [("train", 30, 30)]
    for phase, epochs, per_epoch in phases:
        for epoch in range(epochs):
            t = epoch + (10 if phase == "train" and pretrained else 0)
            values = {"reconstruction": 40 * level[0] / (1 + t) + 8}
            if phase == "train":
                values |= {
                    "code": 900 * level[1] * np.exp(-t / 8) + 1,
                    "sparsity": 30 * np.exp(-t / 25),
                    "orthonormality": 5 * level[2] / (1 + t) ** 2 + 0.01,
                    "prior": -60 + 30 * np.exp(-t / 20) * level[2],
                }
            values = {"loss": sum(values.values())} | values
            rows += [(phase, epoch, (epoch + 1) * per_epoch, term, value) for term, value in values.items()]
    return pd.DataFrame(rows, columns=["phase", "epoch", "step", "term", "value"])


def snapshots(rng, terms, labels):
    """Labels of every second point, less and less at random."""
    ends = terms[terms["phase"] == "train"].drop_duplicates("step")["step"].to_numpy()
    wrong = rng.random((len(ends), len(labels) // 2)) < np.linspace(0.9, 0, len(ends))[:, None]
    found = np.where(wrong, rng.integers(0, labels.max() + 1, wrong.shape), labels[: 2 * wrong.shape[1] : 2])
    rows = np.arange(0, 2 * wrong.shape[1], 2)
    return {"rows": rows, "phases": np.full(len(ends), "train"), "steps": ends, "labels": found.astype("int16")}


def dictionaries(rng, X, model):
    """Atoms of a dictionary per cluster, and a point of each taken apart."""
    W = rng.normal(size=(model.n_clusters, X.shape[1], 15)).astype("float32")
    energies, codes = rng.random((len(X), model.n_clusters)), rng.normal(size=(len(X), 15)).astype("float32")
    return Atoms.of(X, model.labels_, energies, codes, W)._asdict()


def write_run(results, X, y, dataset, method, seed, truth=True):
    label, use, p = METHODS[method]
    K, rng = len(np.unique(y)), np.random.default_rng(seed)
    status, reason = NOT_OK.get((method, seed), ("ok", None))
    if method == "broken" and not truth:
        status, reason = "skipped", "it needs labels"
    folder = results / "runs" / dataset / method / "0-4" / str(seed)
    folder.mkdir(parents=True)
    objective = None
    if status not in ("failed", "skipped"):
        model = KMeans(K, n_init=1, init="random", random_state=seed, max_iter=4)
        arrays = {"labels": {"random": rng.integers(0, K, len(y)), "true": y}.get(method)}
        if p is not None:
            pca = PCA(p, random_state=0).fit(X)
            code = pca.transform(X).astype("float32") + 0.05 * rng.normal(size=(len(X), p)).astype("float32")
            arrays = {
                "labels": model.fit(code).labels_,
                "refit_labels": KMeans(K, n_init=1, random_state=seed).fit_predict(code),
            }
            centroids = pca.inverse_transform(model.cluster_centers_)
            along = np.linspace(0, 1, 9)[:, None]
            lines = [a + along * (b - a) for a, b in zip(centroids, np.roll(centroids, -1, 0), strict=True)]
            np.savez(folder / "code.npz", code=code)
            np.savez(folder / "decoded.npz", centroids=centroids, interpolations=np.stack(lines))
            if method == "dec":
                np.savez(folder / "atoms.npz", **dictionaries(rng, X, model))
            if method.startswith("aecm") or method == "dec":
                terms = history(rng, method == "aecm_pre")
                terms = terms[terms["term"] == "loss"] if method == "dec" else terms
                terms.to_csv(folder / "history.csv", index=False)
                np.savez(folder / "snapshots.npz", **snapshots(rng, terms, arrays["labels"]))
        elif arrays["labels"] is None:
            arrays = {"labels": model.fit(X).labels_}
            halvings = [np.arange(-(-len(X) // 2**r)) // 2 for r in range(int(np.ceil(np.log2(len(X)))))]
            np.savez(folder / "tree.npz", **Tree.of_rounds(halvings, len(X))._asdict())
        if status == "collapsed":
            arrays = {name: np.zeros_like(labels) for name, labels in arrays.items()}
        if use.startswith(("jcae", "sklearn")):
            objective = {"name": "loss_", "value": float(model.inertia_)}
        np.savez(folder / "labels.npz", **{name: labels.astype("int32") for name, labels in arrays.items()})
    seconds = {None: 0.4, 2: 30.0, 6: 12.0, 10: 55.0}[p] * rng.uniform(0.8, 1.2)
    info = {"label": label, "summary": label, "reference": None, "deviations": []}
    if method in ("random", "true"):
        info["control"] = True
    record = {
        "schema": 1,
        "dataset": dataset,
        "method": method,
        "use": use,
        "label": label,
        "seed": seed,
        "block": list(SEEDS),
        "status": status,
        "reason": reason,
        "traceback": "Traceback ..." if status == "failed" else None,
        "params": {"n_clusters": K},
        "info": info,
        "tuned_with": "labels" if method.startswith("aecm") else None,
        "objective": objective,
        "clusters_found": None if status in ("failed", "skipped") else K,
        "updates": 1800 if p else None,
        "epochs": 60 if p else None,
        "data": {"n": len(X), "d": X.shape[1], "n_clusters": K, "features_sha256": "0" * 64, "truth": truth},
        "code": {"digest": "1" * 64, "git_commit": "abcdef0" * 5 + "abcde", "dirty": False},
        "versions": dict.fromkeys(("python", "jcae", "numpy", "scipy", "sklearn", "torch"), "1"),
        "device": {"type": "cpu", "name": "Example CPU", "threads": 1, "precision": "float32"},
        "seconds": seconds,
        "block_seconds": seconds * len(SEEDS),
        "peak_memory_mb": {None: 180.0, 2: 420.0, 6: 400.0, 10: 510.0}[p] + seed,
        "peak_gpu_memory_mb": None,
        "started": "2026-01-01T10:00:00+00:00",
        "finished": "2026-01-01T10:05:00+00:00",
        "pretrained": None,
        "command": "",
    }
    write_record(folder / "run.json", record)


def build(root, truth=True):
    """A results folder and a folder of prepared data: digits (images) and wine; without truth `broken` is skipped."""
    prepared, results = root / "prepared", root / "results"
    for dataset, bunch, image_shape in (("digits", load_digits(), [8, 8]), ("wine", load_wine(), None)):
        X, y = prepare(prepared / dataset, bunch, image_shape)
        answers = prepared / dataset / "truth.npz"
        for method in METHODS if truth else [name for name in METHODS if name != "true"]:
            for seed in SEEDS:
                write_run(results, X, y, dataset, method, seed, truth)
            runs = [results / "runs" / dataset / method]
            scores = evaluate(runs, answers if truth else None, prepared / dataset / "features.npz")
            (results / "scores" / dataset).mkdir(parents=True, exist_ok=True)
            scores.to_csv(results / "scores" / dataset / f"{method}.csv", index=False)
        if not truth:
            answers.unlink()
    collect_scores(results).to_csv(results / "scores.csv", index=False)
    collect_records(results).to_csv(results / "records.csv", index=False)
    for dataset in ("digits", "wine"):
        write_gallery(results, dataset, prepared / dataset, results / "gallery" / dataset)
    return results, prepared
