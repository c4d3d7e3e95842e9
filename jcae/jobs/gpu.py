"""One job per GPU of this machine: Snakemake counts GPUs but does not say which, so a job takes a lock on one."""

import logging
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks at the locks when all GPUs are taken."""


@contextmanager
def claim(device: str, *, folder: Path | None = None, identities: Mapping[str, str] | None = None) -> Iterator[str]:
    """Hold a device for the time of a job.

    Parameters
    ----------
    device : str
        ``cpu`` and a GPU with a number are given back as they are: nobody else is asked. ``cuda`` becomes the first
        GPU that no other job of this machine holds; when all are held, the job waits.
    folder : Path, optional
        Where the locks lie; a folder in the system's place for temporary files unless given. The locks of a job that
        is killed are gone with it.
    identities : dict of str to str, optional
        Device -> what it is, whatever number a job sees it under; torch is asked unless given.

    Yields
    ------
    str
        ``cpu`` or ``cuda:<number>``.
    """
    if device != "cuda":
        yield device
        return
    identities = visible_gpus() if identities is None else identities
    folder = Path(tempfile.gettempdir()) / "jcae-gpus" if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    locks = {name: FileLock(folder / f"{identity}.lock", mode=0o666) for name, identity in identities.items()}
    told = False
    while True:
        for name, lock in locks.items():
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            try:
                yield name
            finally:
                lock.release()
            return
        if not told:
            log.info("all of %s are held by other jobs; waiting", ", ".join(locks))
            told = True
        time.sleep(POLL)


def visible_gpus() -> dict[str, str]:
    """The GPUs that this process sees: ``cuda:<number>`` -> the card's own identifier."""
    import torch

    return {f"cuda:{i}": str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())}
