"""Verbs: the clustering module against the Gaussian mixture."""

from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import (
    Device,
    Features,
    Out,
    Seeds,
    Truth,
    app,
    write_csv,
)

equivalence = typer.Typer(no_args_is_help=True, help="The clustering module against the Gaussian mixture.")
app.add_typer(equivalence, name="equivalence")


@equivalence.command()
def algebra(features: Features, name: Annotated[str, typer.Option(help="Of the data set.")], out: Out) -> None:
    """Evaluate the identities in float64 on a data set; failures are rows, for `verify` to judge."""
    from jcae.equivalence.files import write_algebra

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
    name: Annotated[str, typer.Option(help="Of the data set.")],
    seeds: Seeds,
    out: Annotated[Path, typer.Option(help="Folder; gets scores, agreement, tests and fixed_point (csv).")],
    margin: Annotated[float, typer.Option(help="Largest mean difference that counts as the same.")] = 0.02,
    level: Annotated[float, typer.Option(help="Of each one-sided test.")] = 0.05,
    alpha_prior: Annotated[float, typer.Option(help="Dirichlet concentration, per batch.")] = 2.0,
    truth: Truth = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="[default: enough for 2000 updates]")] = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 64,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 0.01,
    device: Device = "cpu",
) -> None:
    """Fit clustering module, mixture and k-means from the same starts and compare them."""
    from jcae.equivalence.files import write_empirics
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

    from jcae.equivalence.files import summarise

    # The identities on random data are checked beside every data set.
    algebra = pd.concat([pd.read_csv(folder / name / "algebra.csv") for name in names]).drop_duplicates()
    write_csv(algebra, folder / "algebra.csv")
    summary = summarise(folder)["summary"]
    write_csv(summary[summary["dataset"].isin(names)], folder / "summary.csv")


@equivalence.command("tables")
def equivalence_tables(
    folder: Annotated[Path, typer.Argument(help="results/<run>/equivalence.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables: csv, md, tex, html.")],
) -> None:
    """Write algebra.csv and summary.csv as tables."""
    from jcae.tables.equivalence import write_equivalence_tables

    write_equivalence_tables(folder, out)


def _n_clusters(features: Path) -> int:
    from jcae.data.stored import load_card

    return load_card(features.with_name("card.json"))["n_clusters"]
