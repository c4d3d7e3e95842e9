"""Check of what all code of a process shares: threads, global generators, warnings, environment."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jcae.contract.registry import BrokenError, NotApplicableError, check
from jcae.contract.subject import Subject

PUT_BACK = "fit inside `with jcae.training.isolation.unchanged_process():`, which puts it back"


@check("process")
def check_process(subject: Subject) -> None:
    """Import and fit leave the process as it was: threads, global generators, warnings, environment, folder."""
    found = _look(subject)
    for what, changed in (("importing", found["imports"]), ("fitting", found["fit"])):
        if changed and subject.third_party:
            raise NotApplicableError(f"of an installed package; {what} it changes {', '.join(changed)} for good")
        if changed:
            raise BrokenError(f"{what} it changes {', '.join(changed)}, which others in the process share; {PUT_BACK}")
    if found["raised"]:
        raise NotApplicableError(f"its fit raises {found['raised']}; nothing had been changed until then")


def _look(subject: Subject) -> dict[str, Any]:
    """Import and fit it in a process of its own: in this one its imports have been done."""
    threads = 3 if os.cpu_count() == 2 else 2
    asked = {"use": subject.use, "params": subject.params, "guarded": subject.third_party, "threads": threads}
    # The same modules are found as here.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        done = start(asked, file, environment)
        if not file.exists():
            said = done.stderr.strip().splitlines()[-1:] or ["nothing was said"]
            raise BrokenError(f"it ends its process with the code {done.returncode} ({said[0]}): raise an exception")
        return json.loads(file.read_text(encoding="utf-8"))


def start(asked: dict[str, Any], file: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    """Have `jcae.contract.bare_fit` look in a process of its own, which writes what it found to the file."""
    return subprocess.run(
        [sys.executable, "-m", "jcae.contract.bare_fit", file],
        input=json.dumps(asked, default=str),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
