"""Getting the files of a data set: several addresses, checksums, and never a half-written file.

The checksum of the catalogue is that of the decompressed content, and the decompressed content is what is stored. So a
mirror may hold the files plain or gzipped, and ``sha256sum`` on the stored file gives the number in the catalogue.
"""

import gzip
import hashlib
import os
import re
import sys
import time
import uuid
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jcae.data.catalogue import Dataset, Source

MIRROR_VARIABLE = "JCAE_DATA_MIRROR"
CONNECT_TIMEOUT = 10.0  # seconds until a server must have accepted
READ_TIMEOUT = 30.0  # seconds that a server may fall silent
ATTEMPTS = 3  # per address, for what may go away by itself
WAIT = 1.0  # seconds before the second attempt; doubles after each
_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


class FetchError(RuntimeError):
    """A file could not be had from any address; the message says what was tried and why each failed."""


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """One address failed; the text is the reason."""


def fetch(dataset: Dataset, raw_dir: Path, mirror: str | Path | None = None, progress: bool = True) -> list[Path]:
    """Bring the files of a data set into a folder.

    A file that is there with the right checksum is left alone; one with a wrong checksum is replaced, with a warning.
    A file appears under its name only when it is complete and its checksum is right.

    Parameters
    ----------
    dataset : Dataset
        Entry of the catalogue; without sources there is nothing to do.
    raw_dir : Path
        Folder of this data set's files; made when missing.
    mirror : str or Path, optional
        Folder or http(s) address that is tried first, as ``<mirror>/<dataset.folder>/<file>`` with or without ``.gz``.
        Default: the environment variable ``JCAE_DATA_MIRROR``.
    progress : bool
        Show a bar per download, if standard error is a terminal.

    Returns
    -------
    list of Path
        One per source, in the order of the catalogue; decompressed.

    Raises
    ------
    FetchError
        A file could not be had from any address. A file that was there before stays.
    """
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    raw_dir = Path(raw_dir)
    paths = [raw_dir / source.name for source in dataset.sources]
    for source, path in zip(dataset.sources, paths, strict=True):
        if path.exists():
            found = file_sha256(path)
            if found == source.sha256:
                continue
            warnings.warn(f"{path} has sha256 {found}, expected {source.sha256}: fetching it again", stacklevel=2)
        _fetch_one(dataset, source, path, mirror, progress and sys.stderr.isatty())
    return paths


def file_sha256(path: Path) -> str:
    """Checksum of a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Name for a temporary file in the folder of ``path``; whatever is there afterwards is deleted."""
    # Not tempfile: its files are readable by their owner only, and would stay so after the move.
    part = path.parent / f".{path.name}.{uuid.uuid4().hex[:12]}.part"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        Where the file shall be; its folder is made when missing.

    Yields
    ------
    Path
        Name in the same folder to write to. It is moved over ``path`` when the block ends well, else deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as part:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable; Windows cannot open a folder and needs no such call."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _fetch_one(dataset: Dataset, source: Source, path: Path, mirror: str | Path | None, bar: bool) -> None:
    failures = []
    for address in [*_in_mirror(mirror, dataset, source), *source.addresses]:
        try:
            with replacing(path) as part:
                if _is_url(address):
                    with _beside(path) as container:
                        _download(address, container, bar)
                        _unpack(container, part, source.sha256)
                else:
                    _unpack(Path(address), part, source.sha256)
        except _Refused as error:
            # A mirror's address may hold a user and password, which have no place in a log.
            failures.append(f"  {re.sub('//[^/]*@', '//', address)}: {error}")
        else:
            return
    raise FetchError(
        f"cannot fetch file {source.name!r} of data set {dataset.name!r}; tried\n" + "\n".join(failures) + "\n"
        f"If you have the file, set {MIRROR_VARIABLE} to a folder or an http(s) address that holds it as "
        f"{dataset.folder}/{source.name} or {dataset.folder}/{source.name}.gz"
    )


def _is_url(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _in_mirror(mirror: str | Path | None, dataset: Dataset, source: Source) -> list[str]:
    """Where a mirror may hold the file, gzipped or plain."""
    if not mirror:
        return []
    if not _is_url(str(mirror)):
        if "://" in str(mirror):
            raise FetchError(f"mirror {str(mirror)!r} is neither a folder nor an http:// or https:// address")
        mirror = Path(mirror).expanduser()
    base = f"{str(mirror).rstrip('/')}/{dataset.folder}/{source.name}"
    return [f"{base}.gz", base]


def _unpack(container: Path, target: Path, sha256: str) -> None:
    """Write the decompressed content of a file to ``target``, and check it on the way."""
    digest = hashlib.sha256()
    try:
        file = open(container, "rb")  # noqa: SIM115 - closed below; errors of the target are not reasons to go on
    except OSError as error:
        raise _Refused(error.strerror or str(error)) from None
    with file, open(target, "wb") as out:
        beginning = file.read(64)
        file.seek(0)
        content: Any = gzip.GzipFile(fileobj=file) if beginning.startswith(_GZIP_MAGIC) else file
        try:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _Refused(f"damaged or cut off gzip file ({error})") from None
        size = out.tell()
    if digest.hexdigest() != sha256:
        # Proxies and login pages answer 200 with a page of their own.
        page = " (a web page, not data)" if beginning.lstrip().lower().startswith((b"<!doctype", b"<html")) else ""
        raise _Refused(f"wrong content{page}: {size} bytes, sha256 {digest.hexdigest()}, expected {sha256}")


def _download(url: str, target: Path, bar: bool) -> None:
    """Get one address, and try again when the failure may pass."""
    try:
        import pooch
        import requests
        from tqdm import tqdm
    except ImportError as error:
        raise _Refused(f"downloading needs the package pooch ({error})") from None

    for attempt in range(1, ATTEMPTS + 1):
        try:
            # pooch sets the total when the server has told it, but tests the bar's truth, hence its total, before.
            with tqdm(
                total=1, desc=url.rpartition("/")[2], unit="B", unit_scale=True, leave=False, disable=not bar
            ) as progress:
                pooch.HTTPDownloader(
                    progressbar=progress if bar else False, chunk_size=_CHUNK, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
                )(url, str(target), None)
            return
        except requests.RequestException as error:
            reason, may_pass = _explain(error)
            if not may_pass or attempt == ATTEMPTS:
                raise _Refused(reason + (f" ({attempt} attempts)" if attempt > 1 else "")) from None
            time.sleep(WAIT * 2 ** (attempt - 1))


def _explain(error: Any) -> tuple[str, bool]:
    """Say in short what went wrong, and whether it may go away by itself."""
    from requests import exceptions
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, exceptions.HTTPError):
        code = error.response.status_code
        return f"HTTP {code} {error.response.reason}", code in (408, 429) or code >= 500
    if isinstance(error, exceptions.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT:g} s", False
    if isinstance(error, exceptions.Timeout):
        return f"no answer within {READ_TIMEOUT:g} s", True
    if isinstance(error, exceptions.SSLError | exceptions.ProxyError):
        return str(error), False
    if isinstance(error, exceptions.ConnectionError | exceptions.ChunkedEncodingError):
        # requests wraps urllib3, which keeps the cause of its own retries in `reason`.
        cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
        # Nobody listens, or the name is not known: with a list of addresses, the next one is the better attempt.
        return str(cause).partition(": ")[2] or str(cause), not isinstance(cause, NewConnectionError)
    return str(error), False
