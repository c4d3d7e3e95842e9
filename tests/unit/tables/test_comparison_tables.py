"""What the tables of the comparison show, and what they say where there is nothing to compare."""

import pandas as pd
import pytest

from jcae.statistics.pairs import paired
from jcae.tables.comparison import COMPARISON_TABLES, VARIANTS_TABLES, write_comparison_tables
from jcae.tables.failures import reliability_table
from jcae.tables.pairs import claim_table, comparison_table, variants_table
from jcae.tables.ranks import ranks_table
from jcae.tables.rendering import to_latex, to_markdown
from jcae.tables.selection import selection_table
from results import record, score

pytestmark = pytest.mark.slow

# Three data sets, six seeds: b is better than the reference a by 0.1 everywhere, but failed once on wine.
DATASETS, SEEDS = ("digits", "iris", "wine"), range(6)
RECORDS = pd.DataFrame(
    [
        record(
            method,
            seed,
            "failed" if (method, dataset, seed) == ("b", "wine", 0) else "ok",
            dataset=dataset,
            objective=float(seed),
        )
        for dataset in DATASETS
        for method in ("a", "b", "random")
        for seed in SEEDS
    ]
)
SCORES = pd.DataFrame(
    [
        score(method, seed, base + 0.01 * seed, dataset=dataset)
        for dataset in DATASETS
        for method, base in (("a", 0.5), ("b", 0.6), ("random", 0.1))
        for seed in SEEDS
        if (method, dataset, seed) != ("b", "wine", 0)
    ]
)


def of_pairs(table, scores, records, metric, reference):
    return table(paired(scores, records, metric, reference), records, metric, reference)


def cells(table, **keys):
    found = table.cells
    for column, value in keys.items():
        found = found[found[column.replace("_", " ")] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_comparison_shows_pairs_and_verdict():
    table = of_pairs(comparison_table, SCORES, RECORDS, "acc", "a")
    assert set(table.cells["method"]) == {"A", "B"}  # no control
    digits, wine = cells(table, data_set="digits", method="B"), cells(table, data_set="wine", method="B")
    assert digits["difference [95 %]"] == "+10.0 [+10.0, +10.0]"
    assert digits[["pairs", "p", "effect", "verdict"]].tolist() == ["6", "0.031", "+1.00", "better"]
    assert wine[["pairs", "verdict"]].tolist() == ["5 (1 unpaired)", "too few pairs"]
    assert wine["mean [95 %]"].endswith("(5/6)")
    assert cells(table, data_set="iris", method="A")["verdict"] == "reference"
    for part in ("Seeds 0-5.", "Reference: A.", "Holm", "ACC: higher is better", "Power: with these numbers of pairs"):
        assert part in table.note


def test_claim_names_the_strongest_rival_and_those_not_below():
    records = RECORDS.assign(autoencoder=RECORDS["method"].map({"a": "shared", "b": "shared"}))
    held, broken = (
        of_pairs(claim_table, SCORES, records, "acc", "b"),
        of_pairs(claim_table, SCORES, records, "acc", "a"),
    )
    assert cells(held, data_set="digits")[["strongest rival", "difference [95 %]", "claim"]].tolist() == [
        "A (52.5)",
        "+10.0 [+10.0, +10.0]",
        "holds",
    ]
    assert cells(broken, data_set="wine")[["A", "pairs", "rivals not below", "claim"]].tolist() == [
        "52.5",
        "5",
        "B",
        "does not hold",
    ]
    assert "It holds on 3 data sets." in held.note
    assert "It does not hold on 3 data sets." in broken.note


def test_claim_without_rivals_is_not_tested():
    table = of_pairs(claim_table, SCORES, RECORDS, "acc", "a")  # without an autoencoder
    assert set(table.cells["claim"]) == {"is not tested"}
    for reference, why in ((None, "names no reference"), ("absent", "'absent' is not part of")):
        nothing = of_pairs(claim_table, SCORES, RECORDS, "acc", reference)
        assert nothing.data.empty
        assert why in nothing.note


def test_too_few_seeds_are_said_to_be_too_few():
    few = SCORES[SCORES["seed"] < 4], RECORDS[RECORDS["seed"] < 4]
    assert (
        "no difference can be significant at 0.05, whatever its size"
        in of_pairs(comparison_table, *few, "acc", "a").note
    )


@pytest.mark.parametrize(("reference", "why"), [(None, "names no reference"), ("absent", "'absent' is not part of")])
def test_without_reference_the_tables_say_so(reference, why):
    table = of_pairs(comparison_table, SCORES, RECORDS, "acc", reference)
    assert set(table.cells["verdict"]) == {"no pairs"}
    assert why in table.note
    assert why in ranks_table(SCORES, RECORDS, "acc", reference).note


def test_ranks_state_tests_and_power():
    table = ranks_table(SCORES, RECORDS, "acc", "a")
    b = cells(table, method="B")
    assert b[["average rank", "difference", "won/tied/lost", "p", "ok/all"]].tolist() == [
        "1.00",
        "+10.2",  # wine: mean 0.63 of five against 0.525 of six
        "3/0/0",
        "0.250",
        "17/18",
    ]
    assert b["P(improvement)"].startswith("1.00")
    assert "over 3 data sets the smallest p of a signed-rank test is 0.25" in table.note
    assert "cannot be significant at 0.05 (it needs 6)" in table.note
    assert "±1 point" in table.note
    assert table.data["smallest_p"].tolist() == [0.25, 0.25]


def test_one_data_set_has_ranks_and_says_that_there_is_no_test():
    one = SCORES[SCORES["dataset"] == "iris"], RECORDS[RECORDS["dataset"] == "iris"]
    table = ranks_table(*one, "acc", "a")
    assert "1 data set: ranks are shown, but no test over data sets is possible" in table.note
    assert cells(table, method="B")["worse/same/better"] == "–"


def test_method_without_a_score_everywhere_is_named():
    records = pd.concat([RECORDS, pd.DataFrame([record("c", 0, "failed", dataset="iris")])])
    table = ranks_table(SCORES, records, "acc", "a")
    assert "C (no score on digits, iris, wine)" in table.note
    assert cells(table, method="C")["average rank"] == "–"


def test_selection_marks_what_needs_labels():
    table = selection_table(SCORES, RECORDS, "acc")
    row = cells(table, data_set="digits", method="B")
    # The objective grows with the seed, as does the score: it chooses the worst run.
    assert row[["lowest objective", "needs labels: best*", "best - lowest", "rank correlation"]].tolist() == [
        "60.0",
        "(65.0)",
        "5.0",
        "+1.00",
    ]
    assert "chosen with the truth" in table.note


def test_reliability_counts():
    table = reliability_table(RECORDS)
    assert cells(table, method="B")[["runs", "ok", "failed", "not ok [95 %]"]].tolist() == [
        "18",
        "17",
        "1",
        "6 % [1, 26]",
    ]


@pytest.fixture
def results(tmp_path):
    records = RECORDS.assign(use="x.Y", block="0", autoencoder=None, run="runs/x", n=1797)
    records.to_csv(tmp_path / "records.csv", index=False)
    SCORES.to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def test_writes_every_table_four_ways(results):
    written = write_comparison_tables(results, results / "tables", reference="a")
    assert {path.name for path in written} == {
        f"{name}.{suffix}" for name in COMPARISON_TABLES for suffix in ("csv", "md", "tex", "html")
    }
    assert "No published numbers were given" in (results / "tables/ledger.md").read_text()
    first = (results / "tables/ranks_acc.csv").read_text()
    write_comparison_tables(results, results / "tables", reference="a")
    assert (results / "tables/ranks_acc.csv").read_text() == first  # the resampling is seeded


def test_no_score_at_all_still_gives_tables(results):
    RECORDS.assign(status="failed", use="x.Y", block="0", autoencoder=None, run="runs/x", n=1).to_csv(
        results / "records.csv", index=False
    )
    write_comparison_tables(results, results / "tables", reference="a")
    assert "no pairs" in (results / "tables/comparison_acc.md").read_text()
    assert "– (0/6)" in (results / "tables/comparison_acc.md").read_text()


def test_only_controls_still_give_tables(results):
    RECORDS[RECORDS["control"]].assign(use="x.Y", block="0", autoencoder=None, run="runs/x", n=1).to_csv(
        results / "records.csv", index=False
    )
    write_comparison_tables(results, results / "tables", reference="a")
    assert "not part of this run" in (results / "tables/ranks_acc.md").read_text()


def test_tables_render():
    table = ranks_table(SCORES, RECORDS, "acc", "a")
    assert r"\begin{tabular}" in to_latex(table)
    assert "| B | 1.00 |" in to_markdown(table)


def test_variants_are_set_against_their_own_methods():
    """b lies above a by 0.1, random below b by 0.5; nothing else is shown, and a control never is."""
    variants = {"b": "a", "random": "b"}
    table = variants_table(paired(SCORES, RECORDS, "acc", variants), RECORDS, "acc", variants)
    assert table.name == "variants_acc"
    assert set(table.cells["variant"]) == {"B"}
    digits = cells(table, data_set="digits", variant="B")
    assert digits[["method", "variant minus method [95 %]", "pairs", "p (Holm)", "verdict"]].tolist() == [
        "A", "+10.0 [+10.0, +10.0]", "6", "0.031", "better",
    ]  # fmt: skip
    assert cells(table, data_set="wine", variant="B")["pairs"] == "5 (1 unpaired)"
    assert set(table.data["reference"]) == {"a"}


def test_every_variant_has_a_reference_of_its_own():
    scores = pd.concat([SCORES, SCORES[SCORES["method"] == "b"].assign(method="c", value=lambda d: d["value"] - 0.02)])
    records = pd.concat([RECORDS, RECORDS[RECORDS["method"] == "b"].assign(method="c", label="C")])
    found = paired(scores, records, "acc", {"b": "a", "c": "b"}).set_index(["dataset", "method"])
    assert found.loc[("digits", "b"), "difference"] == pytest.approx(0.1)
    assert found.loc[("digits", "c"), "difference"] == pytest.approx(-0.02)
    assert found.loc[("digits", "c"), "p_holm"] == pytest.approx(2 * found.loc[("digits", "c"), "p"])
    assert "a" not in found.index.get_level_values("method")
    alone = paired(scores, records, "acc", {"c": "missing"})
    assert (alone["verdict"] == "no pairs").all()
    assert paired(scores, records, "acc", {"missing": "a"}).empty


def test_tables_of_variants_are_written_where_there_are_some(results):
    written = write_comparison_tables(results, results / "tables", reference="a", variants={"b": "a"})
    assert {path.stem for path in written} == {*COMPARISON_TABLES, *VARIANTS_TABLES}
