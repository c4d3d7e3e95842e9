"""The verbs that the rules call; each also works by hand, files in, files out.

Every verb imports what it needs when it runs: `jcae --help` stays quick, and training needs no workflow packages.
"""

import json
import os
import shlex
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


class _Verbs(TyperGroup):
    """Turns errors that are meant for the user into one message; anything else keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not _is_message(error):
                raise
            text = (
                f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
            )
            typer.echo(f"jcae: {text}", err=True)
            raise typer.Exit(2 if isinstance(error, (ValueError, FileNotFoundError)) else 1) from None


def _is_message(error: Exception) -> bool:
    """Whether an error was raised to be read: by the system, of our own types, or a ValueError from our own lines."""
    if isinstance(error, typer.Exit):
        return False
    if isinstance(error, OSError) or type(error).__module__.startswith("jcae."):
        return True
    if not isinstance(error, (ValueError, RuntimeError)):
        return False
    raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return raised_in.is_relative_to(Path(__file__).parent)


app = typer.Typer(cls=_Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=(
    "Benchmark deep clustering: every step of the pipeline as a verb, files in, files out."
))  # fmt: skip
equivalence = typer.Typer(no_args_is_help=True, help="The clustering module against the Gaussian mixture.")
app.add_typer(equivalence, name="equivalence")

Features = Annotated[Path, typer.Option(help="features.npz; card.json lies beside it.")]
Truth = Annotated[Path, typer.Option(help="truth.npz.")]
Results = Annotated[Path, typer.Option(help="Folder of the run, results/<run>.")]
Out = Annotated[Path, typer.Option(help="Where to write.")]
Spec = Annotated[str, typer.Option(help="The job as JSON: dataset, method, use, params ...")]
Seeds = Annotated[str, typer.Option(help="Block of seeds: 0-4, 0 or 0,2,5.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<number>.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
Checkpoints = Annotated[Path | None, typer.Option(help="Folder of this block's checkpoints; removed when it is done.")]
Every = Annotated[int, typer.Option(min=0, help="Epochs between checkpoints; 0: none.")]
Reference = Annotated[str | None, typer.Option(help="Method with which the others are compared.")]
Level = Annotated[float, typer.Option(help="Level of tests; intervals cover the rest.")]
Progress = Annotated[bool, typer.Option(help="Show progress bars.")]


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets of the catalogue.")] = None,
    raw: Annotated[Path, typer.Option(help="Folder that receives one folder per data set.")] = Path("data/raw"),
    mirror: Annotated[
        str | None, typer.Option(help="Folder or address asked first. [default: $JCAE_DATA_MIRROR]")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the catalogue and stop.")] = False,
) -> None:
    """Fetch the files of data sets and check them against their checksums."""
    from jcae.data import catalogue
    from jcae.data.fetch import fetch as fetch_files

    if list_:
        for dataset in catalogue.CATALOGUE.values():
            typer.echo(
                f"{dataset.name:16} {dataset.n:6} x {dataset.d:<5} {dataset.n_clusters:3} clusters  {dataset.title}"
            )
        return
    if not names:
        raise typer.BadParameter("name at least one data set, or use --list")
    for dataset in [catalogue.get(name) for name in names]:
        paths = fetch_files(dataset, raw / dataset.name, mirror)
        typer.echo(
            f"{dataset.name}: {len(paths)} files in {raw / dataset.name}" if paths else f"{dataset.name}: no files"
        )


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="Data set of the catalogue.")],
    out: Out,
    raw: Annotated[Path, typer.Option(help="Folder with one folder per data set.")] = Path("data/raw"),
    subset: Annotated[int | None, typer.Option(min=1, help="Keep this many points, always the same ones.")] = None,
    range: Annotated[
        tuple[float, float] | None, typer.Option(help="Least and greatest value of all features together.")
    ] = None,
) -> None:
    """Turn the files of a data set into features.npz, truth.npz and card.json."""
    from jcae.data.prepare import prepare as prepare_files
    from jcae.data.variant import Variant

    card = prepare_files(name, raw / name, out, Variant(subset, range))
    typer.echo(f"{name}: {card['n']} points, {card['d']} features, {card['n_clusters']} clusters in {out}")


@app.command()
def pretrain(
    spec: Spec,
    features: Features,
    seeds: Seeds,
    out: Out,
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
        _json(spec),
        features,
        parse_block(seeds),
        out,
        device=device,
        threads=threads,
        checkpoints=checkpoints,
        checkpoint_every=checkpoint_every,
        progress=progress,
        command=_command(),
    )
    _echo_status(records)


@app.command()
def train(
    spec: Spec,
    features: Features,
    seeds: Seeds,
    out: Out,
    truth: Annotated[Path | None, typer.Option(help="truth.npz, for control methods only.")] = None,
    pretrained: Annotated[Path | None, typer.Option(help="Block folder of the autoencoder to start from.")] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    checkpoints: Checkpoints = None,
    checkpoint_every: Every = 0,
    keep: Annotated[str, typer.Option(help="all, or small: the code as float16 and no weights.")] = "all",
    progress: Progress = False,
) -> None:
    """Fit a method for a block of seeds. What the method does wrong is recorded, and is no error of this verb."""
    from jcae.jobs.records import parse_block
    from jcae.jobs.runner import train_block

    records = train_block(
        _json(spec),
        features,
        parse_block(seeds),
        out,
        truth=truth,
        pretrained=pretrained,
        device=device,
        threads=threads,
        checkpoints=checkpoints,
        checkpoint_every=checkpoint_every,
        keep=keep,
        progress=progress,
        command=_command(),
    )
    _echo_status(records)


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or of blocks of runs.")],
    truth: Truth,
    out: Annotated[Path, typer.Option(help="Scores, csv.")],
) -> None:
    """Score the runs of a method on a data set against the truth."""
    from jcae.scores.evaluation import evaluate as score_runs

    _write_csv(score_runs(runs, truth), out)


@app.command()
def collect(
    results: Results,
    scores: Annotated[
        list[Path] | None,
        typer.Argument(help="Scores that belong to the run, <data set>/<method>.csv; without any, all that are there."),
    ] = None,
    block: Annotated[list[str] | None, typer.Option(help="Keep this block of seeds: 0-4, 0 or 0,2,5.")] = None,
) -> None:
    """Join all scores into scores.csv and all run records into records.csv."""
    from jcae.jobs.records import parse_block
    from jcae.scores.evaluation import collect_records, collect_scores

    tables = {"scores.csv": collect_scores(results), "records.csv": collect_records(results, block)}
    belongs = {(path.parent.name, path.stem) for path in scores or []}
    for name, table in tables.items():
        # The folder may hold runs of an earlier config; what is not part of this one must not enter its tables.
        if belongs:
            pairs = zip(table["dataset"], table["method"], strict=True)
            table = table[[pair in belongs for pair in pairs]]
        if block:
            table = table[table["seed"].isin({seed for part in block for seed in parse_block(part)})]
        _write_csv(table, results / name)


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
def tables(results: Results, out: Out) -> None:
    """Write the tables (csv, md, tex) of the collected scores and records."""
    from jcae.tables.scores import write_tables

    for path in write_tables(results, out):
        typer.echo(path)


@app.command()
def compare(
    results: Results,
    out: Out,
    reference: Reference = None,
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

    settings = {"reference": reference, "level": level, "rope": rope, "margin": margin, "length": length}
    for path in write_comparison_tables(results, out, published=published, **settings):
        typer.echo(path)


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
def figures(
    names: Annotated[list[str], typer.Argument(help="Of jcae.figures.FIGURES.")],
    results: Results,
    out: Annotated[Path, typer.Option(help="Folder that gets <name>.svg, .pdf and .csv.")],
    dataset: Annotated[str | None, typer.Option(help="Data set, for figures of one.")] = None,
    reference: Reference = None,
    level: Level = 0.05,
) -> None:
    """Draw figures, each with the numbers that it shows."""
    from jcae.figures import draw

    for name in names:
        for path in draw(name, results, out / name, dataset, reference=reference, level=level):
            typer.echo(path)


@equivalence.command()
def algebra(features: Features, name: Annotated[str, typer.Option(help="Of the data set.")], out: Out) -> None:
    """Evaluate the identities in float64 on a data set; failures are rows, for `verify` to judge."""
    from jcae.equivalence.fits import write_algebra

    write_algebra(features, name, out, n_clusters=_n_clusters(features))


@equivalence.command()
def verify(csv: Annotated[Path, typer.Argument(help="Written by `algebra` or `summarise`.")]) -> None:
    """Fail unless every identity holds that must."""
    from jcae.equivalence.algebra import verify as verify_rows

    verify_rows(csv)
    typer.echo(f"{csv}: every identity holds")


@equivalence.command()
def empirics(
    features: Features,
    truth: Truth,
    name: Annotated[str, typer.Option(help="Of the data set.")],
    seeds: Seeds,
    out: Annotated[Path, typer.Option(help="Folder; gets scores, agreement, tests and fixed_point (csv).")],
    margin: Annotated[float, typer.Option(help="Largest mean difference that counts as the same.")] = 0.02,
    level: Annotated[float, typer.Option(help="Of each one-sided test.")] = 0.05,
    alpha_prior: Annotated[float, typer.Option(help="Dirichlet concentration, per batch.")] = 2.0,
    epochs: Annotated[int | None, typer.Option(min=1, help="[default: enough for 2000 updates]")] = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 64,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 0.01,
    device: Device = "cpu",
) -> None:
    """Fit clustering module, mixture and k-means from the same starts and compare them."""
    from jcae.equivalence.fits import write_empirics
    from jcae.jobs.records import parse_block

    write_empirics(
        features,
        truth,
        name,
        parse_block(seeds),
        out,
        n_clusters=_n_clusters(features),
        margin=margin,
        level=level,
        alpha_prior=alpha_prior,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        device=device,
    )


@equivalence.command("summarise")
def summarise_equivalence(
    folder: Annotated[Path, typer.Argument(help="results/<run>/equivalence.")],
    names: Annotated[list[str], typer.Argument(help="Data sets.")],
) -> None:
    """Join the checks and comparisons of all data sets into algebra.csv and summary.csv."""
    import pandas as pd

    from jcae.equivalence.fits import summarise

    # The identities on random data are checked beside every data set.
    algebra = pd.concat([pd.read_csv(folder / name / "algebra.csv") for name in names]).drop_duplicates()
    _write_csv(algebra, folder / "algebra.csv")
    summary = summarise(folder)["summary"]
    _write_csv(summary[summary["dataset"].isin(names)], folder / "summary.csv")


@equivalence.command("tables")
def equivalence_tables(
    folder: Annotated[Path, typer.Argument(help="results/<run>/equivalence.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables: csv, md, tex, html.")],
) -> None:
    """Write algebra.csv and summary.csv as tables."""
    from jcae.tables.scores import write_equivalence_tables

    write_equivalence_tables(folder, out)


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
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    # MLflow opens in another of its modes by itself.
    typer.echo(f"The runs: http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning (Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    os.execv(sys.executable, [*command, "--port", str(port)])


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
    from jcae.jobs.config import make_plan, read_config
    from jcae.jobs.records import parse_block
    from jcae.scores.metrics import METRICS
    from jcae.tuning import CRITERIA
    from jcae.tuning import tune as search

    score = by_labels and by_labels.lower()
    if score is not None and score not in ("acc", "nmi", "ari"):
        raise typer.BadParameter(f"{by_labels!r} is none of ACC, NMI, ARI", param_hint="--by-labels")
    if criterion not in CRITERIA:
        raise typer.BadParameter(f"{criterion!r} is none of {', '.join(CRITERIA)}", param_hint="--criterion")
    plan = make_plan(read_config([config, *(overlays or [])]))
    name = f"by_labels_{score}" if score else criterion
    features = _prepared_features(plan, dataset, data)
    best = search(
        plan,
        dataset,
        method,
        trials,
        out or Path("results") / plan.run / "tuning" / dataset / method / name,
        features=features,
        seeds=parse_block(seeds),
        criterion=criterion,
        by_labels=score,
        truth=features.with_name("truth.npz") if score else None,
        report=typer.echo,
    )
    if score:
        typer.echo(f"Tuned BY LABELS ({METRICS[score].label}): no user without labels can do this.", err=True)
    typer.echo(f"{best}: lay it over the config, under a name of its own for the run")


def _prepared_features(plan: Any, dataset: str, data: Path) -> Path:
    """The features of a data set where the workflow has them; fetched and prepared if they are not there yet."""
    if dataset not in plan.variants:
        raise ValueError(f"{dataset!r} is no data set of the run {plan.run}; it has {', '.join(plan.variants)}")
    variant = plan.variants[dataset]
    folder = data / variant.folder / dataset
    if not (folder / "features.npz").exists():
        from jcae.data import catalogue
        from jcae.data.fetch import fetch as fetch_files
        from jcae.data.prepare import prepare as prepare_files

        fetch_files(catalogue.get(dataset), data / "raw" / dataset, plan.mirror)
        prepare_files(dataset, data / "raw" / dataset, folder, variant)
    return folder / "features.npz"


@app.command("new-method")
def new_method(
    name: Annotated[str, typer.Argument(help="Of the file and of the key in the config: small letters, digits, _.")],
    shallow: Annotated[bool, typer.Option("--shallow", help="A plain estimator in place of a deep one.")] = False,
    folder: Annotated[Path, typer.Option(help="The project: the folder of baselines/ and docs/methods/.")] = Path(),
) -> None:
    """Write a method that works, to be changed into yours, with its page; existing files are left alone."""
    from jcae.contract.scaffold import new_method as write_method

    written = write_method(name, folder, shallow=shallow)
    for path in written.paths:
        typer.echo(f"wrote {path}")
    typer.echo(f"\nCheck it, before and after every change:\n  jcae check {written.use}")
    typer.echo(f"\nTurn it on, under `methods` in the config:\n{written.config}")


@app.command()
def check(
    name: Annotated[
        str, typer.Argument(help="A method of the config, a dotted path (baselines.dec.DEC) or a file (mine.py:Mine).")
    ],
    overlays: Annotated[list[Path] | None, typer.Argument(help="Config files laid over it.")] = None,
    config: Annotated[Path, typer.Option(help="Config file.")] = Path("config.yaml"),
    params: Annotated[
        str | None, typer.Option(help="Constructor parameters beside the config's, YAML: '{epochs: 5}'.")
    ] = None,
) -> None:
    """Check that a method keeps to the contract of the benchmark; exits with 1 where it does not."""
    import time

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch: their sums shall not depend on the machine
    import yaml

    from jcae.contract.checks import CHECKS, Subject, run_check

    given = yaml.safe_load(params) if params else {}
    if not isinstance(given, dict):
        raise typer.BadParameter(f"{params!r} holds no keys and values", param_hint="--params")
    use = name
    if "." not in name:
        from jcae.jobs.config import method_spec, read_config

        spec = method_spec(read_config([config, *(overlays or [])]), name)
        use, given = spec["use"], {**spec["params"], **given}
    subject = Subject(use, given, name)
    typer.echo(f"{name}: {use}" if name != use else name)
    counts = dict.fromkeys(("ok", "failed", "not applicable"), 0)
    start = time.perf_counter()
    for number, part in enumerate(CHECKS, 1):
        typer.echo(f"{number:3}/{len(CHECKS)} {part.name:14}", nl=False)
        clock = time.perf_counter()
        outcome = run_check(part, subject)
        counts[outcome.status] += 1
        typer.echo(f" {outcome.status:14} {time.perf_counter() - clock:5.1f} s   {part.proves}")
        if outcome.reason:
            typer.echo(f"       {outcome.reason}")
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    typer.echo(f"{said}; {time.perf_counter() - start:.0f} s")
    if counts["failed"]:
        raise typer.Exit(1)


@app.command("check-config")
def check_config(
    files: Annotated[list[Path], typer.Argument(help="Config files; later ones are laid over earlier ones.")],
    run_only: Annotated[bool, typer.Option("--run", help="Print only the name of the run.")] = False,
) -> None:
    """Check a config and say what it would run, without starting anything."""
    from jcae.jobs.config import make_plan, read_config

    plan = make_plan(read_config(files))
    if run_only:
        typer.echo(plan.run)
        return
    typer.echo(
        f"run {plan.run}: {len(plan.jobs)} pairs of {len(plan.datasets)} data sets and {len(plan.methods)} methods, "
        f"{len(plan.seeds)} seeds in blocks {' '.join(plan.blocks)}, {len(plan.pretraining)} autoencoders; "
        f"{(len(plan.jobs) + len(plan.pretraining)) * len(plan.blocks)} training jobs"
    )
    for name, job in [*plan.pretraining.items(), *plan.jobs.items()]:
        typer.echo(f"{'/'.join(name):40} {job.spec['use']} {json.dumps(job.spec['params'])}")


@app.command()
def unlock(folder: Annotated[Path, typer.Argument(help="Where snakemake was started.")] = Path()) -> None:
    """Remove the lock that a killed snakemake left behind, unless one is still at work in the folder."""
    import psutil

    locks = folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return
    for process in psutil.process_iter():
        try:
            is_snakemake = any(Path(word).name == "snakemake" for word in process.cmdline()[:3])
            if is_snakemake and Path(process.cwd()).samefile(folder):
                raise RuntimeError(f"snakemake is at work in {folder.resolve()} (process {process.pid}); wait for it")
        except (psutil.Error, OSError):  # ended meanwhile, or somebody else's
            continue
    for lock in locks.iterdir():
        lock.unlink()
    typer.echo("removed the lock of a snakemake that was killed", err=True)


def _json(text: str) -> dict[str, Any]:
    try:
        spec = json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--spec") from None
    if not isinstance(spec, dict) or "dataset" not in spec or not {"method", "autoencoder"} & spec.keys():
        raise typer.BadParameter("names no dataset, or neither a method nor an autoencoder", param_hint="--spec")
    return spec


def _n_clusters(features: Path) -> int:
    from jcae.data.prepare import load_card

    return load_card(features.with_name("card.json"))["n_clusters"]


def _command() -> str:
    return shlex.join(["jcae", *sys.argv[1:]])


def _echo_status(records: list[dict[str, Any]]) -> None:
    for record in records:
        reason = f": {record['reason']}" if record["reason"] else ""
        typer.echo(f"seed {record['seed']}: {record['status']}{reason}, {record['seconds']:.1f} s")


def _write_csv(table: Any, path: Path) -> None:
    from jcae.files import atomic_write

    atomic_write(path, lambda file: table.to_csv(file, index=False))
