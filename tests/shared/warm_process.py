"""`python -m PROGRAM` in forks of a process that has imported large packages: those are most of what a short one costs.

A fork is where Python is before it runs the program, but for these imports: it has the folder, environment, streams and
path of modules that it is given. Nothing of our own is imported beforehand. It ends as `jcae.forkserver` says.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = """
import atexit, gc, json, os, runpy, signal, sys
from importlib import import_module

ended = []

def leave():
    if ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended[0])

atexit.register(leave)
for name in sys.argv[1:]:
    import_module(name)
gc.collect()
gc.freeze()
assert not {"jcae", "baselines", "snakemake_logger_plugin_jcae"} & set(sys.modules)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
asked = json.loads(line)
signal.alarm(asked["seconds"])
os.chdir(asked["folder"])
for stream, name in enumerate(asked["streams"]):
    opened = os.open(name, os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_APPEND)
    os.dup2(opened, stream)
    os.close(opened)
sys.stdin = open(0, encoding="utf-8", closefd=False)
os.environ.clear()
os.environ.update(asked["environment"])
sys.path[0] = asked["folder"]
given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
sys.path[1:] = given + [entry for entry in sys.path[1:] if entry not in given]
sys.argv = [asked["program"], *asked["arguments"]]
try:
    runpy.run_module(asked["program"], run_name="__main__", alter_sys=True)
    ended.append(0)
except SystemExit as end:
    if not isinstance(end.code, str):
        ended.append(int(end.code or 0))
    raise
"""


class WarmProcess:
    """Starts when it is first used, and ends with this process.

    Parameters
    ----------
    modules : sequence of str
        What is imported beforehand, with the environment of the first run.
    """

    def __init__(self, modules):
        self.modules, self.process, self.threads = modules, None, None

    def run(self, program, *arguments, folder, environment, given="", seconds=600):
        """Exit code and what was said, on both streams in one, as `subprocess.run` gives them."""
        if self.process is None:
            command, pipe = [sys.executable, "-c", SERVER, *self.modules], subprocess.PIPE
            bare = {**environment, "PYTHONPATH": ""}
            self.process = subprocess.Popen(command, env=bare, stdin=pipe, stdout=pipe, text=True)
            self.threads = environment["OMP_NUM_THREADS"]
        assert self.threads == environment["OMP_NUM_THREADS"], "libraries read it when they are imported"
        with tempfile.TemporaryDirectory() as streams:
            names = [f"{streams}/{name}" for name in ("given", "said")]
            for name, text in zip(names, (given, ""), strict=True):
                Path(name).write_text(text, encoding="utf-8")
            asked = {"program": program, "arguments": [*map(str, arguments)], "folder": str(folder)}
            asked |= {"environment": environment, "streams": [*names, names[1]], "seconds": seconds}
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
            said = Path(names[1]).read_text(encoding="utf-8")
        return subprocess.CompletedProcess([program, *arguments], code, said, said)
