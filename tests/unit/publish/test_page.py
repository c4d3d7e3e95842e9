"""The web page of the tracked runs: its address is said once it answers, and not before."""

import json
import socket
import sys

from jcae.publish import page
from jcae.publish.tracking import VIEW_TAG

SERVER = """
import http.server, json, sys, time
time.sleep({pause})

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.answer("OK")

    def do_POST(self):
        self.answer({found!r})
        self.server.last = True

    def log_message(self, *words):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.last = False
while not server.last:
    server.handle_request()
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def served(experiments, pause=0.0):
    port, said = free_port(), []
    code = SERVER.format(pause=pause, found=json.dumps({"experiments": experiments}))
    assert page.serve([sys.executable, "-c", code, str(port)], port, said.append) == 0
    return port, said


def test_the_address_leads_to_the_scores_of_the_last_import(monkeypatch):
    monkeypatch.setattr(page, "STARTING", 0.05)
    theirs = {"experiment_id": "3", "tags": [{"key": "other", "value": "1"}]}
    ours = {"experiment_id": "7", "tags": [{"key": VIEW_TAG, "value": "{}"}]}
    port, said = served([theirs, ours, ours | {"experiment_id": "9"}], pause=0.4)
    assert said == [f"The runs: http://127.0.0.1:{port}/#/experiments/7/runs?viewStateShareKey=scores (Ctrl-C ends it)"]
    port, said = served([{"experiment_id": "3"}])
    assert said == [f"The runs: http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning (Ctrl-C ends it)"]


def test_a_server_that_does_not_start_says_no_address():
    said = []
    assert page.serve([sys.executable, "-c", "raise SystemExit(3)"], free_port(), said.append) == 3
    assert said == []
