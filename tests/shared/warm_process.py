"""`jcae.contract.bare_fit` in forks of a process that has imported torch: its start is paid once and not per method.

A fork is where a fresh process is when `bare_fit` takes its first look: no method has been imported.
"""

import json
import subprocess
import sys
from pathlib import Path

SERVER = """
import json, os, sys, traceback
from pathlib import Path

import torch
from jcae.contract import bare_fit

bare_fit.blobs()
for line in sys.stdin:
    asked, file = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open(file + ".said", "w") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            Path(file).write_text(json.dumps(bare_fit.look(**asked)), encoding="utf-8")
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class WarmProcess:
    """Its `start` stands in for `jcae.contract.process.start`."""

    def __init__(self):
        self.process = self.environment = None

    def start(self, asked, file, environment):
        threads = environment["OMP_NUM_THREADS"]
        if self.process is None:
            command, pipe, self.environment = [sys.executable, "-c", SERVER], subprocess.PIPE, environment
            self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        assert threads == self.environment["OMP_NUM_THREADS"], "a library reads it once, when it is loaded"
        self.process.stdin.write(json.dumps([asked, str(file)], default=str) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess([], code, stderr=Path(f"{file}.said").read_text(encoding="utf-8"))

    def close(self):
        if self.process is not None:
            self.process.communicate()
