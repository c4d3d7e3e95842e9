"""The jobs of a grid and what they leave, on a plan of two methods and their autoencoder."""

import pytest

from benchmarks.cost import Rates
from benchmarks.scale import SEEDS, START, Entry, cluster_rows, entries, grid_rows, jobs_of, megabytes
from benchmarks.work import NOTHING, Work
from jcae.jobs.plan import make_plan

RATES = Rates(tensor=1.0, float32=2.0, bf16=1.0, numbers=0.0)
FOUND = [
    Entry("wine", "shared", None, Work(1.0, 100.0, 200.0, 0.0), 0.0, 12.0),
    Entry("wine", "dec", "shared", Work(2.0, 300.0, 400.0, 0.0), 0.0, 12.0),
    Entry("wine", "kmeans", None, NOTHING, 5.0, 0.5),
]


def test_a_training_waits_for_the_autoencoder_of_its_own_seeds():
    jobs = jobs_of(FOUND, RATES, "float32", 5)
    assert len(jobs) == 3 * SEEDS // 5
    assert jobs["wine", "dec", 3].after == ("wine", "shared", 3)
    assert jobs["wine", "dec", 3].seconds == START + 400 + 5 * 600
    assert jobs["wine", "kmeans", 0] == (START + 25, None)


def test_core_hours_add_up():
    rows = {row["what"]: row for row in grid_rows("one", FOUND, RATES) if row["precision"] == "bf16"}
    assert rows["all"]["core h"] == pytest.approx(SEEDS * (3 * START + 300 + 700 + 5) / 3600)
    assert rows["all"]["core h"] == pytest.approx(rows["data set wine"]["core h"])
    assert rows["method dec"]["10^6 updates per seed"] == pytest.approx(2e-6)
    assert rows["all"]["GB"] == pytest.approx(SEEDS * 24.5e-3)


def test_no_number_of_cores_is_faster_than_the_longest_chain():
    rows = list(cluster_rows("one", FOUND, RATES, "float32"))
    chains = {row["seeds per job"]: row["wall h"] for row in rows if row.get("what", "").endswith("pretraining")}
    walls = [row for row in rows if row["table"] == "cluster"]
    assert all(row["longest first"] >= chains[row["seeds per job"]] - 1e-12 for row in walls)
    assert min(row["wall h"] for row in walls if row["seeds per job"] == 1) == pytest.approx(chains[1])
    assert all(row["busy"] <= 1 + 1e-12 for row in walls)


def test_a_run_leaves_its_weights_code_and_labels():
    network = {"hidden": [500, 500, 2000], "code_dim": 10}
    weights = 2 * (256 * 500 + 500 * 500 + 500 * 2000 + 2000 * 10)
    assert megabytes(network, 9298, 256) == pytest.approx(4e-6 * (weights + 9298 * 11))
    assert megabytes({"n_init": 20}, 1000, 256) == pytest.approx(0.004)


def test_entries_are_the_plan_of_the_config():
    methods = {
        "dec": {"use": "baselines.dec.DEC", "autoencoder": "shared", "params": {"max_iter": 7}},
        "kmeans": {"use": "sklearn.cluster.KMeans"},
    }
    network = {"hidden": [8], "code_dim": 2, "batch_size": 89}
    config = {
        "run": "one",
        "seeds": [0],
        "datasets": {"wine": {"params": network}},
        "autoencoders": {"shared": {"params": {"epochs": 3}}},
        "methods": methods,
        "equivalence": {"datasets": []},
        "comparison": {"reference": None},
    }
    found = list(entries(make_plan(config), {"sklearn.cluster.KMeans": 1e-3}))
    assert [(entry.method, entry.after, entry.work.updates) for entry in found] == [
        ("shared", None, 6),
        ("dec", "shared", 7),
        ("kmeans", None, 0),
    ]
    assert found[2].shallow == pytest.approx(178 * 13 * 3 * 1e-3)
    config["methods"]["spectral"] = {"use": "sklearn.cluster.Birch"}
    with pytest.raises(ValueError, match=r"sklearn.cluster.Birch: its seconds are unknown; known are"):
        list(entries(make_plan(config), {"sklearn.cluster.KMeans": 1e-3}))
