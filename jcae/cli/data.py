"""Verbs: from the catalogue to arrays."""

from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import (
    Out,
    app,
)


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
