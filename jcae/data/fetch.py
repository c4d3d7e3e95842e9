"""Getting the files of a data set: several addresses, checksums, and never a half-written file.

The checksum of the catalogue is that of what is stored: of an archive the archive, of any other file the decompressed
content. So a mirror may hold the latter plain or gzipped, and ``sha256sum`` on the stored file gives the number in the
catalogue.
"""

import gzip
import hashlib
import os
import re
import sys
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

from jcae.data.facts import Dataset, Source
from jcae.files import beside, file_sha256, replacing

MIRROR_VARIABLE = "JCAE_DATA_MIRROR"
CONNECT_TIMEOUT = 10.0  # seconds until a server must have accepted
READ_TIMEOUT = 30.0  # seconds that a server may fall silent
ATTEMPTS = 3  # per address, for what may go away by itself
WAIT = 1.0  # seconds before the second attempt; doubles after each
_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


LARGEST_FILE = 4 << 30  # bytes of a file, unpacked; the largest here, the archive of STL-10, has 2.6 GB


class FetchError(RuntimeError):
    """A file could not be had from any address; the message says what was tried and why each failed."""


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """One address failed; the text is the reason."""


def fetch(dataset: Dataset, raw_dir: Path, mirror: str | Path | None = None, progress: bool = True) -> list[Path]:
    """Bring the files of a data set into a folder.

    A file that is there with the right checksum is left alone; one with a wrong checksum is replaced, with a warning.
    A file appears under its name only when it is complete and its checksum is right. Where no checksum is known, a file
    is taken as it is served, with a warning.

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
        One per source, in the order of the catalogue; decompressed, but for archives.

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
            _, complaint = examine(source, path)
            if not complaint:
                continue
            warnings.warn(f"{path} has {complaint}: fetching it again", stacklevel=2)
        _fetch_one(dataset, source, path, mirror, progress and sys.stderr.isatty())
        if not source.checked:
            warnings.warn(
                f"{path}: no checksum of this file is known; it is taken as served, sha256 {file_sha256(path)}",
                stacklevel=2,
            )
    return paths


def examine(source: Source, path: Path) -> tuple[str, str]:
    """Compare a stored file with the checksums that the catalogue has for it.

    Parameters
    ----------
    source : Source
    path : Path

    Returns
    -------
    sha256 : str
    complaint : str
        What was found and what was expected; empty for the right file, and for one without a known checksum.
    """
    found = file_sha256(path)
    if not source.checked or found in (source.sha256, *source.also):
        return found, ""
    if source.md5 is None:
        return found, f"sha256 {found}, expected {source.sha256}"
    with open(path, "rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return found, "" if md5 == source.md5 else f"md5 {md5}, expected {source.md5}"


def _fetch_one(dataset: Dataset, source: Source, path: Path, mirror: str | Path | None, bar: bool) -> None:
    failures = []
    for address in [*_in_mirror(mirror, dataset, source), *source.addresses]:
        try:
            with replacing(path) as part:
                if _is_url(address):
                    with beside(path) as container:
                        _download(address, container, bar)
                        _unpack(container, part, source)
                else:
                    _unpack(Path(address), part, source)
        except _Refused as error:
            # A mirror's address may hold a user and password, which have no place in a log.
            failures.append(f"  {re.sub('//[^/]*@', '//', address)}: {error}")
        else:
            return
    raise FetchError(
        f"cannot fetch file {source.name!r} of data set {dataset.name!r}; tried\n" + "\n".join(failures) + "\n"
        f"If you have the file, set {MIRROR_VARIABLE} to a folder or an http(s) address that holds it as "
        f"{dataset.folder}/{source.name}" + ("" if source.packed else f" or {dataset.folder}/{source.name}.gz")
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
    return [base] if source.packed else [f"{base}.gz", base]


def _unpack(container: Path, target: Path, source: Source) -> None:
    """Write what is to be stored to ``target``, and check it."""
    try:
        file = open(container, "rb")  # noqa: SIM115 - closed below; errors of the target are not reasons to go on
    except OSError as error:
        raise _Refused(error.strerror or str(error)) from None
    with file, open(target, "wb") as out:
        beginning = file.read(64)
        file.seek(0)
        unpack = beginning.startswith(_GZIP_MAGIC) and not source.packed
        content: Any = gzip.GzipFile(fileobj=file) if unpack else file
        try:
            while chunk := content.read(_CHUNK):
                if out.tell() + len(chunk) > LARGEST_FILE:
                    raise _Refused(f"over {LARGEST_FILE} bytes{' when unpacked' if unpack else ''}")
                out.write(chunk)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _Refused(f"damaged or cut off gzip file ({error})") from None
        size = out.tell()
    # Proxies and login pages answer 200 with a page of their own.
    is_page = beginning.lstrip().lower().startswith((b"<!doctype", b"<html"))
    _, complaint = examine(source, target)
    if complaint:
        raise _Refused(f"wrong content{' (a web page, not data)' if is_page else ''}: {size} bytes, {complaint}")
    if not source.checked:
        if is_page or not size:
            raise _Refused("a web page, not data" if size else "an empty file")
        if source.name.endswith(".gz"):
            _check_gzip(target)


def _check_gzip(path: Path) -> None:
    """Read a gzip file to its end, where its own checksum lies: the only check there is when no other is known."""
    try:
        with gzip.open(path) as content:
            while content.read(_CHUNK):
                pass
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _Refused(f"damaged or cut off gzip file ({error})") from None


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
                    progressbar=progress if bar else False,
                    chunk_size=_CHUNK,
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    hooks={"response": _check_response},
                )(url, str(target), None)
            return
        except requests.RequestException as error:
            reason, may_pass = _explain(error)
            if not may_pass or attempt == ATTEMPTS:
                raise _Refused(reason + (f" ({attempt} attempts)" if attempt > 1 else "")) from None
            time.sleep(WAIT * 2 ** (attempt - 1))


def _check_response(response: Any, **_: Any) -> None:
    """Refuse an answer that must not be taken: redirected from https to http, or absurdly large."""
    from requests.exceptions import InvalidURL, RequestException

    if response.request.url.startswith("https://") and response.headers.get("Location", "").startswith("http://"):
        raise InvalidURL(f"redirected to {response.headers['Location']}, which is not encrypted")
    if int(response.headers.get("Content-Length", 0)) > LARGEST_FILE:
        raise RequestException(f"announces {response.headers['Content-Length']} bytes, over {LARGEST_FILE}")


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
