"""Statistics against numbers by hand, from publications and in closed form, and on runs that are not all there."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jcae.statistics.improvement import improvements, probability_of_improvement, profiles
from jcae.statistics.pairs import holm, paired, signed_rank
from jcae.statistics.ranks import (
    average_ranks,
    bayesian_signed_rank,
    critical_difference,
    friedman,
    means,
    nemenyi,
    over_datasets,
    power,
)
from jcae.statistics.selection import reliability, selection
from jcae.statistics.shared import bootstrap_mean

# AUC of four variants of C4.5 on 14 data sets: table 6 of Demsar, Statistical comparisons of classifiers over multiple
# data sets, JMLR 7 (2006), which works the Friedman and Nemenyi tests on it.
DEMSAR = pd.DataFrame(
    [
        (0.763, 0.768, 0.771, 0.798),
        (0.599, 0.591, 0.590, 0.569),
        (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657),
        (0.882, 0.888, 0.886, 0.898),
        (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685),
        (0.583, 0.583, 0.563, 0.625),
        (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000),
        (0.940, 0.962, 0.965, 0.962),
        (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.9751, 0.975),  # printed as 0.975 twice, with the ranks 2 and 3
        (0.957, 0.978, 0.946, 0.970),
    ],
    columns=["c45", "m", "cf", "m_cf"],
)
# Darwin's 15 pairs of maize plants, cross- minus self-fertilised, in eighths of an inch (Fisher, The Design of
# Experiments, 1935).
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def runs(dataset, method, values, status=None, control=False, objective=None):
    """Records and scores of one method; a value None is a run without one."""
    status = status or ["ok" if value is not None else "failed" for value in values]
    objective = objective or [np.nan] * len(values)
    facts = {"dataset": dataset, "method": method, "label": method, "control": control}
    records = [
        facts | {"seed": seed, "status": s, "objective": o}
        for seed, (s, o) in enumerate(zip(status, objective, strict=True))
    ]
    scores = [
        {"dataset": dataset, "method": method, "seed": seed, "labels": "own", "metric": "acc", "value": value}
        for seed, value in enumerate(values)
        if value is not None
    ]
    return pd.DataFrame(scores, columns=["dataset", "method", "seed", "labels", "metric", "value"]), records


def table(*parts):
    return pd.concat([p[0] for p in parts], ignore_index=True), pd.DataFrame([r for p in parts for r in p[1]])


def row(data, **keys):
    found = data
    for key, value in keys.items():
        found = found[found[key] == value]
    assert len(found) == 1
    return found.iloc[0]


# --- bootstrap


def test_bootstrap_interval_of_many_is_near_the_t_interval():
    values = np.random.default_rng(1).normal(0.7, 0.05, 200)
    interval = bootstrap_mean(values)
    expected = stats.t.interval(0.95, 199, values.mean(), stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(expected, abs=5e-4)
    assert interval.how == "BCa"


def test_bootstrap_is_the_same_twice_and_moves_with_the_data():
    values = np.array([0.61, 0.72, 0.70, 0.75, 0.79])
    one, two, moved = bootstrap_mean(values), bootstrap_mean(values), bootstrap_mean(2 * values + 1)
    assert one == two
    assert (moved.low, moved.high) == pytest.approx((2 * one.low + 1, 2 * one.high + 1), abs=0.01)
    assert values.min() < one.low < values.mean() < one.high < values.max()


def test_bootstrap_says_why_there_is_no_interval():
    for values in ([], [0.5], [0.5, 0.6], [0.5, 0.6, np.nan]):
        interval = bootstrap_mean(values)
        assert np.isnan([interval.low, interval.high]).all()
        assert "no interval from" in interval.how
    assert bootstrap_mean([0.5]).how == "no interval from 1 value"
    same = bootstrap_mean([0.1 + 0.2, 0.3, 0.3])  # 0.30000000000000004: rounding, no spread
    assert (same.low, same.high, same.how) == (pytest.approx(0.3), pytest.approx(0.3), "all values equal")


# --- signed rank, Holm


def test_signed_rank_by_hand():
    # Ranks 1 2 3 for, 4 against: 6 to 4 of 10. Seven of the 16 subsets of {1, 2, 3, 4} sum to at most 4.
    test = signed_rank([0.1, 0.2, 0.3, -0.4])
    assert (test.p, test.rank_biserial) == pytest.approx((14 / 16, 0.2))
    assert (test.n_pairs, test.n_zero, test.smallest_p) == (4, 0, 0.125)


def test_signed_rank_of_darwins_maize():
    test = signed_rank(DARWIN)  # T = 24, two-sided exact p = 0.0413
    assert test.p == pytest.approx(0.04125976562, abs=1e-9)
    assert test.rank_biserial == pytest.approx((96 - 24) / 120)


def test_signed_rank_ties_zeros_and_nothing():
    tied = signed_rank([1, 1, 1, 1, 1])
    assert tied.p == tied.smallest_p == 0.0625  # exact; the normal approximation would claim 0.025
    assert tied.rank_biserial == 1
    rounding = signed_rank([0.3 - (0.1 + 0.2), 0.2, 0.3])
    assert (rounding.n_pairs, rounding.n_zero) == (3, 1)
    assert rounding.p == pytest.approx(0.5)
    equal = signed_rank([0, 0, 0])
    assert (equal.p, equal.rank_biserial, equal.n_zero) == (1, 0, 3)
    none = signed_rank([np.nan])
    assert none.n_pairs == 0
    assert np.isnan([none.p, none.smallest_p, none.rank_biserial]).all()
    assert signed_rank([0.1]).p == 1


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, then never less than the one before; the missing test is not counted.
    np.testing.assert_allclose(holm([0.03, 0.01, np.nan, 0.04, 0.02]), [0.06, 0.04, np.nan, 0.06, 0.06])
    assert np.isnan(holm([np.nan])).all()


# --- pairs


def test_pairs_with_a_missing_side_are_counted_and_left_out():
    scores, records = table(
        runs("d", "ref", [0.5, 0.5, 0.5, None, 0.5]),
        runs("d", "a", [0.6, 0.7, None, 0.9, 0.9], ["ok", "ok", "failed", "ok", "diverged"]),
    )
    result = row(paired(scores, records, "acc", "ref"), method="a")
    assert result["mean"] == pytest.approx((0.6 + 0.7 + 0.9) / 3)  # all ok runs, without the diverged one's score
    assert result["difference"] == pytest.approx(0.15)  # seeds 0 and 1
    assert (result["n_ok"], result["n_total"], result["n_pairs"], result["n_unpaired"]) == (3, 5, 2, 3)
    assert result["p"] == 0.5
    assert result["verdict"] == "too few pairs"


def test_holm_goes_over_the_methods_of_a_data_set_and_leaves_controls_out():
    up = list(np.linspace(0.6, 0.69, 10))
    scores, records = table(
        runs("d", "ref", [0.5 + 0.001 * s for s in range(10)]),
        runs("d", "a", up),
        runs("d", "b", [0.4] * 10),
        runs("d", "same", [0.5 + 0.001 * s for s in range(10)]),
        runs("d", "random", [0.1] * 10, control=True),
    )
    result = paired(scores, records, "acc", "ref").set_index("method")
    assert "random" not in result.index
    assert result.loc["a", ["p", "p_holm"]].tolist() == pytest.approx([2 / 2**10, 6 / 2**10])
    assert result["verdict"].to_dict() == {"ref": "reference", "a": "better", "b": "worse", "same": "undecided"}
    assert result.loc["same", ["p", "rank_biserial", "n_zero"]].tolist() == [1, 0, 10]
    assert result.loc["b", "interval"] == "all values equal"


def test_no_p_falls_below_what_the_pairs_allow():
    rng = np.random.default_rng(0)
    parts = [runs("d", f"m{i}", list(rng.random(5))) for i in range(6)]
    result = paired(*table(*parts), "acc", "m0")
    tested = result[result["method"] != "m0"]
    assert (tested["smallest_p_holm"] == 5 * 2.0**-4).all()
    assert (tested["p_holm"] >= tested["smallest_p_holm"] - 1e-12).all()
    assert set(tested["verdict"]) == {"too few pairs"}


@pytest.mark.parametrize("reference", [None, "absent", "dead"])
def test_without_a_reference_there_is_no_test(reference):
    scores, records = table(runs("d", "a", [0.5, 0.6, 0.7]), runs("d", "dead", [None, None, None]))
    result = row(paired(scores, records, "acc", reference), method="a")
    assert result["verdict"] == "no pairs"
    assert np.isnan(result["p"])
    assert result["low"] < 0.6 < result["high"]


def test_one_seed():
    scores, records = table(runs("d", "ref", [0.5]), runs("d", "a", [0.6]))
    result = row(paired(scores, records, "acc", "ref"), method="a")
    assert (result["p"], result["n_pairs"], result["verdict"]) == (1, 1, "too few pairs")
    assert np.isnan(result["low"])


# --- over data sets


def test_ranks_and_friedman_of_demsar():
    assert average_ranks(DEMSAR, "acc").round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    # Demsar prints 9.28, without the correction for ties that scipy makes; the ranks of 14 data sets, corrected:
    ranks = stats.rankdata(-DEMSAR.to_numpy(), axis=1)
    uncorrected = 12 * 14 / (4 * 5) * ((ranks.mean(axis=0) ** 2).sum() - 4 * 25 / 4)
    assert uncorrected == pytest.approx(9.28, abs=0.01)
    ties = sum((counts**3 - counts).sum() for counts in (np.unique(r, return_counts=True)[1] for r in ranks))
    statistic, p = friedman(DEMSAR)
    assert statistic == pytest.approx(uncorrected / (1 - ties / (14 * (4**3 - 4))))
    assert p == pytest.approx(stats.chi2.sf(statistic, 3))


def test_critical_differences_of_demsar():
    # His table 5a, two-tailed Nemenyi, level 0.05, 2 to 10 methods; the difference is q sqrt(k (k + 1) / 6 N).
    published = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    for k, q in enumerate(published, start=2):
        assert critical_difference(1, k) == pytest.approx(q * np.sqrt(k * (k + 1) / 6), rel=4e-4)
    assert critical_difference(14, 4) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(8, 8) == pytest.approx(3.71, abs=0.005)


def test_nemenyi_agrees_with_the_critical_difference():
    p_values, ranks = nemenyi(DEMSAR), average_ranks(DEMSAR, "acc")
    far = np.abs(ranks.to_numpy()[:, None] - ranks.to_numpy()) > critical_difference(14, 4)
    np.testing.assert_array_equal(p_values.to_numpy() < 0.05, far)
    assert (np.diag(p_values) == 1).all()


def test_power():
    eight = power(8, 7)
    assert (eight.smallest_p, eight.smallest_p_holm) == pytest.approx((0.0078125, 0.0546875))
    assert eight.datasets_needed == 9
    assert "cannot be significant at 0.05 (it needs 9)" in str(eight)
    assert power(9, 7).smallest_p_holm < 0.05
    assert "can be significant" in str(power(9, 7))
    assert (power(8, 6).datasets_needed, power(1, 3).smallest_p) == (8, 1)
    assert "over 1 data set the" in str(power(1, 1))


def test_few_data_sets_or_methods_are_no_error():
    assert np.isnan(friedman(DEMSAR.iloc[:1])).all()
    assert np.isnan(friedman(DEMSAR[["m", "cf"]])).all()
    assert np.isnan(nemenyi(DEMSAR.iloc[:1]).to_numpy()).all()
    assert friedman(DEMSAR.assign(m=1, cf=1, m_cf=1, c45=1)) == (0, 1)


def test_method_that_failed_everywhere_on_a_data_set_is_left_out_not_the_data_set():
    scores, records = table(
        runs("d", "a", [0.5, 0.6]),
        runs("d", "b", [0.6, None]),
        runs("e", "a", [0.5, 0.6]),
        runs("e", "b", [None, None]),
        runs("e", "c", [0.4, 0.4]),
    )
    found, left_out = means(scores, records, "acc")
    assert found.index.tolist() == ["d", "e"]
    assert found["a"].tolist() == pytest.approx([0.55, 0.55])
    assert left_out == {"b": "no score on e", "c": "no score on d"}
    result = over_datasets(scores, records, "acc", "a").set_index("method")
    assert result.loc["b", ["left_out", "n_ok", "n_total"]].tolist() == ["no score on e", 1, 4]
    assert np.isnan(result.loc["b", "average_rank"])


def test_over_data_sets_by_hand():
    values = {"d": (0.5, 0.7), "e": (0.6, 0.6), "f": (0.5, 0.2)}
    parts = [part for d, (ref, a) in values.items() for part in (runs(d, "ref", [ref] * 3), runs(d, "a", [a] * 3))]
    result = over_datasets(*table(*parts), "acc", "ref").set_index("method")
    assert result["average_rank"].to_dict() == {"ref": 1.5, "a": 1.5}  # 2 1, 1.5 1.5, 1 2
    assert result.loc["a", ["wins", "ties", "losses"]].tolist() == [1, 1, 1]
    assert result.loc["a", "difference"] == pytest.approx(-0.1 / 3)
    assert result.loc["a", "p"] == 1  # +0.2 and -0.3
    assert result.loc["a", "probability_of_improvement"] == pytest.approx(0.5)
    assert pd.isna(result.loc["ref", "wins"])


def test_one_data_set_has_ranks_but_no_tests():
    parts = [runs("d", m, [v, v + 0.01, v - 0.02]) for m, v in (("ref", 0.5), ("a", 0.6), ("b", 0.4))]
    result = over_datasets(*table(*parts), "acc", "ref").set_index("method")
    assert result["average_rank"].to_dict() == {"a": 1, "ref": 2, "b": 3}
    assert (result.loc[["a", "b"], "p"] == 1).all()
    assert result[["p_nemenyi", "p_better"]].isna().all(axis=None)
    assert result.loc["a", "probability_of_improvement"] == 1


# --- Bayes


def test_bayesian_signed_rank_in_closed_form():
    # Two data sets beside the prior's pseudo-difference 0 of weight 1/2: its share w0 is Beta(1/2, 2). Differences
    # beyond twice the region leave only the pair (0, 0) within it: "better" is the likeliest where w0^2 < 1/2 ...
    share = stats.beta(0.5, 2)
    far = bayesian_signed_rank([0.05, 0.07], rope=0.01)
    assert far == pytest.approx((0, 1 - share.cdf(np.sqrt(0.5)), share.cdf(np.sqrt(0.5))), abs=0.01)
    # ... between once and twice the region, every pair with 0 falls into it: (1 - w0)^2 > 1/2.
    near = bayesian_signed_rank([-0.015, -0.016], rope=0.01)
    assert near == pytest.approx((share.cdf(1 - np.sqrt(0.5)), 1 - share.cdf(1 - np.sqrt(0.5)), 0), abs=0.01)


def test_bayesian_signed_rank_of_small_and_of_few_differences():
    assert bayesian_signed_rank([0.001, -0.002, 0.0, 0.004]) == (0, 1, 0)
    assert np.isnan(bayesian_signed_rank([0.3])).all()
    assert bayesian_signed_rank([0.1] * 12)[2] > 0.99
    with pytest.raises(ValueError, match="above 0"):
        bayesian_signed_rank([0.1, 0.2], rope=0)


# --- probability of improvement, profiles


def test_probability_of_improvement_by_hand():
    # 1 < 2, 1 < 2.5, 3 > both; then one tie and one win: (1/2 + 3/4) / 2.
    value, interval = probability_of_improvement([([1, 3], [2, 2.5]), ([2], [2, 1])])
    assert value == pytest.approx((0.5 + 0.75) / 2)
    assert "fewer than 3" in interval.how
    value, interval = probability_of_improvement([([3, 4, 5], [0, 1, 2])])
    assert (value, interval.low, interval.high) == (1, 1, 1)
    value, interval = probability_of_improvement([([1, 1, 1], [1, 1, 1])])
    assert (value, interval.low, interval.high) == (0.5, 0.5, 0.5)
    assert np.isnan(probability_of_improvement([])[0])


def test_probability_of_improvement_interval_holds_the_value_and_is_the_same_twice():
    rng = np.random.default_rng(3)
    pairs = [(rng.normal(0.3, 1, 10), rng.normal(0, 1, 8)) for _ in range(4)]
    value, interval = probability_of_improvement(pairs)
    assert interval.low < value < interval.high
    assert interval == probability_of_improvement(pairs)[1]


def test_profiles_by_hand():
    scores, records = table(
        runs("d", "a", [0.2, 0.4, None, 0.6]), runs("e", "a", [0.5]), runs("d", "random", [0.9], control=True)
    )
    result = profiles(scores, records, "acc", [0, 0.4, 0.55, 1])
    # Of the ok runs of d more than the threshold: 3/3, 1/3, 1/3, 0; of e: 1, 1, 0, 0.
    assert result["share"].tolist() == pytest.approx([1, 2 / 3, 1 / 6, 0])
    assert set(result["method"]) == {"a"}
    assert set(result["n_datasets"]) == {2}


# --- selection, reliability


def test_selection_by_hand():
    scores, records = table(
        runs("d", "a", [0.5, 0.8, 0.9, None], objective=[3.0, 1.0, 2.0, 0.0]),
        runs("d", "free", [0.3, 0.4]),
        runs("d", "dead", [None]),
    )
    result = selection(scores, records, "acc")
    a = row(result, method="a")
    assert (a["lowest_objective_seed"], a["lowest_objective"]) == (1, 0.8)  # seed 3 has 0.0, but failed
    assert (a["best_by_labels_seed"], a["best_by_labels"]) == (2, 0.9)
    assert a["regret"] == pytest.approx(0.1)
    assert a["rank_correlation"] == pytest.approx(-0.5)  # objective 3 1 2, score 1 2 3
    assert pd.isna(row(result, method="free")["lowest_objective_seed"])
    assert row(result, method="free")["best_by_labels"] == 0.4
    assert np.isnan(row(result, method="dead")["mean"])


def test_reliability_by_hand():
    _, records = table(
        runs("d", "a", [0.5] * 6 + [None] * 4, ["ok"] * 6 + ["failed", "failed", "diverged", "collapsed"]),
        runs("d", "b", [0.5] * 4),
    )
    result = reliability(records).set_index("method")
    assert result.loc["a", ["ok", "failed", "diverged", "collapsed"]].tolist() == [6, 2, 1, 1]
    # Wilson, 4 of 10: (0.4 + z^2/20 +- z sqrt(0.024 + z^2/400)) / (1 + z^2/10), z = 1.96.
    assert result.loc["a", ["rate", "low", "high"]].tolist() == pytest.approx([0.4, 0.1682, 0.6873], abs=1e-4)
    assert result.loc["b", "low"] == 0
    assert result.loc["b", "high"] == pytest.approx(0.4899, abs=1e-4)


def test_score_without_a_better_direction_is_refused():
    scores, records = table(runs("d", "a", [3.0, 4.0]))
    with pytest.raises(ValueError, match="no better direction"):
        paired(scores.assign(metric="clusters"), records, "clusters", None)


def test_nothing_at_all_is_no_error():
    scores, records = table(runs("d", "random", [0.1], control=True))
    assert paired(scores, records, "acc", "a").empty
    assert over_datasets(scores, records, "acc", "a").empty
    assert profiles(scores, records, "acc", [0.5]).empty
    assert improvements(scores, records, "acc", "a").empty
    assert selection(scores, records, "acc").empty
