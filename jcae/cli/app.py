"""The command line itself: how errors are told, and the options that several verbs share."""

import json
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
        from jcae.extras import MissingExtraError, extra

        try:
            with extra("bench", "this verb"):
                return super().invoke(ctx)
        except Exception as error:
            if not _is_message(error):
                raise
            text = (
                f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
            )
            typer.echo(f"jcae: {text}", err=True)
            mendable = isinstance(error, (ValueError, FileNotFoundError, MissingExtraError))
            raise typer.Exit(2 if mendable else 1) from None


def _is_message(error: Exception) -> bool:
    """Whether an error was raised to be read: by the system, of our own types, or a ValueError from our own lines."""
    if isinstance(error, typer.Exit):
        return False
    if isinstance(error, OSError) or type(error).__module__.startswith("jcae."):
        return True
    if not isinstance(error, (ValueError, RuntimeError)):
        return False
    raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return raised_in.is_relative_to(Path(__file__).parents[1])


app = typer.Typer(cls=_Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=(
    "Benchmark deep clustering: every step of the pipeline as a verb, files in, files out."
))  # fmt: skip

Features = Annotated[Path, typer.Option(help="features.npz; card.json lies beside it.")]
Truth = Annotated[Path | None, typer.Option(help="truth.npz; without it, scores that need it are left out.")]
Results = Annotated[Path, typer.Option(help="Folder of the run, results/<run>.")]
ScoredFeatures = Annotated[
    Path | None, typer.Option(help="features.npz; without it, scores among the features are left out.")
]
ScoredGraph = Annotated[Path | None, typer.Option(help="graph.npz; without it, scores on the graph are left out.")]
Block = Annotated[list[str] | None, typer.Option(help="Keep this block of seeds: 0-4, 0 or 0,2,5; without any, all.")]
Fit = Annotated[Path | None, typer.Option(help="fit.npz: points to fit on, where others are labelled.")]
Graph = Annotated[Path | None, typer.Option(help="graph.npz, for methods that take a graph.")]
Pretrained = Annotated[Path | None, typer.Option(help="Block folder of the autoencoder to start from.")]
Crashed = Annotated[
    int | None,
    typer.Option(help="Exit code of an earlier call that the method took down: record that, where it is a crash."),
]
Wording = Annotated[
    str, typer.Option(help="What tables call methods, and how these were tuned, as JSON: data set, method, words.")
]
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


def read_json(text: str, option: str) -> Any:
    """The value of an option that is JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=option) from None


def read_spec(text: str) -> dict[str, Any]:
    """The value of --spec."""
    spec = read_json(text, "--spec")
    if not isinstance(spec, dict) or "dataset" not in spec or not {"method", "autoencoder"} & spec.keys():
        raise typer.BadParameter("names no dataset, or neither a method nor an autoencoder", param_hint="--spec")
    return spec


def command_line() -> str:
    """What was typed, for the records."""
    return shlex.join(["jcae", *sys.argv[1:]])


def write_csv(table: Any, path: Path) -> None:
    """Write a table whole or not at all."""
    from jcae.files import atomic_write

    atomic_write(path, lambda file: table.to_csv(file, index=False))
