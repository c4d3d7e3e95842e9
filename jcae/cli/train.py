"""Verbs: fit one block of seeds; search for parameters."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from jcae.cli.app import (
    Checkpoints,
    Crashed,
    Device,
    Every,
    Features,
    Fit,
    Graph,
    Out,
    Pretrained,
    Progress,
    Seeds,
    Spec,
    Threads,
    app,
    command_line,
    read_spec,
    write_csv,
)


@app.command()
def pretrain(
    spec: Spec,
    features: Features,
    seeds: Seeds,
    out: Out,
    fit: Fit = None,
    device: Device = "cpu",
    threads: Threads = 1,
    checkpoints: Checkpoints = None,
    checkpoint_every: Every = 0,
    progress: Progress = False,
) -> None:
    """Train an autoencoder for a block of seeds."""
    from jcae.jobs.records import parse_block
    from jcae.jobs.runner import pretrain_block

    records = pretrain_block(
        read_spec(spec),
        features,
        parse_block(seeds),
        out,
        fit=fit,
        device=device,
        threads=threads,
        checkpoints=checkpoints,
        checkpoint_every=checkpoint_every,
        progress=progress,
        command=command_line(),
    )
    _echo_status(records)


@app.command()
def train(
    spec: Spec,
    features: Features,
    seeds: Seeds,
    out: Out,
    truth: Annotated[Path | None, typer.Option(help="truth.npz, for control methods only.")] = None,
    fit: Fit = None,
    graph: Graph = None,
    pretrained: Pretrained = None,
    device: Device = "cpu",
    threads: Threads = 1,
    checkpoints: Checkpoints = None,
    checkpoint_every: Every = 0,
    keep: Annotated[str, typer.Option(help="all, or small: the code as float16 and no weights.")] = "all",
    progress: Progress = False,
    crashed: Crashed = None,
) -> None:
    """Fit a method for a block of seeds. What the method does wrong is recorded, and is no error of this verb."""
    from jcae.jobs.records import parse_block
    from jcae.jobs.runner import train_block

    crash = None if crashed is None else crash_of(crashed)
    records = train_block(
        read_spec(spec),
        features,
        parse_block(seeds),
        out,
        truth=truth,
        fit=fit,
        graph=graph,
        pretrained=pretrained,
        device=device,
        threads=threads,
        checkpoints=checkpoints,
        checkpoint_every=checkpoint_every,
        keep=keep,
        progress=progress,
        command=command_line().partition(" --crashed")[0],
        crash=crash,
    )
    _echo_status(records)


@app.command()
def predict(
    run: Annotated[
        Path, typer.Argument(help="Folder of a finished run: results/<run>/runs/<data set>/<method>/<block>/<seed>.")
    ],
    file: Annotated[Path, typer.Argument(help="New points: csv, npy, ... with the columns of the run's data set.")],
    out: Annotated[Path, typer.Option(help="Labels, csv: row, from 0, and label.")],
) -> None:
    """Label new points with a finished run, prepared as its data set was; nothing is trained."""
    import pandas as pd

    from jcae.jobs.predict import predict as predict_labels

    labels = predict_labels(run, file)
    write_csv(pd.DataFrame({"row": range(len(labels)), "label": labels}), out)
    typer.echo(f"{out}: {len(labels)} points in {len(set(labels.tolist()))} clusters")


@app.command()
def tune(
    dataset: Annotated[str, typer.Option(help="Data set of the config.")],
    method: Annotated[str, typer.Option(help="Method of the config, with a search space under `tuning`.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; those of an earlier call count.")],
    overlays: Annotated[list[Path] | None, typer.Argument(help="Config files laid over it.")] = None,
    config: Annotated[Path, typer.Option(help="Config file.")] = Path("config.yaml"),
    criterion: Annotated[
        str, typer.Option(help="What trials are judged by, without labels: silhouette, silhouette_code or agreement.")
    ] = "silhouette",
    by_labels: Annotated[str | None, typer.Option(help="Judge by ACC, NMI or ARI instead; tables will say so.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of every trial; none may be one of the run.")] = "1000-1002",
    data: Annotated[Path, typer.Option(help="Folder with raw/ and prepared/.")] = Path("data"),
    out: Annotated[
        Path | None, typer.Option(help="[default: results/<run>/tuning/<data set>/<method>/<criterion>]")
    ] = None,
) -> None:
    """Search for the parameters of a method on a data set, and write the best as an overlay of the config."""
    from jcae.jobs.config import read_config
    from jcae.jobs.plan import make_plan
    from jcae.jobs.records import parse_block
    from jcae.scores.metrics import METRICS
    from jcae.terminal.trials import Trials, summarise_trials
    from jcae.tuning import CHECKPOINTS, CRITERIA
    from jcae.tuning import tune as search

    score = by_labels and by_labels.lower()
    if score is not None and score not in ("acc", "nmi", "ari"):
        raise typer.BadParameter(f"{by_labels!r} is none of ACC, NMI, ARI", param_hint="--by-labels")
    if criterion not in CRITERIA:
        raise typer.BadParameter(f"{criterion!r} is none of {', '.join(CRITERIA)}", param_hint="--criterion")
    plan = make_plan(read_config([config, *(overlays or [])]))
    name = f"by_labels_{score}" if score else criterion
    features = _prepared_features(plan, dataset, data)
    truth = features.with_name("truth.npz")
    if score and (features.name == "fit.npz" or not truth.exists()):
        raise typer.BadParameter(f"the points of {dataset} that methods are fitted on have no labels here",
                                 param_hint="--by-labels")  # fmt: skip
    out = out or Path("results") / plan.run / "tuning" / dataset / method / name
    shown = Trials(sys.stdout, dataset, method, trials, out / CHECKPOINTS)
    try:
        best = search(
            plan,
            dataset,
            method,
            trials,
            out,
            features=features,
            seeds=parse_block(seeds),
            criterion=criterion,
            by_labels=score,
            truth=truth if score else None,
            report=shown.report,
        )
    finally:
        shown.close()
    typer.echo(summarise_trials(out))
    if score:
        typer.echo(f"Tuned BY LABELS ({METRICS[score].label}): no user without labels can do this.", err=True)
    typer.echo(f"{best}: lay it over the config, under a name of its own for the run")


def _prepared_features(plan: Any, dataset: str, data: Path) -> Path:
    """The features of a data set where the workflow has them; fetched and prepared if they are not there yet."""
    if dataset not in plan.requests:
        raise ValueError(f"{dataset!r} is no data set of the run {plan.run}; it has {', '.join(plan.requests)}")
    request = plan.requests[dataset]
    folder = data / request.folder / dataset
    if not (folder / "card.json").exists():
        from jcae.data.fetch import fetch as fetch_files
        from jcae.data.prepare import prepare as prepare_files

        for part in request.catalogued():
            fetch_files(part, data / "raw" / part.name, plan.mirror)
        prepare_files(request, data / "raw", folder)
    # The points that are scored shall not be those that parameters are chosen by.
    return folder / ("fit.npz" if plan.outlines[dataset].is_split else "features.npz")


def crash_of(code: int) -> str:
    """How a method took its process down; leaves with the code where it did not, so that the job is repeated."""
    import signal

    others = {1, 2, *(128 + number for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP))}
    if code in others:  # an error of ours or of the machine, the user's interrupt, a scheduler's
        raise typer.Exit(code)
    known = {128 + number.value: number.name for number in signal.Signals}
    return f"the method took its process down: {known.get(code, f'it left with code {code}')}"


def _echo_status(records: list[dict[str, Any]]) -> None:
    for record in records:
        reason = f": {record['reason']}" if record["reason"] else ""
        typer.echo(f"seed {record['seed']}: {record['status']}{reason}, {record['seconds']:.1f} s")
