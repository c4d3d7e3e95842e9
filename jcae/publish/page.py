"""MLflow's web page of the tracked runs, on this machine only."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from jcae.publish.tracking import VIEW, VIEW_TAG

STARTING = 0.5
"""Seconds between two looks whether the page answers."""


def command(uri: str, port: int) -> list[str]:
    """Command that serves the page to this machine and to no other."""
    words = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    return [*words, "--port", str(port)]


def serve(words: Sequence[str], port: int, say: Callable[[str], object]) -> int:
    """Serve the page until it is ended, and say where it is once it answers.

    Parameters
    ----------
    words : sequence of str
        As `command` gives them.
    port : int
    say : callable
        Is told the address.

    Returns
    -------
    int
        How the server ended.
    """
    # MLflow opens in another of its modes, and starts workers, by itself.
    told = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(words, env=told) as server:
        try:
            while server.poll() is None and not answers(port):
                time.sleep(STARTING)
            if server.poll() is None:
                say(f"The runs: {address(port)} (Ctrl-C ends it)")
            return server.wait()
        except KeyboardInterrupt:  # the server has it, too
            return server.wait()


def answers(port: int) -> bool:
    """Whether a server on this machine is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def address(port: int) -> str:
    """Page of the experiment that was imported last, mean scores as columns; the list of all where there is none."""
    page = f"http://127.0.0.1:{port}/#/experiments"
    asked = {"max_results": 100, "order_by": ["last_update_time DESC"]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search",
        data=json.dumps(asked).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            found = json.load(response).get("experiments", [])
    except (OSError, ValueError):
        found = []
    for experiment in found:
        if VIEW_TAG in {tag["key"] for tag in experiment.get("tags", [])}:
            return f"{page}/{experiment['experiment_id']}/runs?viewStateShareKey={VIEW}"
    return f"{page}?workflowType=machine_learning"
