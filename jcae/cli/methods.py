"""Verbs: a new method, and whether a method keeps to the contract."""

import os
from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import (
    app,
)


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
        from jcae.jobs.config import read_config
        from jcae.jobs.plan import method_spec

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
