"""Verbs: a method over numbers of clusters, its scores, and what they say."""

from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import (
    Block,
    Checkpoints,
    Crashed,
    Device,
    Every,
    Features,
    Fit,
    Graph,
    Out,
    Pretrained,
    Results,
    ScoredFeatures,
    ScoredGraph,
    Seeds,
    Spec,
    Threads,
    Truth,
    Wording,
    app,
    command_line,
    read_json,
    read_spec,
    write_csv,
)
from jcae.cli.train import crash_of


@app.command()
def sweep(
    spec: Spec,
    counts: Annotated[str, typer.Option(help="Numbers of clusters: 2-20, 7 or 2,4,8.")],
    features: Features,
    seeds: Seeds,
    out: Out,
    fit: Fit = None,
    graph: Graph = None,
    pretrained: Pretrained = None,
    device: Device = "cpu",
    threads: Threads = 1,
    checkpoints: Checkpoints = None,
    checkpoint_every: Every = 0,
    crashed: Crashed = None,
) -> None:
    """Fit a method for a block of seeds and every one of some numbers of clusters."""
    from jcae.jobs.records import parse_block
    from jcae.jobs.sweep import sweep_block

    crash = None if crashed is None else crash_of(crashed)
    found = sweep_block(
        read_spec(spec),
        parse_block(counts),
        features,
        parse_block(seeds),
        out,
        fit=fit,
        graph=graph,
        pretrained=pretrained,
        device=device,
        threads=threads,
        checkpoints=checkpoints,
        checkpoint_every=checkpoint_every,
        command=command_line().partition(" --crashed")[0],
        crash=crash,
    )
    for count, records in found.items():
        for record in records:
            reason = f": {record['reason']}" if record["reason"] else ""
            typer.echo(
                f"{count} clusters, seed {record['seed']}: {record['status']}{reason}, {record['seconds']:.1f} s"
            )


@app.command("evaluate-sweep")
def evaluate_sweep(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders that `jcae sweep` wrote on one data set, or that hold such.")
    ],
    out: Annotated[Path, typer.Option(help="Folder that gets scores.csv and records.csv.")],
    block: Block = None,
    features: ScoredFeatures = None,
    truth: Truth = None,
    graph: ScoredGraph = None,
) -> None:
    """Score the runs on a data set over numbers of clusters."""
    from jcae.scores.sweep import evaluate_sweep as score_runs

    scores, records = score_runs(runs, truth, features, graph, block)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(scores, out / "scores.csv")
    write_csv(records, out / "records.csv")


@app.command("collect-sweep")
def collect_sweep(
    folders: Annotated[list[Path], typer.Argument(help="Folders that `jcae evaluate-sweep` wrote.")],
    results: Results,
    wording: Wording = "{}",
) -> None:
    """Join the runs over numbers of clusters into sweep_scores.csv and sweep_records.csv."""
    from jcae.scores.sweep import RECORDS, SCORES
    from jcae.scores.sweep import collect_sweep as join

    scores, records = join(folders, read_json(wording, "--wording"))
    write_csv(scores, results / SCORES)
    write_csv(records, results / RECORDS)


@app.command("how-many")
def how_many(results: Results, out: Out) -> None:
    """Write the tables of which number of clusters each rule would choose, and how often that is right."""
    from jcae.tables.how_many import write_how_many_tables

    for path in write_how_many_tables(results, out):
        typer.echo(path)
