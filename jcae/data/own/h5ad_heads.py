"""Reads what is small in an h5ad file, as the reader does: run by `jcae.data.own.probe`, in a process of its own."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jcae.data.formats import DataError
from jcae.data.own.h5ad import Opened


def read_heads(path: Path) -> None:
    """Read whatever is small, the way the reader does."""

    def attempt(read: Callable, *arguments: str) -> list[str]:
        with suppress(DataError), Opened(path, probed=True) as file:
            return read(file, *arguments) or []
        return []

    attempt(Opened.kind)
    attempt(Opened.names, "var")
    for column in attempt(Opened.obs_columns):
        attempt(lambda file, name: file.column(name).size and [], column)


if __name__ == "__main__":
    read_heads(Path(sys.argv[1]))
