"""A grid through a real Slurm, started here: preempted, requeued and cancelled, it ends with the bits of a local run.

`make test-cluster` runs it as root where Debian's slurm-wlm and munge are installed. The GPU is a pretended one: Slurm
lends it out like any other, and jobs learn of it by CUDA_VISIBLE_DEVICES. One node has it, with more cores than the
machine: jobs of the grid would meet there if Slurm did not keep them apart.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from project import copy_project

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
CONFIGURATION = Path("/etc/slurm")  # jobs look nowhere else
MISSING = [program for program in PROGRAMS if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None]

if "JCAE_TEST_SLURM" not in os.environ:
    pytest.skip("starts Slurm on this machine, which `make test-cluster` asks for", allow_module_level=True)
if MISSING:
    pytest.skip(f"needs Slurm (Debian: slurm-wlm, munge): no {', '.join(MISSING)}", allow_module_level=True)
if os.geteuid() != 0:
    pytest.skip("needs root, to start Slurm", allow_module_level=True)
if any((CONFIGURATION / name).exists() for name in ("slurm.conf", "gres.conf")):
    pytest.skip(f"needs to configure Slurm, and {CONFIGURATION} is in use", allow_module_level=True)

SLURM_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
MinJobAge=600
SchedulerParameters=bf_interval=2
KillWait=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=node Default=YES MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=urgent Nodes=node MaxTime=INFINITE PriorityTier=2 PreemptMode=OFF State=UP
"""
GRES_CONF = "NodeName=node Name=gpu File=/dev/null\n"

# Four methods that leave a line behind, per epoch or fit. Two deep ones at once would find the lock taken, and fail.
WATCHED = '''
"""Methods that say where they ran."""
import fcntl
import os
import time
from pathlib import Path

from sklearn.cluster import KMeans

from jcae import AECM

SLURM = "SLURM_JOB_ID" in os.environ


def leave_line(name):
    folder = Path("seen")
    folder.mkdir(exist_ok=True)
    with (folder / name).open("a") as file:
        job, gpu = (os.environ.get(variable, "none") for variable in ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES"))
        print(job, os.getpid(), gpu, file=file)


class Plain(KMeans):
    def fit(self, X, y=None):
        leave_line("plain")
        return super().fit(X)


class Preempted(AECM):
    def fit_seeds(self, X, seeds, **options):
        self.set_params(device="cpu")  # bits are compared, and the GPU is none
        with Path("lock").open("w") as lock:
            if SLURM:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return super().fit_seeds(X, seeds, **options)

    def training_phases(self, block):
        phases = super().training_phases(block)
        for phase in phases:
            phase.monitor = self.watch
        return phases

    def watch(self, x):
        leave_line(type(self).__name__.lower())
        if SLURM:
            time.sleep(0.2)
        return {}


class Requeued(Preempted):
    pass


class Cancelled(Preempted):
    pass
'''
EPOCHS = 40
PASSES = EPOCHS + 1  # the last one averages
METHODS = ("plain", "preempted", "requeued", "cancelled")
GRID = f"""
run: grid
seeds: [0, 1]
seeds_per_job: 2
device: auto
checkpoint_every: 5
only: {{datasets: [wine], methods: [{", ".join(METHODS)}]}}
methods:
  plain: {{use: baselines.watched.Plain, params: {{n_init: 1}}}}
  preempted: &deep {{use: baselines.watched.Preempted, params: {{epochs: {EPOCHS}, hidden: [8], code_dim: 3}}}}
  requeued: {{<<: *deep, use: baselines.watched.Requeued}}
  cancelled: {{<<: *deep, use: baselines.watched.Cancelled}}
equivalence: {{datasets: []}}
"""
TARGET = "results/grid/scores.csv"
PATIENCE = 1200  # seconds, for a machine that does much else
OFTEN = ("--seconds-between-status-checks", "2", "--latency-wait", "10")


def call(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@contextmanager
def running(folder, *command):
    """A daemon in the foreground; what it says goes into a file."""
    with (folder / f"{command[0]}.log").open("w") as log:
        process = subprocess.Popen(
            [shutil.which(command[0], path="/usr/sbin:/usr/bin"), *command[1:]], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A cluster of one node."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    CONFIGURATION.mkdir(exist_ok=True)
    with ExitStack() as stack:
        for name, text in (("slurm.conf", SLURM_CONF.format(host=host, folder=folder)), ("gres.conf", GRES_CONF)):
            stack.callback((CONFIGURATION / name).unlink, missing_ok=True)
            (CONFIGURATION / name).write_text(text)
        files = {"key": key, "socket": f"{folder}/munge.socket"}
        files |= {f"{kind}-file": f"{folder}/munged.{kind}" for kind in ("pid", "log", "seed")}
        stack.enter_context(
            running(folder, "munged", "-F", "--force", *(f"--{name}={file}" for name, file in files.items()))
        )
        wait_until((folder / "munge.socket").exists, 30, (folder / "munged.log").read_text())
        stack.enter_context(running(folder, "slurmctld", "-D"))
        stack.enter_context(running(folder, "slurmd", "-D", "-N", "node"))

        def is_idle():
            return subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout.strip() == "idle"

        wait_until(is_idle, 60, f"Slurm does not start, see {folder}")
        stack.callback(subprocess.run, ["scancel", "--user=root"], check=False)
        yield folder


def make_project(tmp_path_factory, data=None):
    project = copy_project(tmp_path_factory.mktemp("grid") / "project")
    project.write("baselines/watched.py", WATCHED)
    project.write("grid.yaml", GRID)
    if data:
        shutil.copytree(data.folder / "data", project.folder / "data")
    for name in [name for name in project.environment if name.startswith(("SLURM_", "CUDA_VISIBLE"))]:
        del project.environment[name]
    return project


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The grid, on this machine alone."""
    project = make_project(tmp_path_factory)
    result = project.snakemake("--configfile", "grid.yaml", "--", TARGET)
    assert result.returncode == 0, result.stdout
    return project


def jobs_of(method):
    """Slurm's jobs that train a method, as dicts of what scontrol says, oldest first."""
    lines = call("scontrol", "--oneliner", "show", "job").splitlines()
    jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
    return [job for job in jobs if "train_method" in job.get("Comment", "") and f"_{method}_" in job["Comment"]]


def preempt(job):
    call("sbatch", "--parsable", "--partition=urgent", "--gpus=1", "--mem=100", "--output=/dev/null", "--wrap=sleep 1")


def requeue(job):
    call("scontrol", "requeue", job)


def cancel(job):
    call("scancel", job)


DISTURB = {"preempted": preempt, "requeued": requeue, "cancelled": cancel}


@pytest.fixture(scope="module")
def disturbed(slurm, local, tmp_path_factory):
    """The grid through the Slurm profile, each of its trainings cut off once, after its first checkpoint."""
    project = make_project(tmp_path_factory, data=local)
    # Without accounting: the plugin would ask sacct, and wait for ever.
    settings = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2", *OFTEN]
    command = ["snakemake", "--workflow-profile", "slurm", *settings, "--configfile", "grid.yaml", "--", TARGET]
    with (project.folder / "snakemake.log").open("w") as log:
        process = subprocess.Popen(
            project.command(*command), cwd=project.folder, env=project.environment, stdout=log, stderr=subprocess.STDOUT
        )
    waiting = dict(DISTURB)
    try:
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            for method in list(waiting):
                if any((project.folder / f"results/grid/checkpoints/runs/wine/{method}").rglob("*.safetensors")):
                    waiting.pop(method)(jobs_of(method)[-1]["JobId"])
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    project.first_run = (project.folder / "snakemake.log").read_text()
    assert process.returncode == 0, project.first_run
    assert not waiting, f"ended before they were disturbed: {list(waiting)}"
    return project


def labels(project, method):
    found = {}
    for seed in ("0", "1"):
        with np.load(project.folder / f"results/grid/runs/wine/{method}/0-1/{seed}/labels.npz") as arrays:
            found |= {(seed, name): arrays[name].tobytes() for name in arrays.files}
    return found


def seen(project, method):
    """Lines that a method left: number of Slurm's job, number of the process, its GPU."""
    return [line.split() for line in (project.folder / "seen" / method).read_text().splitlines()]


def test_same_bits_as_locally(disturbed, local):
    for method in METHODS:
        assert labels(disturbed, method) == labels(local, method), method
    assert (disturbed.folder / TARGET).read_bytes() == (local.folder / TARGET).read_bytes()
    weights = [sorted(project.folder.glob("results/grid/runs/*/*/*/*/*.safetensors")) for project in (disturbed, local)]
    assert len(weights[0]) == 6
    assert [file.read_bytes() for file in weights[0]] == [file.read_bytes() for file in weights[1]]


@pytest.mark.parametrize("method", DISTURB)
def test_cut_off_training_goes_on_from_its_checkpoint(disturbed, local, method):
    assert len(seen(local, method)) == PASSES
    starts = [(job, process) for job, process, _ in seen(disturbed, method)]
    first, second = dict.fromkeys(starts)
    # At most the epochs since the last checkpoint are done twice.
    assert 5 <= starts.count(first) < PASSES
    assert PASSES <= len(starts) <= PASSES + 5
    jobs = jobs_of(method)
    if method == "cancelled":
        assert first[0] != second[0]
        assert [job["MinMemoryNode"] for job in jobs] == ["16000M", "32000M"]
    else:
        assert first[0] == second[0]
        assert [job["Restarts"] for job in jobs] == ["1"]


def test_only_training_of_deep_methods_gets_the_gpu(disturbed):
    assert {gpu for method in DISTURB for _, _, gpu in seen(disturbed, method)} == {"0"}
    assert {gpu for _, _, gpu in seen(disturbed, "plain")} == {"none"}


def test_small_jobs_share_one(disturbed):
    jobs = call("scontrol", "--oneliner", "show", "job")
    assert len(re.findall(r" StdOut=\S+/slurm_logs/group_scores_", jobs)) == 1
    assert "slurm_logs/rule_evaluate_dataset" not in jobs


def test_generic_executor(slurm, local, tmp_path_factory):
    project = make_project(tmp_path_factory, data=local)
    methods = ("plain", "preempted")
    targets = [f"results/grid/runs/wine/{method}/0-1" for method in methods]
    command = ["--workflow-profile", "generic", *OFTEN, "--configfile", "grid.yaml", "--", *targets]
    result = project.run("snakemake", *command)
    assert result.returncode == 0, result.stdout
    for method in methods:
        assert labels(project, method) == labels(local, method), method
    assert {gpu for _, _, gpu in seen(project, "preempted")} == {"0"}
    assert {gpu for _, _, gpu in seen(project, "plain")} == {"none"}
    assert "none" not in {job for method in methods for job, _, _ in seen(project, method)}
