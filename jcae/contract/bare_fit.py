"""What importing and fitting a method change of a process that does nothing else; `jcae.contract.process` starts it.

It reads JSON (the arguments of `look`) from the standard input and writes JSON to the file that it is told:
`imports` and `fit`, the names of what each changed, and `raised`, what the fit ended in, or null. `guarded` fits as the
runner does, which puts back what a fit changes.
"""

import contextlib
import json
import sys
from pathlib import Path

from jcae.contract.example_data import blobs
from jcae.contract.subject import Subject
from jcae.jobs.exits import one_line
from jcae.training.isolation import changes, process_state, unchanged_process

# Its own way of finding files is `jcae.jobs.classes.load_class`'s, and ends with the process.
FOUND_BY_US = "sys.path"


def look(use: str, params: dict, guarded: bool, threads: int) -> dict:
    """Import and fit, and say what is another afterwards.

    The numbers of threads are odd ones, so that a method that sets them to 1 or to all cores is seen to do so.
    """
    import torch

    blobs()  # what the checks themselves import is not the method's doing
    torch.set_num_threads(threads)
    before = process_state()
    subject = Subject(use, params)
    imported = process_state()
    raised = None
    try:
        with unchanged_process() if guarded else contextlib.nullcontext():
            subject.fit(subject.easy)
    except BaseException as error:
        raised = one_line(error)
    fitted = process_state()
    imports = [name for name in changes(before, imported) if name != FOUND_BY_US]
    return {"imports": imports, "fit": changes(imported, fitted), "raised": raised}


if __name__ == "__main__":
    found = look(**json.load(sys.stdin))
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
