"""A first look at an h5ad file in a process of its own: on damaged bytes the HDF5 library may crash, or never end.

Of 7000 files with bytes changed, one crashed it and three sent it in circles, always while it read attributes.
"""

import subprocess
import sys
from pathlib import Path

from jcae.data.formats import DataFormatError

_READS_HEADS = "jcae.data.own.h5ad_heads"

SECONDS = 120
"""Longer than the attributes and the columns of obs take, of any file that is whole."""


def probe(path: Path) -> None:
    """See whether HDF5 survives a file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DataFormatError
        It does not. Whatever else is wrong is left to the reader, which can say what it is.
    """
    command = [sys.executable, "-m", _READS_HEADS, str(path)]
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataFormatError(f"{path}: damaged, HDF5 was not done with its heads after {SECONDS} seconds") from None
    if done.returncode < 0:
        raise DataFormatError(f"{path}: damaged, HDF5 crashed on it (signal {-done.returncode})")
