"""Files and folders that are there whole or not at all."""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

_mine: set[str] = set()
"""Temporary names that this process uses at the moment."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Name for a temporary file or folder beside ``path``; what is there at the end is deleted.

    So is, at the start, what dead processes left of theirs.

    Yields
    ------
    Path
        ``<name>.tmp.<process>.<random>``, of which nothing exists yet.
    """
    # Not tempfile: its files are readable by their owner only, and would stay so after the move.
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    _mine.add(temporary.name)
    try:
        yield temporary
    finally:
        _remove(temporary)
        _mine.discard(temporary.name)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : path
        Where the file shall be; its folders are made, an older one is replaced.

    Yields
    ------
    Path
        Name in the same folder to write to. It is moved over ``path`` when the block ends well, else deleted.
    """
    path = Path(path)
    with beside(path) as temporary:
        yield temporary
        _fsync(temporary)
        os.replace(temporary, path)
    _fsync(path.parent)


def atomic_write(path: str | Path, writer: Callable[[BinaryIO], Any]) -> None:
    """Write a file whole or not at all, by a function that gets it open.

    Parameters
    ----------
    path : path
        The file; its folders are made, an older one is replaced.
    writer : callable
        Gets the open binary file and writes to it.
    """
    with replacing(path) as temporary, temporary.open("wb") as handle:
        writer(handle)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; move it there at the end, or remove it when the body raises.

    An older folder at ``path`` is replaced.
    """
    path = Path(path)
    with beside(path) as temporary:
        temporary.mkdir()
        yield temporary
        for folder, _, files in os.walk(temporary):
            for name in files:
                _fsync(Path(folder, name))
            _fsync(Path(folder))
        if path.exists():  # a folder with content cannot be replaced in one step
            with beside(path) as old:
                os.rename(path, old)
                os.rename(temporary, path)
        else:
            os.rename(temporary, path)
    _fsync(path.parent)


def _remove_leftovers(path: Path) -> None:
    """Remove what dead processes left beside ``path``; a number that is ours now may have been a dead process's."""
    pattern = re.compile(re.escape(path.name) + r"\.tmp\.(\d+)\.[0-9a-f]+")
    for entry in list(os.scandir(path.parent)):
        found = pattern.fullmatch(entry.name)
        if found and entry.name not in _mine and (int(found[1]) == os.getpid() or not _is_alive(int(found[1]))):
            _remove(Path(entry.path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _fsync(path: Path) -> None:
    """Make content, or the new names in a folder, durable; Windows cannot open a folder and needs no such call."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: str | Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
