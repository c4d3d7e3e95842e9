"""The algebra holds and fails where it should; the tests of equivalence give the verdicts that arithmetic gives."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_wine, make_blobs

import jcae.equivalence.algebra as al
import jcae.equivalence.files as files
import jcae.equivalence.fits as eq
from jcae import ClusteringModule, IsotropicMixture
from jcae.figures import style
from jcae.figures.equivalence import algebra as draw_algebra
from jcae.figures.equivalence import equivalence as draw_equivalence
from jcae.models.mixture import unit_variance
from jcae.statistics.tost import tost
from jcae.tables.equivalence import write_equivalence_tables

SHORT = eq.Training(epochs=60)


@pytest.fixture(scope="module", name="blobs")
def make_data():
    return make_blobs(240, n_features=3, centers=3, cluster_std=1.0, random_state=1)


@pytest.fixture(scope="module", name="table")
def make_table():
    return al.algebra(load_wine().data, "wine", n_clusters=3)


# --- the algebra ------------------------------------------------------------------------------------------------------


def test_every_gating_identity_holds_in_float64(table):
    gating = table[table["gating"]]
    assert gating["passed"].all(), gating[~gating["passed"]]
    assert (gating["tolerance"] <= 1e-9).all()
    assert {0.0, 1.0, 1e3, 1e4} == set(table["offset"])
    assert set(table["check"]) == {check.name for check in al.CHECKS}
    assert list(table) == list(al.ALGEBRA_COLUMNS)


def test_three_terms_cancel_far_from_the_origin_and_centring_restores_them(table):
    far = table[(table["check"] == "E1+E2+E3 = expected distortion") & (table["offset"] == 1e4)].set_index("form")
    assert far.loc["as given", "relative_error"] > 1e-10
    assert not far.loc["as given", "gating"]
    assert far.loc["centred", "relative_error"] < 1e-13
    assert far.loc["centred", "gating"]


@pytest.mark.parametrize(
    ("name", "wrong", "check"),
    [
        ("sparsity", lambda gamma, M: (gamma.sum(-2) * M.square().sum(-1)).sum(-1), "E1+E2+E3 = expected distortion"),
        ("responsibilities", lambda x, W, b: (x @ W).softmax(-1), "posterior, covariance 0.5"),
        ("dirichlet_prior", lambda gamma, alpha: (alpha * gamma.mean(-2).log()).sum(-1), "E4 = -log Dirichlet density"),
        ("log_softmin", lambda d, alpha, log_pi: (-alpha * d).log_softmax(-1), "DMAE's assignment = posterior"),
    ],
)
def test_a_wrong_formula_is_caught_and_named(monkeypatch, tmp_path, blobs, name, wrong, check):
    monkeypatch.setattr(al, name, wrong)
    al.algebra(blobs[0], "blobs", n_clusters=3, offsets=[0.0]).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(al.EquivalenceError, match=rf"(?s)identities fail.*{check.replace('+', '.')} on blobs"):
        al.verify(tmp_path / "a.csv")


def test_verify_judges_numbers_and_refuses_empty_tables(tmp_path, table):
    path = tmp_path / "algebra.csv"
    table.to_csv(path, index=False)
    al.verify(path)
    bad = table.copy()
    bad.loc[bad.index[0], "relative_error"] = np.nan  # the column `passed` still says True
    bad.to_csv(path, index=False)
    with pytest.raises(
        al.EquivalenceError, match=r"1 of \d+ identities fail\n  E1\+E2\+E3 = expected distortion on wine"
    ):
        al.verify(path)
    table[~table["gating"]].to_csv(path, index=False)
    with pytest.raises(al.EquivalenceError, match="nothing was verified"):
        al.verify(path)
    table.drop(columns="tolerance").to_csv(path, index=False)
    with pytest.raises(al.EquivalenceError, match=r"\['tolerance'\] are missing"):
        al.verify(path)


# --- scale and starts -------------------------------------------------------------------------------------------------


def test_scaled_data_have_the_variance_of_the_mixture(blobs):
    X = unit_variance(blobs[0] * 7.0 + 100.0, 3)
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-10)
    assert IsotropicMixture(3, variance=None, random_state=0).fit(X).variance_ == pytest.approx(0.5, rel=1e-6)


def test_both_methods_have_the_same_start(blobs):
    X = np.asarray(blobs[0])
    for seed in (0, 5):
        module = ClusteringModule(3, init="kmeans", epochs=1, learning_rate=1e-30, precision="float64", device="cpu")
        mixture = IsotropicMixture(3, variance=0.5, random_state=seed)
        start = module.fit_seeds(X, [seed])[0].cluster_centers_
        np.testing.assert_allclose(mixture._start(X, seed), start, rtol=1e-12)


def test_prior_counts_once_per_batch():
    assert eq.mixture_alpha(1.0, 1000, 10) == 1.0
    assert eq.mixture_alpha(3.0, 1000, 100) == 21.0
    assert eq.mixture_alpha(3.0, 50, 100) == 3.0


def test_training_length():
    assert eq.Training(batch_size=50).parameters(1000)["epochs"] == eq.UPDATES // 20
    assert eq.Training(batch_size=50).parameters(10**6)["epochs"] == eq.MIN_EPOCHS
    assert eq.Training(epochs=3).parameters(1000)["epochs"] == 3
    assert set(eq.Training().parameters(10)) <= set(ClusteringModule().get_params())


# --- measures ---------------------------------------------------------------------------------------------------------


def test_matched_distance():
    means = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert eq.matched_distance(means, means[::-1]) == 0.0
    assert eq.matched_distance(means, means + np.array([0.0, 1.0])) == pytest.approx(1.0 / 5.0)
    assert np.isnan(eq.matched_distance(means[:1], means[:1]))


def test_mean_entropy():
    assert eq.mean_entropy(np.eye(4)) == 0.0
    assert eq.mean_entropy(np.full((3, 4), 0.25)) == pytest.approx(np.log(4))


# --- two one-sided tests ----------------------------------------------------------------------------------------------


def test_tost_equals_two_t_tests_and_its_interval():
    rng = np.random.default_rng(0)
    for mean in (0.0, 0.01, 0.02, 0.05):
        d = rng.normal(mean, 0.01, size=8)
        found = tost(d, margin=0.02)
        assert found.p_lower == stats.ttest_1samp(d, -0.02, alternative="greater").pvalue
        assert found.p_upper == stats.ttest_1samp(d, 0.02, alternative="less").pvalue
        interval = stats.ttest_1samp(d, 0.0).confidence_interval(0.90)
        assert (found.low, found.high) == pytest.approx(interval)
        # The classical duality: both tests reject if and only if the interval lies within the margin.
        assert (found.verdict == "equivalent") == (found.low > -0.02 and found.high < 0.02)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.001, -0.001, 0.002, 0.0, -0.002], "equivalent"),
        ([0.101, 0.099, 0.102, 0.1, 0.098], "different"),
        ([-0.101, -0.099, -0.102, -0.1, -0.098], "different"),
        ([0.1, -0.1, 0.05, 0.0, -0.05], "undecided"),
        ([0.021, 0.0195, 0.022, 0.02, 0.019], "undecided"),
    ],
)
def test_verdicts(differences, verdict):
    assert tost(differences, margin=0.02).verdict == verdict


@pytest.mark.parametrize(
    ("value", "p", "verdict"),
    [
        (0.0, (0.0, 0.0), "equivalent"),
        (0.1, (0.0, 1.0), "different"),
        (-0.1, (1.0, 0.0), "different"),
        (0.02, (0.0, 1.0), "undecided"),
    ],
)
def test_no_spread_over_seeds_is_exact(value, p, verdict):
    found = tost([value] * 7, margin=0.02)
    assert (found.mean, found.low, found.high) == (value, value, value)
    assert (found.p_lower, found.p_upper) == p
    assert found.verdict == verdict


def test_wilcoxon_reaches_its_smallest_p():
    assert tost([0.001, -0.001, 0.002, 0.003, -0.002], margin=0.02).p_wilcoxon == pytest.approx(2**-5)
    assert tost([0.02] * 5, margin=0.02).p_wilcoxon == 1.0


def test_missing_and_single_seeds():
    assert tost([0.0, np.nan, 0.001, 0.002], margin=0.02).n_seeds == 3
    one = tost([0.001], margin=0.02)
    assert (one.n_seeds, one.mean, one.verdict) == (1, 0.001, "undecided")
    assert tost([np.nan], margin=0.02).verdict == "undecided"
    with pytest.raises(ValueError, match=r"margin=0\.0"):
        tost([0.0, 0.1], margin=0.0)
    with pytest.raises(ValueError, match=r"level=0\.5"):
        tost([0.0, 0.1], margin=0.02, level=0.5)


def test_judge_pairs_by_seed():
    rows = []
    for seed, base in enumerate([0.2, 0.5, 0.9]):  # a spread between seeds that pairing removes
        rows += [
            ("d", seed, m, "ok", "acc", base + e) for m, e in (("cm", 0.001 * seed), ("gmm", 0.0), ("kmeans", 0.3))
        ]
    found = eq.judge(pd.DataFrame(rows, columns=list(eq.SCORE_COLUMNS))).set_index("second")
    assert found.loc["gmm", "verdict"] == "equivalent"
    assert found.loc["gmm", "mean"] == pytest.approx(0.001)
    assert found.loc["kmeans", "verdict"] == "different"


# --- fitted side by side ----------------------------------------------------------------------------------------------


def test_module_starts_at_the_posterior_and_training_hardens_it(blobs):
    X = unit_variance(blobs[0], 3)
    table = eq.fixed_point(X, "blobs", [0, 1], n_clusters=3, training=SHORT)
    assert (table["start_gap"] < 1e-10).all()
    assert (table["objective_gap"] >= 0.0).all()  # EM has maximised it
    assert (table["entropy_end"] < table["entropy_start"]).all()
    assert (table["partition_ari"] > 0.9).all()
    assert table["reading"].str.contains("harder").all()


@pytest.mark.slow
def test_files_and_summary(tmp_path, blobs):
    X, y = blobs
    prepared, folder = tmp_path / "prepared", tmp_path / "equivalence"
    prepared.mkdir()
    np.savez(prepared / "features.npz", X=X.astype(np.float32))
    np.savez(prepared / "truth.npz", y=y)
    (prepared / "card.json").write_text(json.dumps({"n_clusters": 3}))
    features = prepared / "features.npz"
    files.write_algebra(features, "blobs", folder / "algebra.csv")
    al.verify(folder / "algebra.csv")
    files.write_empirics(features, prepared / "truth.npz", "blobs", [0, 1, 2], folder / "blobs", epochs=60)
    frames = files.summarise(folder)
    assert set(frames) == {"algebra", "scores", "agreement", "tests", "fixed_point", "summary"}
    assert set(frames["scores"]["score"]) == {*eq.SCORES, *eq.DIAGNOSTICS}
    assert len(frames["scores"]) == 3 * 3 * len({*eq.SCORES, *eq.DIAGNOSTICS})
    assert (frames["agreement"]["ari"] > 0.9).all()
    summary = frames["summary"].iloc[0]
    assert summary["n_seeds"] == 3
    assert summary["verdict_ari"] in ("equivalent", "undecided")
    frames["algebra"].to_csv(folder / "algebra.csv", index=False)
    frames["summary"].to_csv(folder / "summary.csv", index=False)
    written = write_equivalence_tables(folder, tmp_path / "tables")
    assert len(written) == 8
    table = (tmp_path / "tables" / "algebra.md").read_text()
    assert "| yes |" in table
    assert "NO" not in table
    verdict = summary["verdict_acc"]
    assert f"{100 * summary['acc_cm']:.1f} / {100 * summary['acc_gmm']:.1f} / " in (
        text := (tmp_path / "tables" / "equivalence.md").read_text()
    )
    assert f": {verdict} |" in text
    with style.applied():
        for draw in (draw_equivalence, draw_algebra):
            figure, data = draw(tmp_path)
            assert not data.empty
            style.save(figure, data, tmp_path / "figure")


def test_without_a_truth_its_scores_are_left_out(tmp_path, blobs):
    X, y = blobs
    for name in ("known", "unknown"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "features.npz", X=X.astype(np.float32))
    np.savez(tmp_path / "known" / "truth.npz", y=y)
    folder = tmp_path / "equivalence"
    for name, truth in (("unknown", None), ("known", tmp_path / "known" / "truth.npz")):
        features = tmp_path / name / "features.npz"
        files.write_algebra(features, name, folder / "algebra.csv", n_clusters=3)
        files.write_empirics(features, truth, name, [0, 1], folder / name, n_clusters=3, epochs=3)

    frames = files.summarise(folder)
    scores = frames["scores"].set_index("dataset")["score"]
    assert set(scores["unknown"]) == set(eq.DIAGNOSTICS)
    assert set(scores["known"]) == {*eq.SCORES, *eq.DIAGNOSTICS}
    assert set(frames["tests"]["dataset"]) == {"known"}
    assert set(frames["agreement"]["dataset"]) == set(frames["fixed_point"]["dataset"]) == {"known", "unknown"}
    summary = frames["summary"].set_index("dataset")
    assert summary["n_seeds"].tolist() == [2, 2]
    assert summary.loc["unknown", ["acc_cm", "verdict_acc"]].isna().all()
    assert summary.loc["unknown", "agreement_ari"] == pytest.approx(summary.loc["known", "agreement_ari"])
    frames["summary"].to_csv(folder / "summary.csv", index=False)
    write_equivalence_tables(folder, tmp_path / "tables")
    row, note = [line for line in (tmp_path / "tables/equivalence.md").read_text().splitlines() if "unknown" in line]
    assert row.startswith("| unknown | – | – | – | 100.0 |")
    assert "No truth, hence no scores against it: unknown." in note
    with style.applied():
        assert set(draw_equivalence(tmp_path)[1]["dataset"]) == {"known"}
        said, data = draw_equivalence(tmp_path, "unknown")
    assert data.empty
    assert "without a truth" in said


def test_truth_does_not_reach_the_fits(monkeypatch, tmp_path, blobs):
    X, y = blobs
    np.savez(tmp_path / "features.npz", X=X)
    np.savez(tmp_path / "truth.npz", y=y)
    read, order = files.read_arrays, []
    monkeypatch.setattr(files, "read_arrays", lambda path, name: (order.append(name), read(path, name))[1])
    for name in ("fit_all", "fixed_point"):
        function = getattr(files, name)
        monkeypatch.setattr(files, name, lambda *a, f=function, n=name, **k: (order.append(n), f(*a, **k))[1])
    args = tmp_path / "features.npz", tmp_path / "truth.npz", "blobs", [0], tmp_path / "out"
    files.write_empirics(*args, n_clusters=3, epochs=2)
    assert order == ["X", "fit_all", "fixed_point", "y"]


def test_diverged_fit_is_not_scored(blobs):
    X, y = blobs
    good = eq.Fit(y.astype(np.int32), X[:3], np.full(3, 1 / 3), np.eye(3)[y])
    bad = eq.Fit(good.labels, np.full((3, 3), np.nan), good.weights, good.gamma, "diverged")
    fits = {"cm": [bad], "gmm": [good]}
    table = eq.scores(X, y, "blobs", [4], fits)
    assert table.loc[table["method"] == "cm", "value"].isna().all()
    assert table.loc[table["method"] == "gmm", "value"].notna().all()
    assert eq.agreement("blobs", [4], fits)[["ari", "centroid_distance"]].isna().all(axis=None)


def test_errors_name_file_and_place(tmp_path):
    np.savez(tmp_path / "features.npz", labels=np.zeros(3))
    with pytest.raises(ValueError, match=r"features\.npz: has the arrays labels, needed: X"):
        files.write_algebra(tmp_path / "features.npz", "blobs", tmp_path / "out.csv", n_clusters=3)
    with pytest.raises(FileNotFoundError, match=r"no <dataset>/tests\.csv"):
        files.summarise(tmp_path)
    with style.applied():
        for draw in (draw_equivalence, draw_algebra):
            assert draw(tmp_path)[1].empty
