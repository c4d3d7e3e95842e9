"""A real `mlflow server` on loopback, with SQLite and with PostgreSQL behind it, fed by two imports at once."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from jcae.data.prepare import prepare
from jcae.jobs.runner import train_block
from jcae.publish.tracking import KEY, RESULTS

pytestmark = pytest.mark.slow

PATIENCE = 600  # seconds, for a machine that does much else
QUIET = {
    **os.environ,
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(PATIENCE),
}
SPECS = {
    "kmeans": {"use": "sklearn.cluster.KMeans", "params": {"n_clusters": 3, "n_init": 1}},
    "aecm": {"use": "jcae.AECM", "params": {"n_clusters": 3, "hidden": [8], "code_dim": 4, "epochs": 2, "alpha": 3}},
}
SEEDS = [0, 1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE, **options)


@contextmanager
def postgresql():
    """Address of a database in a cluster of its own; PostgreSQL refuses to run as root, hence as its own user."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("needs PostgreSQL (Debian: postgresql)")
    if find_spec("psycopg2") is None:
        pytest.skip("needs PostgreSQL's driver, which only a server needs: pip install psycopg2-binary")
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder, port = Path(tempfile.mkdtemp()), free_port()
    os.chown(folder, user.pw_uid, user.pw_gid)
    options = {"user": user.pw_uid, "group": user.pw_gid, "cwd": folder}

    def control(*words):
        command = [binaries[-1] / "pg_ctl", "--pgdata", folder / "data", "--wait", "--timeout", str(PATIENCE), *words]
        # Not captured: the server would keep the pipe open.
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE, **options)

    try:
        run(binaries[-1] / "initdb", "--auth=trust", "--username=mlflow", "--pgdata", folder / "data", **options)
        settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        control("start", "--log", str(folder / "log"), "--options", settings)
        try:
            run(binaries[-1] / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow", **options)
            yield f"postgresql://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            control("stop", "--mode", "immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request, tmp_path_factory):
    """Address of the server; artifacts go through it."""
    folder = tmp_path_factory.mktemp("server")
    with ExitStack() as stack:
        sqlite = f"sqlite:///{folder / 'mlflow.db'}"
        store = sqlite if request.param == "sqlite" else stack.enter_context(postgresql())
        run(sys.executable, "-m", "mlflow", "db", "upgrade", store, env=QUIET)
        port = free_port()
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
        command += ["--artifacts-destination", folder / "artifacts", "--host", "127.0.0.1", "--port", str(port)]
        log = stack.enter_context((folder / "server.log").open("w"))
        process = subprocess.Popen(
            command, cwd=folder, env=QUIET, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        stack.callback(process.wait, 60)
        stack.callback(os.killpg, process.pid, signal.SIGTERM)
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE
        while not is_up(address):
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.5)
        yield address


def is_up(address):
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two folders of results, as two people make them."""
    folder = tmp_path_factory.mktemp("results")
    prepare("wine", folder, folder / "wine")
    for name in ("one", "two"):
        for method, spec in SPECS.items():
            place = folder / name / "runs" / "wine" / method / "0-1"
            whole = {"dataset": "wine", "method": method, **spec}
            train_block(whole, folder / "wine" / "features.npz", SEEDS, place, device="cpu")
    return folder


def start_import(results, name, server):
    command = [sys.executable, "-m", "jcae", "track", "--results", results / name, "--uri", server]
    command += ["--manifest", results / f"{name}.json", "--experiment", "shared"]
    return subprocess.Popen(command, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(processes):
    said = [process.communicate(timeout=PATIENCE)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return [text.splitlines()[-1] for text in said]


def test_two_imports_at_once(server, results, tmp_path):
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    # Both make the experiment: neither may lose its runs to the one that is called Default.
    said = finish([start_import(results, name, server) for name in ("one", "two")])
    per_folder = len(SPECS) * (1 + len(SEEDS))
    assert said == [f"{per_folder} created, 0 replaced, 0 deleted, 0 unchanged"] * 2

    client = MlflowClient(server)
    assert {experiment.name for experiment in client.search_experiments()} == {"Default", "shared"}
    assert client.search_runs(["0"]) == []
    runs = client.search_runs([client.get_experiment_by_name("shared").experiment_id])
    wanted = {
        f"{name}/runs/wine/{method}{seed}" for name in ("one", "two") for method in SPECS for seed in ("", "/0", "/1")
    }
    assert {run.data.tags[KEY] for run in runs} == wanted
    assert len(runs) == len(wanted) == 2 * per_folder

    for run in runs:
        if "mlflow.parentRunId" not in run.data.tags:
            continue
        place = tmp_path / run.info.run_id
        place.mkdir()
        file = download_artifacts(run_id=run.info.run_id, artifact_path="run.json", tracking_uri=server, dst_path=place)
        record = json.loads(Path(file).read_text())
        assert run.data.metrics["objective"] == record["objective"]["value"]
        assert run.data.tags["code_digest"] == record["code"]["digest"]
        folder = results / run.data.tags[RESULTS] / "runs/wine" / record["method"] / "0-1" / str(record["seed"])
        assert record == json.loads((folder / "run.json").read_text())

    before = {run.data.tags[KEY]: run.info.run_id for run in runs}
    said = finish([start_import(results, name, server) for name in ("one", "two")])
    assert said == [f"0 created, 0 replaced, 0 deleted, {per_folder} unchanged"] * 2
    runs = client.search_runs([client.get_experiment_by_name("shared").experiment_id])
    assert {run.data.tags[KEY]: run.info.run_id for run in runs} == before
