"""Verbs: from the catalogue to arrays."""

from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import Out, app, read_json

data = typer.Typer(no_args_is_help=True, help="Your own data.")
app.add_typer(data, name="data")


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
    name: Annotated[str, typer.Argument(help="What the run calls the data set; its key of the catalogue.")],
    out: Out,
    raw: Annotated[Path, typer.Option(help="Folder with one folder per data set.")] = Path("data/raw"),
    entry: Annotated[
        str,
        typer.Option(help='What a config says of it, as JSON: \'{"subset": 500}\', \'{"file": "points.csv", ...}\'.'),
    ] = "{}",
) -> None:
    """Turn files into features.npz and card.json, and what else a data set has: classes, graph, rows to fit on."""
    from jcae.data.prepare import prepare as prepare_files
    from jcae.data.request import Request

    asked = read_json(entry, "--entry")
    if not isinstance(asked, dict):
        raise typer.BadParameter("holds no keys and values", param_hint="--entry")
    card = prepare_files(Request.of(name, asked), raw, out)
    typer.echo(f"{name}: {card['n']} points, {card['d']} features, {card['n_clusters']} clusters in {out}")


@data.command()
def add(
    file: Annotated[Path, typer.Argument(help="csv, tsv, npy, npz, parquet, h5ad, IDX, or a folder of images.")],
    name: Annotated[str | None, typer.Option(help="What to call the data set. [default: name of the file]")] = None,
) -> None:
    """Look at a file of your own, and print a config that runs the benchmark on it: docs/own-data.md."""
    import re

    from jcae.data.own.look import look
    from jcae.jobs.overlay import overlay

    if name is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name):
        raise typer.BadParameter(f"{name!r} (allowed: letters, digits, _ . -)", param_hint="--name")
    found = look(file)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", file.name.split(".")[0]).strip("_-") or "mine"
    typer.echo(overlay(found, name or stem[:64]), nl=False)
