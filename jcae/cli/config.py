"""Verbs: what a config would run, and the lock that a killed run left."""

import json
from pathlib import Path
from typing import Annotated

import typer

from jcae.cli.app import (
    app,
)


@app.command("check-config")
def check_config(
    files: Annotated[list[Path], typer.Argument(help="Config files; later ones are laid over earlier ones.")],
    run_only: Annotated[bool, typer.Option("--run", help="Print only the name of the run.")] = False,
) -> None:
    """Check a config and say what it would run, without starting anything."""
    from jcae.jobs.config import read_config
    from jcae.jobs.plan import make_plan

    plan = make_plan(read_config(files))
    if run_only:
        typer.echo(plan.run)
        return
    over_counts = sum(len(job.counts) for job in plan.jobs.values())
    typer.echo(
        f"run {plan.run}: {len(plan.jobs)} pairs of {len(plan.datasets)} data sets and {len(plan.methods)} methods, "
        f"{len(plan.seeds)} seeds in blocks {' '.join(plan.blocks)}, {len(plan.pretraining)} autoencoders; "
        f"{(len(plan.jobs) + len(plan.pretraining) + over_counts) * len(plan.blocks)} training jobs"
    )
    for name, job in [*plan.pretraining.items(), *plan.jobs.items()]:
        counts = f" and with {', '.join(job.counts)} clusters" if job.counts else ""
        typer.echo(f"{'/'.join(name):40} {job.spec['use']} {json.dumps(job.spec['params'])}{counts}")


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
