"""A method over numbers of clusters: each as if it ran alone, in files that name its number."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from jcae.jobs.counts import CountError
from jcae.jobs.runner import train_block
from jcae.jobs.sweep import sweep_block
from jcae.scores.sweep import SWEEP_RUN, collect_sweep, evaluate_sweep, has_sweep, read_sweep

SPEC = {"dataset": "wine", "method": "km", "use": "sklearn.cluster.KMeans", "params": {"n_init": 1}}


@pytest.fixture(scope="module")
def place(wine, tmp_path_factory):
    """A results folder with k-means over 2 to 4 clusters, in two blocks of seeds."""
    results = tmp_path_factory.mktemp("results")
    for block, seeds in (("0-1", [0, 1]), ("2", [2])):
        out = results / "sweeps/wine/km/2-4" / block
        sweep_block(SPEC, [2, 3, 4], wine / "features.npz", seeds, out)
    return results


def test_a_number_is_fitted_as_if_it_were_alone(place, wine, tmp_path):
    alone = {**SPEC, "params": {"n_init": 1, "n_clusters": 4}}
    train_block(alone, wine / "features.npz", [1], tmp_path / "alone")
    for file in ("labels.npz", "decoded.npz"):
        expected = np.load(tmp_path / "alone/1" / file)
        found = np.load(place / "sweeps/wine/km/2-4/0-1/4/1" / file)
        assert expected.files == found.files
        assert all(np.array_equal(expected[name], found[name]) for name in expected.files)


def test_scores_and_records_name_the_number(place, wine):
    blocks = sorted((place / "sweeps/wine/km/2-4").iterdir())
    scores, records = evaluate_sweep(blocks, wine / "truth.npz", wine / "features.npz")
    assert records[SWEEP_RUN[2:]].to_numpy().tolist() == [[k, seed] for k in (2, 3, 4) for seed in range(3)]
    assert (records["clusters_found"] == records["k"]).all()
    assert records["run"].iloc[-1] == "sweeps/wine/km/2-4/2/4/2"
    assert records["bic"].isna().all()
    assert scores.groupby("k")["seed"].nunique().to_dict() == {2: 3, 3: 3, 4: 3}
    # Seeds are compared with seeds of the same number: three labels in a row.
    from jcae.scores.metrics import ari

    labels = [np.load(place / record / "labels.npz")["labels"] for record in records.loc[records["k"] == 4, "run"]]
    pairs = [ari(labels[0], labels[1]), ari(labels[0], labels[2]), ari(labels[1], labels[2])]
    stability = scores[(scores["k"] == 4) & (scores["metric"] == "stability")]["value"]
    assert stability.mean() == pytest.approx(np.mean(pairs))


def test_what_is_collected_has_the_words_of_the_config(place, wine, tmp_path):
    scores, records = evaluate_sweep([place / "sweeps/wine/km/2-4/0-1"], None, wine / "features.npz")
    records.loc[(records["k"] == 2) & (records["seed"] == 0), "status"] = "failed"
    (tmp_path / "one").mkdir()
    scores.to_csv(tmp_path / "one/scores.csv", index=False)
    records.to_csv(tmp_path / "one/records.csv", index=False)
    scores, records = collect_sweep([tmp_path / "one"], {"wine": {"km": {"label": "k-means", "tuned_with": "luck"}}})
    assert set(records["label"]) == {"k-means"}
    assert set(records["tuned_with"]) == {"luck"}
    assert not has_sweep(tmp_path)
    scores.to_csv(tmp_path / "sweep_scores.csv", index=False)
    records.to_csv(tmp_path / "sweep_records.csv", index=False)
    assert has_sweep(tmp_path)
    read, _ = read_sweep(tmp_path)  # the scores of a run that is not ok are left out
    counts = read[read["metric"] == "silhouette_features"].groupby("k").size()
    assert counts.to_dict() == {2: 1, 3: 2, 4: 2}


def test_bic_is_that_of_the_mixture(wine, tmp_path):
    spec = {"dataset": "wine", "method": "gmm", "use": "sklearn.mixture.GaussianMixture", "params": {"reg_covar": 0.1}}
    found = sweep_block(spec, [2, 3], wine / "features.npz", [0], tmp_path / "out")
    X = np.load(wine / "features.npz")["X"]
    for k, (record,) in found.items():
        expected = GaussianMixture(k, reg_covar=0.1, random_state=0).fit(X).bic(X)
        assert record["bic"] == pytest.approx(expected, rel=1e-9)
    assert not hasattr(KMeans(), "bic")


def test_a_failure_with_one_number_leaves_the_others(wine, tmp_path):
    n = len(np.load(wine / "features.npz")["X"])
    found = sweep_block(SPEC, [2, n + 1], wine / "features.npz", [0], tmp_path / "out")
    assert [record["status"] for (record,) in found.values()] == ["ok", "failed"]
    scores, records = evaluate_sweep([tmp_path / "out"], None, wine / "features.npz")
    assert set(scores["k"]) == {2}
    assert records["status"].tolist() == ["ok", "failed"]


def test_a_class_that_takes_no_number_is_refused(wine, tmp_path):
    spec = {**SPEC, "use": "sklearn.cluster.DBSCAN", "params": {}}
    with pytest.raises(CountError, match=r"sklearn\.cluster\.DBSCAN is not told a number of clusters"):
        sweep_block(spec, [2], wine / "features.npz", [0], tmp_path / "out")
