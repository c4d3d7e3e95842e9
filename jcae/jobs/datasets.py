"""The data sets of a config: what is asked for, and what it will be once it is prepared."""

import hashlib
from collections.abc import Mapping
from typing import Any

from jcae.data.formats import DataError
from jcae.data.outline import Outline, outline, request_digest
from jcae.data.request import Request, RequestError
from jcae.jobs.provenance import code_digest

RESERVED = ("all_data_sets", "equivalence", "how_many")
"""Folders of figures that are of no single data set."""


def read_requests(entries: Mapping[str, Any]) -> tuple[dict[str, Request], dict[str, Outline], list[str]]:
    """Look at all data sets of a config.

    Parameters
    ----------
    entries : mapping
        `datasets` of the config.

    Returns
    -------
    requests : dict of str to Request
    outlines : dict of str to Outline
        Of the data sets that can be had.
    problems : list of str
        What is wrong with the others, one line each.
    """
    requests, outlines, problems = {}, {}, []
    for name, entry in entries.items():
        if name in RESERVED:
            problems.append(f"datasets.{name}: figures lie in a folder of this name; call the data set otherwise")
            continue
        try:
            requests[name] = Request.of(name, entry, entries)
            outlines[name] = outline(requests[name])
        except RequestError as error:
            problems.append(f"datasets.{name}{'.' * bool(error.place)}{error.place}: {error}")
        except (DataError, OSError) as error:
            problems.append(f"datasets.{name}: {error}")
    return requests, outlines, problems


def preparation_digest(request: Request) -> str:
    """Changes when a data set would be prepared differently, not when another one joins the catalogue.

    Parameters
    ----------
    request : Request

    Returns
    -------
    str
        64 hexadecimal digits: of the files and facts that reach the arrays, and of the code that makes them: what reads
        these files, and what is done with every data set.
    """
    from jcae.data.loaders import LOADERS
    from jcae.data.own.reading import read
    from jcae.data.prepare import prepare

    readers = [LOADERS[dataset.loader] for dataset in request.catalogued()]
    if request.files():
        readers.append(read)
    code = [code_digest(reader) for reader in readers]
    # The facts of the catalogue are in the digest of the request; readers of other files do not count.
    code.append(code_digest(prepare, ("jcae.data.catalogue", "jcae.data.loaders", "jcae.data.own")))
    return hashlib.sha256("\n".join([request_digest(request), *code]).encode()).hexdigest()
