"""Verbs: from finished runs to scores, tables, figures and MLflow."""

from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import (
    Block,
    Level,
    Out,
    Reference,
    Results,
    ScoredFeatures,
    ScoredGraph,
    Truth,
    Wording,
    app,
    read_json,
    write_csv,
)


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on one data set, of blocks, or of methods.")],
    out: Annotated[Path, typer.Option(help="Folder that gets the scores, <method>.csv.")],
    block: Block = None,
    features: ScoredFeatures = None,
    truth: Truth = None,
    graph: ScoredGraph = None,
) -> None:
    """Score the runs on a data set, against the truth where it has one."""
    from jcae.files import atomic_folder
    from jcae.scores.evaluation import evaluate as score_runs
    from jcae.scores.evaluation import read_record, run_folders

    folders = run_folders(runs, block)
    scores = score_runs(folders, truth, features, graph)
    with atomic_folder(out) as folder:
        for method in {read_record(run / "run.json")["method"] for run in folders}:  # one without an ok run has no rows
            write_csv(scores[scores["method"] == method], folder / f"{method}.csv")


@app.command()
def collect(
    results: Results,
    scores: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of scores that belong to the run; without any, all that are there."),
    ] = None,
    block: Block = None,
    wording: Wording = "{}",
) -> None:
    """Join all scores into scores.csv and all run records into records.csv."""
    from jcae.jobs.records import parse_block
    from jcae.scores.evaluation import collect_records, collect_scores

    tables = {
        "scores.csv": collect_scores(results),
        "records.csv": collect_records(results, block, read_json(wording, "--wording")),
    }
    belongs = {(folder.name, file.stem) for folder in scores or [] for file in folder.glob("*.csv")}
    for name, table in tables.items():
        # The folder may hold runs of an earlier config; what is not part of this one must not enter its tables.
        if belongs:
            pairs = zip(table["dataset"], table["method"], strict=True)
            table = table[[pair in belongs for pair in pairs]]
        if block:
            table = table[table["seed"].isin({seed for part in block for seed in parse_block(part)})]
        write_csv(table, results / name)


@app.command()
def gallery(
    results: Results,
    dataset: Annotated[str, typer.Option(help="Data set.")],
    prepared: Annotated[Path, typer.Option(help="Folder of the prepared data set.")],
    out: Out,
) -> None:
    """Gather what the figures of a data set show into one small folder."""
    from jcae.scores.gallery import write_gallery

    write_gallery(results, dataset, prepared, out)


@app.command()
def export(
    results: Results,
    out: Out,
    gallery: Annotated[
        bool, typer.Option(help="Keep what the figures of single data sets are made of: megabytes for a large one.")
    ] = True,
) -> None:
    """Copy what tables and figures are made of, and the records: enough to make and explain them elsewhere."""
    from jcae.publish.export import export as copy_results

    copy_results(results, out, gallery)
    typer.echo(f"Tables and figures again: snakemake --cores 1 tables figures --config from={out}")


@app.command()
def merge(
    parts: Annotated[list[Path], typer.Argument(help="Folders that `jcae export` wrote.")],
    out: Out,
) -> None:
    """Put exports of one grid that was run in pieces together: other seeds, data sets or machines."""
    from jcae.publish.merge import merge as merge_exports

    merge_exports(parts, out)
    typer.echo(f"Tables and figures of all: snakemake --cores 1 tables figures --config from={out}")


@app.command()
def score(
    labels: Annotated[Path, typer.Argument(help="Labels: .csv, .npy or .npz; a column or row per seed.")],
    dataset: Annotated[str, typer.Option(help="Data set of the catalogue.")],
    name: Annotated[str, typer.Option(help="What tables call them.")],
    out: Out,
    protocol: Annotated[
        str, typer.Option(help="What they are: last, best-by-labels, refit, transfer or unknown.")
    ] = "unknown",
    data: Annotated[Path, typer.Option(help="Folder of fetched and prepared data sets.")] = Path("data"),
    mirror: Annotated[
        str | None, typer.Option(help="Folder or address asked first for data. [default: $JCAE_DATA_MIRROR]")
    ] = None,
) -> None:
    """Score labels that were made elsewhere, and write them to be put beside others by `jcae merge`."""
    from jcae.publish.submission import submit
    from jcae.scores.metrics import METRICS
    from jcae.tables.cells import mean_sd

    scores = submit(labels, dataset, name, out, protocol=protocol, data=data, mirror=mirror)
    for metric, values in scores.groupby("metric", sort=False)["value"]:
        typer.echo(f"{METRICS[metric].label:32} {mean_sd(values.mean(), values.std(), metric)}")
    typer.echo(f"Beside others: jcae merge <their export> {out} --out <folder>")


@app.command()
def tables(results: Results, out: Out) -> None:
    """Write the tables (csv, md, tex) of the collected scores and records."""
    from jcae.tables.run import write_tables

    for path in write_tables(results, out):
        typer.echo(path)


@app.command()
def compare(
    results: Results,
    out: Out,
    reference: Reference = None,
    variants: Annotated[str, typer.Option(help="Methods and what each is a variant of, as JSON.")] = "{}",
    level: Level = 0.05,
    rope: Annotated[float, typer.Option(help="Difference of scores up to which methods are practically equal.")] = 0.01,
    published: Annotated[Path | None, typer.Option(help="Published numbers for the ledger, csv.")] = None,
    margin: Annotated[
        float, typer.Option(help="By how much our interval is widened before a published number must lie in it.")
    ] = 0.01,
    length: Annotated[
        str, typer.Option(help="Training of the deep methods against their publications: published, shorter, unknown.")
    ] = "unknown",
) -> None:
    """Write the tables (csv, md, tex) that compare methods with each other, over data sets and with publications."""
    from jcae.tables.comparison import write_comparison_tables

    pairs = read_json(variants, "--variants")
    settings = {"reference": reference, "level": level, "rope": rope, "margin": margin, "length": length}
    for path in write_comparison_tables(results, out, variants=pairs, published=published, **settings):
        typer.echo(path)


@app.command()
def summary(results: Annotated[Path, typer.Argument(help="Folder of the run, results/<run>.")]) -> None:
    """Say what came out of a run: ACC, which runs are not ok, where the report is."""
    from jcae.terminal.summary import summarise

    typer.echo(summarise(results))


@app.command()
def explain(
    table: Annotated[Path, typer.Argument(help="Table of a run, results/<run>/tables/<name>.csv.")],
    row: Annotated[str, typer.Argument(help="Number of the row, 1 the first, or its keys: digits/kmeans.")],
    column: Annotated[
        str | None, typer.Argument(help="Column whose runs are wanted. [default: all of the row]")
    ] = None,
) -> None:
    """Say which runs stand behind a number of a table, and how to repeat one."""
    from jcae.publish.explain import explain as explain_number

    typer.echo(explain_number(table, row, column))


@app.command()
def confidence(
    results: Annotated[Path, typer.Argument(help="Folder of a run, results/<run>, or of an export of one.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder that gets the consensus and the agreement of every point, as csv.")
    ] = None,
) -> None:
    """Say how far the seeds of each method agree on the clusters, and what they agree on."""
    from jcae.publish.confidence import write_points
    from jcae.tables.confidence import how_sure

    typer.echo(how_sure(results))
    for path in write_points(results, out) if out else []:
        typer.echo(path)


@app.command()
def figures(
    names: Annotated[list[str], typer.Argument(help="Of jcae.figures.FIGURES.")],
    results: Results,
    out: Annotated[Path, typer.Option(help="Folder that gets <name>.svg, .pdf and .csv.")],
    dataset: Annotated[str | None, typer.Option(help="Data set, for figures of one.")] = None,
    reference: Reference = None,
    level: Level = 0.05,
) -> None:
    """Draw figures, each with the numbers that it shows; not_made.txt names those that have nothing to show."""
    from jcae.figures import draw_all

    for line in draw_all(names, results, out, dataset, reference=reference, level=level):
        typer.echo(line)


@app.command()
def paper(
    results: Annotated[Path, typer.Argument(help="Folder of a run, results/<run>, or an export of one.")],
    out: Out,
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the pictures. [default: the largest of images, else the largest]")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Method that stands first. [default: AE-CM]")] = None,
) -> None:
    """Write one folder with the tables and figures of the AE-CM paper, numbered."""
    from jcae.report.paper import write_paper

    for line in write_paper(results, out, dataset=dataset, reference=reference):
        typer.echo(line)


@app.command()
def report(
    results: Results,
    shown: Annotated[Path, typer.Option(help="Folder with the tables/ and figures/ made of them.")],
    out: Out,
) -> None:
    """Write the report: static pages that say what ran and what came out."""
    from jcae.report.write import write_report

    typer.echo(write_report(results, shown, out))


@app.command()
def board(
    folders: Annotated[list[Path], typer.Argument(help="Exports of runs, and what `jcae score` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("results/board"),
) -> None:
    """Write one page on which runs and handed-in labels stand side by side, apart by what their labels are."""
    from jcae.report.board import write_board

    typer.echo(write_board(folders, out))


@app.command()
def track(
    results: Results,
    manifest: Annotated[Path, typer.Option(help="List of what was imported, json.")],
    uri: Annotated[
        str | None,
        typer.Option(help="Tracking address. [default: $MLFLOW_TRACKING_URI or mlflow.db beside results]"),
    ] = None,
    experiment: Annotated[str | None, typer.Option(help="Experiment. [default: name of the run]")] = None,
) -> None:
    """Import the finished runs into MLflow; what is there already is left alone."""
    from jcae.publish.tracking import track as import_runs

    done = import_runs(results, uri, experiment, manifest)
    typer.echo(", ".join(f"{done[kind]} {kind}" for kind in ("created", "replaced", "deleted", "unchanged")))


@app.command()
def ui(
    uri: Annotated[
        str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="Tracking address.")
    ] = "sqlite:///results/mlflow.db",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
) -> None:
    """Show the tracked runs in MLflow's web page, on this machine only."""
    from jcae.publish.page import command, serve

    raise typer.Exit(serve(command(uri, port), port, typer.echo))
