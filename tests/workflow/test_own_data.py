"""docs/own-data*.md as written: files, commands and configs of the pages, with trainings cut down to seconds."""

import csv
import json
import os
import re
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from project import ROOT, planned
from typer.testing import CliRunner

from jcae.cli import app
from jcae.data.own.source import format_of
from jcae.scores.metrics import METRICS
from jcae.tables.comparison import COMPARISON_TABLES
from jcae.tables.run import RUN_TABLES

pytestmark = pytest.mark.slow

PAGE = "\n".join((ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("own-data", "own-data-options"))

# Over the configs of the page: every kind of data, few methods, a few updates.
SHORT = """
seeds: [0, 1]
seeds_per_job: 2
methods:
  kmeans: {params: {n_init: 1}}
  aecm_pretrained: {params: {module_epochs: 1}}
ledger: {length: shorter}
"""
ALONE = """
autoencoders: {shared: {datasets: {embeddings: &two {epochs: 2}}}}
methods: {aecm_pretrained: {datasets: {embeddings: *two}}}
only: {methods: [kmeans, aecm_pretrained, true_labels]}
equivalence: {epochs: 2}
"""
MIXED = """
run: mixed
only:
  datasets: [flowers, scans, embeddings, held_out, moved, near, friends]
  methods: [kmeans, ae_kmeans, aecm_pretrained, agglomerative, spectral, shuffled_graph]
datasets: {held_out: {params: &tiny {hidden: [8], code_dim: 3, batch_size: 64}}, friends: {params: *tiny}}
autoencoders: {shared: {params: &two {epochs: 2}, datasets: {flowers: *two, scans: *two}}}
methods:
  kmeans: {only: [flowers, embeddings, held_out, moved]}
  ae_kmeans: {only: [held_out, friends]}
  aecm_pretrained: {only: [flowers, scans], datasets: {flowers: *two, scans: *two}}
  agglomerative: {use: sklearn.cluster.AgglomerativeClustering, only: [held_out]}
  spectral: {only: [near, friends]}
  shuffled_graph: {only: [near]}
comparison: {reference: kmeans}
equivalence: {datasets: []}
"""


class Example(NamedTuple):
    """A worked example of the page: what makes the file, the command that looks at it, and the config as it is run."""

    python: str
    file: str
    config: str
    text: str
    bench: str


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def read_examples():
    for section in PAGE.split("\n## "):
        if python := blocks(section, "python"):
            add, bench = blocks(section, "bash")
            file, config = re.fullmatch(r"jcae data add (\S+) > (\S+)\n", add).groups()
            yield Example(*python, file, config, *blocks(section, "yaml"), bench)


EXAMPLES = list(read_examples())
OTHERS = blocks(PAGE, "yaml")[len(EXAMPLES) :]
MIXED_TARGETS = [
    "tables",
    *(f"results/mixed/figures/{name}" for name in ("all_data_sets", "flowers", "scans")),
]
MIXED_CONFIGS = [*(example.config for example in EXAMPLES), "splits.yaml", "graphs.yaml", "short.yaml", "mixed.yaml"]


@pytest.fixture(scope="module")
def project(make_project):
    """A project with the files and the configs of the page."""
    project = make_project()
    with chdir(project.folder):
        for example in EXAMPLES:
            exec(compile(example.python, example.file, "exec"), {})
    for example in EXAMPLES:
        project.write(example.config, example.text)
    head, *flowers = (project.folder / "flowers.csv").read_text().splitlines()
    for name, rows in (("here.csv", flowers[::2]), ("there.csv", flowers[1::2])):
        project.write(name, "".join(line.partition(",")[2] + "\n" for line in [head, *rows]))
    project.write("rows.txt", "".join(f"{row}\n" for row in range(0, 150, 2)))
    project.write(
        "edges.csv", "from,to\n" + "".join(f"{i},{(i + step) % 150}\n" for i in range(150) for step in (1, 2))
    )
    project.write("points.csv", "a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(300)))
    for name, text in zip(("splits", "graphs", "network"), OTHERS, strict=True):
        project.write(f"{name}.yaml", text)
    for name, text in (("short", SHORT), ("alone", ALONE), ("mixed", MIXED)):
        project.write(f"{name}.yaml", text)
    return project


def run(project, *configs, target=("all",)):
    result = project.snakemake("--workflow-profile", "default", *target, "--configfile", *configs)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope="module")
def alone(project):
    """Folder of the run on the embeddings, which have no classes."""
    run(project, "embeddings.yaml", "short.yaml", "alone.yaml")
    return project.folder / "results/embeddings"


@pytest.fixture(scope="module")
def mixed(project):
    """Folder of a run on everything of the page together; figures of data sets are drawn of the worked examples."""
    run(project, *MIXED_CONFIGS, target=MIXED_TARGETS)
    return project.folder / "results/mixed"


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(folder, name):
    return (folder / f"tables/{name}.md").read_text(encoding="utf-8")


# --- what the page says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file)
def test_data_add_prints_the_config_of_the_page(example, project, monkeypatch):
    monkeypatch.chdir(project.folder)
    added = CliRunner().invoke(app, ["data", "add", example.file])
    assert added.exit_code == 0, added.output
    lines = list(zip(added.stdout.splitlines(), example.text.splitlines(), strict=True))
    # The number of clusters is what the page tells its reader to change.
    assert [printed for printed, shown in lines if printed != shown and "n_clusters" not in printed] == []
    assert example.bench == f"make bench CONFIG={example.config}\n"
    project.write("printed.yaml", added.stdout)
    checked = CliRunner().invoke(app, ["check-config", "config.yaml", "printed.yaml"])
    assert checked.exit_code == 0, checked.output
    name = Path(example.file).stem
    assert f"run {name}: " in checked.stdout
    assert "of 1 data sets" in checked.stdout


def test_the_network_of_the_page_fits_and_a_narrower_code_is_refused(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    assert CliRunner().invoke(app, ["check-config", "config.yaml", "network.yaml"]).exit_code == 0
    project.write("narrow.yaml", OTHERS[-1].replace("code_dim: 30", "code_dim: 5"))
    narrow = CliRunner().invoke(app, ["check-config", "config.yaml", "narrow.yaml"])
    assert "code_dim=5 is below n_clusters=12" in narrow.output
    assert narrow.exit_code != 0


def test_every_option_and_format_of_the_page_is_there():
    entry = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    options = entry["properties"]["datasets"]["additionalProperties"]["properties"]
    listed = PAGE.partition("| option of ")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == set(options)
    listed = PAGE.partition("| file | features |")[2].partition("\n\n")[0]
    for ending in (".csv", ".tsv", ".csv.gz", ".parquet", ".npy", ".npz", ".h5ad", ".idx"):
        assert format_of(Path(f"points{ending}")) is not None
        assert all(f"`.{part}`" in listed for part in ending.split(".")[1:]), ending


# --- data without classes ---------------------------------------------------------------------------------------------


def test_without_classes_everything_is_written(alone):
    assert_complete(alone, ["embeddings"])


def test_without_classes_nothing_is_scored_against_any(alone):
    metrics = {row["metric"] for row in rows(alone / "scores.csv")}
    assert {"silhouette_features", "stability", "clusters"} <= metrics
    assert not metrics & {name for name, metric in METRICS.items() if metric.needs == "truth"}
    for name in ("scores_acc", "scores_nmi_refit", "mean_best_ari", "comparison_acc", "claim_nmi", "ranks_acc"):
        assert "No data set of this run has a truth (embeddings)" in table(alone, name), name
        assert rows(alone / f"tables/{name}.csv") == []
    assert "ACC" not in re.sub(r"^[^|].*$", "", table(alone, "scores_full"), flags=re.MULTILINE)
    found = rows(alone / "tables/scores_without_labels.csv")
    assert {row["method"] for row in found if row["mean"]} == {"kmeans", "aecm_pretrained"}
    assert "TrueLabels shows the true classes, and nobody knows those of these data" in table(alone, "failures")
    assert len(np.load(next(alone.glob("runs/embeddings/kmeans/*/0/labels.npz")))["labels"]) == 400


def test_without_classes_the_report_is_made(project, alone):
    configs = ("--configfile", "embeddings.yaml", "short.yaml", "alone.yaml")
    made = project.run("snakemake", *configs, "--report", "results/embeddings/report.html")
    assert made.returncode == 0, made.stdout
    report = (alone / "report.html").read_text(encoding="utf-8")
    assert "scores_without_labels" in report
    assert "examples" in report


# --- with and without, split, transferred, with graphs ----------------------------------------------------------------


def test_mixed_everything_is_written(mixed):
    assert_complete(mixed, ["flowers", "scans"])
    assert (mixed / "figures/scans/centroids.svg").stat().st_size
    assert (mixed / "figures/all_data_sets/scores_acc.svg").stat().st_size
    # Transfers and graphs leave no method that ran on all data sets.
    missing = (mixed / "figures/all_data_sets/not_made.txt").read_text(encoding="utf-8")
    assert "critical_difference is not made: average ranks need two data sets and two methods" in missing


def test_mixed_all_but_the_method_without_predict_end_well(mixed):
    ends = {row["method"]: row["status"] for row in rows(mixed / "records.csv") if row["status"] != "ok"}
    assert ends == {"agglomerative": "skipped"}


def test_mixed_scores_leave_out_what_has_no_classes_and_say_so(mixed):
    found = {row["dataset"] for row in rows(mixed / "tables/scores_acc.csv")}
    assert found == {"flowers", "scans", "held_out", "moved", "near", "friends"}
    assert "Without a truth, and so not in this table: embeddings" in table(mixed, "scores_acc")
    assert "embeddings" in {row["dataset"] for row in rows(mixed / "tables/scores_without_labels.csv")}


def test_mixed_rows_that_are_scored_are_others(mixed):
    sizes = {"held_out": 30, "moved": 75, "flowers": 150}
    for dataset, n in sizes.items():
        file = next(mixed.glob(f"runs/{dataset}/kmeans/*/0/labels.npz"))
        assert len(np.load(file)["labels"]) == n
    note = table(mixed, "scores_acc")
    assert "held_out: fitted on 120 points, scored on 30 others" in note
    assert "moved: fitted on 75 points, scored on 75 others (fitted on here, scored on there)" in note


def test_mixed_a_method_that_cannot_predict_is_skipped_with_its_reason(mixed):
    status = {
        (row["dataset"], row["status"]) for row in rows(mixed / "records.csv") if row["method"] == "agglomerative"
    }
    assert status == {("held_out", "skipped")}
    for name in ("failures", "scores_acc"):
        text = table(mixed, name)
        assert "AgglomerativeClustering has no predict, and these data are scored on points" in text, name


def test_mixed_graphs_reach_the_methods_that_take_one(mixed):
    def data_of(dataset, method):
        return json.loads(next(mixed.glob(f"runs/{dataset}/{method}/*/0/run.json")).read_text())["data"]

    assert data_of("friends", "spectral")["graph"]["edges"] == 300
    assert data_of("near", "spectral")["graph"] == data_of("near", "shuffled_graph")["graph"]
    assert "graph" not in data_of("flowers", "kmeans")
    assert "graph" not in data_of("friends", "ae_kmeans")
    scored = {row["dataset"] for row in rows(mixed / "scores.csv") if row["metric"] == "modularity"}
    assert scored == {"near", "friends"}
    controls = {row["method"] for row in rows(mixed / "records.csv") if row["control"] == "True"}
    assert controls == {"shuffled_graph"}


def test_mixed_new_points_are_labelled_by_a_finished_run(project, mixed, monkeypatch):
    monkeypatch.chdir(project.folder)
    folder = next(mixed.glob("runs/flowers/aecm_pretrained/*/0"))
    labelled = CliRunner().invoke(app, ["predict", str(folder), "flowers.csv", "--out", "labels.csv"])
    assert labelled.exit_code == 0, labelled.output
    expected = np.load(folder / "labels.npz")["labels"].tolist()
    assert [int(row["label"]) for row in rows(Path("labels.csv"))] == expected


# --- what makes it run again ------------------------------------------------------------------------------------------


def test_a_touched_file_changes_nothing_and_a_changed_one_what_hangs_on_it(project, mixed):
    file = project.folder / "flowers.csv"
    content = file.read_text()
    os.utime(file)
    assert "Nothing to be done" in run(project, *MIXED_CONFIGS, target=[*MIXED_TARGETS, "--dry-run"])
    try:
        file.write_text(content.replace("5.1", "5.2", 1))
        output = run(project, *MIXED_CONFIGS, target=[*MIXED_TARGETS, "--dry-run", "--quiet", "host"])
        trained = {path.split("/")[3] for path in planned(output, "train_method")}
        assert trained == {"flowers", "held_out", "near", "friends"}
    finally:
        file.write_text(content)


def test_other_words_train_nothing_and_reach_the_tables(project, mixed):
    project.write("words.yaml", "methods: {ae_kmeans: {label: Ours, tuned_with: a good guess}}")
    output = run(project, *MIXED_CONFIGS, "words.yaml", target=["results/mixed/tables/scores_acc.md"])
    assert "train_method" not in output
    assert "evaluate_dataset" not in output
    text = table(mixed, "scores_acc")
    assert "| Ours |" in text
    assert "chosen with a good guess (Ours)" in text


# --- what does not start ----------------------------------------------------------------------------------------------

WRONG = """
run: wrong
datasets:
  lost: {file: lost.csv, truth: species}
  gap: {file: gap.csv, truth: species}
  misnamed: {file: flowers.csv, truth: specie}
  unknown: {file: flowers.csv, drop: [species]}
"""


def test_wrong_data_are_told_in_one_message(project):
    project.write("gap.csv", "a,b,species\n1,2,x\n3,,y\n5,6,x\n7,8,y\n")
    project.write("wrong.yaml", WRONG)
    result = project.snakemake("--configfile", "wrong.yaml")
    assert result.returncode != 0
    for message in (
        "datasets.lost: lost.csv: no such file or folder",
        "datasets.gap: gap.csv: line 3, column 'b': empty or NaN; fill it, take the row out, or add the column to drop",
        "datasets.misnamed: flowers.csv: no column 'specie' (there are: 'species')",
        "datasets.unknown: flowers.csv: without a truth, say n_clusters",
    ):
        assert message in result.stdout, result.stdout
    assert "the config has 4 problems, nothing was started" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_key_twice_is_refused_with_its_place(project):
    project.write("twice.yaml", "run: twice\ndatasets:\n  mine: {file: flowers.csv, n_clusters: 3}\n  mine: {}\n")
    result = project.snakemake("--configfile", "twice.yaml")
    assert result.returncode != 0
    assert "twice.yaml: line 4: the key 'mine' is there already, in line 3" in result.stdout
    assert "Traceback" not in result.stdout


# --- whole and readable -----------------------------------------------------------------------------------------------


def assert_complete(folder, datasets):
    """Every table in every form, every figure; tables in Markdown have no row of another width and no bare NaN."""
    for name in (*RUN_TABLES, *COMPARISON_TABLES):
        for suffix in ("csv", "md", "tex", "html"):
            assert (folder / f"tables/{name}.{suffix}").stat().st_size, f"{name}.{suffix}"
        lines = [line for line in table(folder, name).splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1, name
        assert not [line for line in lines if re.search(r"\| *(nan|None|<NA>) *\|", line)], name
    for dataset in datasets:
        for name in ("maps", "sizes", "examples"):
            assert (folder / f"figures/{dataset}/{name}.svg").stat().st_size, f"{dataset}/{name}"
