"""Fetching, against a real server on the loopback interface."""

import gzip
import hashlib
import io
import re
import socket
import struct
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jcae.data import fetch as fetch_module
from jcae.data.facts import Dataset, Source
from jcae.data.fetch import MIRROR_VARIABLE, FetchError, examine, fetch

CONTENT = b"1, 2, 3\n" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Answers with what a test says; each path has a list of answers, of which the last one repeats."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answers = outer.answers.get(self.path, [status(404)])
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                answer(self)

            def log_message(self, *args):
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a client that went away is part of the tests

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def serve(self, path, *answers):
        self.answers[path] = list(answers)
        return self.url + path

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def status(code):
    return lambda handler: handler.send_error(code)


def body(content, announce=None, encoding=None):
    def answer(handler):
        handler.send_response(200)
        if encoding:
            handler.send_header("Content-Encoding", encoding)
        handler.send_header("Content-Length", str(len(content) if announce is None else announce))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def silence(seconds):
    return lambda handler: time.sleep(seconds)


def reset(handler):
    """Close with a TCP reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RD)
    handler.connection.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(fetch_module, "WAIT", 0.01)
    monkeypatch.setattr(fetch_module, "READ_TIMEOUT", 0.4)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def closed_port():
    """Address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/numbers.txt"


def dataset(*addresses, sha256=SHA256, name="numbers.txt", **more):
    return Dataset(
        name="numbers",
        title="Numbers",
        loader="none",
        n=5000,
        d=3,
        class_names=("a",),
        class_counts=(5000,),
        preparation="None.",
        licence="none",
        citation="none",
        sources=(Source(name, sha256, addresses, **more),),
        folder="num-bers",
    )


def files(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("container", [lambda c: c, gzip.compress, lambda c: gzip.compress(c, mtime=12345)])
def test_content_arrives_decompressed_whatever_the_container(server, tmp_path, container):
    url = server.serve("/a", body(container(CONTENT)))
    assert fetch(dataset(url), tmp_path / "new" / "folder") == [tmp_path / "new" / "folder" / "numbers.txt"]
    assert (tmp_path / "new" / "folder" / "numbers.txt").read_bytes() == CONTENT
    assert files(tmp_path / "new" / "folder") == ["numbers.txt"]


def test_server_that_calls_gzip_an_encoding(server, tmp_path):
    """Then the client unpacks on the way, and plain content arrives under a name that ends in .gz."""
    fetch(dataset(server.serve("/a.gz", body(gzip.compress(CONTENT), encoding="gzip"))), tmp_path)
    assert (tmp_path / "numbers.txt").read_bytes() == CONTENT


def test_right_file_is_not_fetched_again(server, tmp_path):
    url = server.serve("/a", body(CONTENT))
    fetch(dataset(url), tmp_path)
    before = (tmp_path / "numbers.txt").stat().st_mtime_ns
    fetch(dataset(url), tmp_path)
    assert server.asked == ["/a"]
    assert (tmp_path / "numbers.txt").stat().st_mtime_ns == before


def test_wrong_file_is_replaced_with_a_warning(server, tmp_path):
    (tmp_path / "numbers.txt").write_bytes(b"old")
    url = server.serve("/a", body(CONTENT))
    with pytest.warns(UserWarning, match=rf"numbers\.txt has sha256 \w+, expected {SHA256}"):
        fetch(dataset(url), tmp_path)
    assert (tmp_path / "numbers.txt").read_bytes() == CONTENT


@pytest.mark.filterwarnings("ignore:.*fetching it again")
def test_old_file_stays_when_nothing_better_is_found(server, tmp_path):
    (tmp_path / "numbers.txt").write_bytes(b"old")
    with pytest.raises(FetchError):
        fetch(dataset(server.url + "/nothing"), tmp_path)
    assert (tmp_path / "numbers.txt").read_bytes() == b"old"
    assert files(tmp_path) == ["numbers.txt"]


def failure(data, folder, **kwargs):
    with pytest.raises(FetchError) as error:
        fetch(data, folder, **kwargs)
    assert files(folder) == [], "nothing may be left over"
    text = str(error.value)
    assert "'numbers.txt' of data set 'numbers'" in text
    assert all(address in text for address in data.sources[0].addresses)
    assert MIRROR_VARIABLE in text
    assert "num-bers/numbers.txt" in text
    return text


def test_wrong_checksum(server, tmp_path):
    url = server.serve("/a", body(b"something else"))
    text = failure(dataset(url), tmp_path)
    found = hashlib.sha256(b"something else").hexdigest()
    assert f"wrong content: 14 bytes, sha256 {found}, expected {SHA256}" in text
    assert server.asked == ["/a"], "the same bytes would come again"


def test_web_page_instead_of_data(server, tmp_path):
    url = server.serve("/a", body(b"\n<!DOCTYPE html><title>Log in</title>"))
    assert "a web page, not data" in failure(dataset(url), tmp_path)


def test_body_shorter_than_announced_is_tried_again(server, tmp_path):
    url = server.serve("/a", body(CONTENT[:100], announce=len(CONTENT)))
    assert "3 attempts" in failure(dataset(url), tmp_path)
    assert len(server.asked) == fetch_module.ATTEMPTS
    server.serve("/a", body(CONTENT[:100], announce=len(CONTENT)), body(CONTENT))
    fetch(dataset(url), tmp_path)
    assert (tmp_path / "numbers.txt").read_bytes() == CONTENT


def test_cut_off_gzip(server, tmp_path):
    url = server.serve("/a", body(gzip.compress(CONTENT)[:-20]))
    assert "damaged or cut off gzip file" in failure(dataset(url), tmp_path)


@pytest.mark.parametrize("damage", [b"\x1f\x8bnonsense", gzip.compress(CONTENT) + b"tail"])
def test_damaged_gzip(server, tmp_path, damage):
    url = server.serve("/a", body(damage))
    assert "damaged or cut off gzip file" in failure(dataset(url), tmp_path)


def test_missing_file_is_not_tried_again(server, tmp_path):
    assert "HTTP 404" in failure(dataset(server.url + "/nothing"), tmp_path)
    assert server.asked == ["/nothing"]


def test_busy_server_is_tried_again(server, tmp_path):
    url = server.serve("/a", status(503), status(500), body(CONTENT))
    fetch(dataset(url), tmp_path)
    assert server.asked == ["/a"] * 3


def test_busy_server_is_given_up_in_the_end(server, tmp_path):
    url = server.serve("/a", status(503))
    assert "HTTP 503 Service Unavailable (3 attempts)" in failure(dataset(url), tmp_path)


def test_reset_connection_is_tried_again(server, tmp_path):
    url = server.serve("/a", reset, body(CONTENT))
    fetch(dataset(url), tmp_path)
    assert server.asked == ["/a", "/a"]


def test_silent_server_is_tried_again(server, tmp_path):
    url = server.serve("/a", silence(1), body(CONTENT))
    fetch(dataset(url), tmp_path)
    assert server.asked == ["/a", "/a"]


def test_refused_connection_fails_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("must not wait"))
    assert "Connection refused" in failure(dataset(closed_port()), tmp_path)


def test_unknown_host_fails_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("must not wait"))
    failure(dataset("https://data.invalid/numbers.txt"), tmp_path)


def test_second_address_when_the_first_is_dead(server, tmp_path):
    good = server.serve("/good", body(CONTENT))
    fetch(dataset(closed_port(), server.url + "/nothing", good), tmp_path)
    assert (tmp_path / "numbers.txt").read_bytes() == CONTENT
    assert server.asked == ["/nothing", "/good"]


def test_every_address_is_named_with_its_own_reason(server, tmp_path):
    wrong = server.serve("/wrong", body(b"x"))
    lines = failure(dataset(closed_port(), server.url + "/nothing", wrong), tmp_path).splitlines()
    reasons = [line for line in lines if line.startswith("  http")]
    assert [r for r, say in zip(reasons, ("refused", "404", "wrong content"), strict=True) if say not in r] == []


@pytest.mark.parametrize("name", ["numbers.txt", "numbers.txt.gz"])
def test_folder_as_mirror_needs_neither_network_nor_pooch(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setitem(sys.modules, "requests", None)
    folder = tmp_path / "mirror" / "num-bers"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(gzip.compress(CONTENT) if name.endswith(".gz") else CONTENT)
    fetch(dataset("https://data.invalid/a"), tmp_path / "raw", mirror=tmp_path / "mirror")
    assert (tmp_path / "raw" / "numbers.txt").read_bytes() == CONTENT
    assert files(folder) == [name], "the mirror is only read"


def test_mirror_from_the_environment(tmp_path, monkeypatch):
    (tmp_path / "mirror" / "num-bers").mkdir(parents=True)
    (tmp_path / "mirror" / "num-bers" / "numbers.txt").write_bytes(CONTENT)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    fetch(dataset(), tmp_path / "raw")
    assert files(tmp_path / "raw") == ["numbers.txt"]


def test_address_as_mirror_comes_first(server, tmp_path):
    server.serve("/mirror/num-bers/numbers.txt", body(CONTENT))
    fetch(dataset(server.url + "/a"), tmp_path, mirror=server.url + "/mirror/")
    assert server.asked == ["/mirror/num-bers/numbers.txt.gz", "/mirror/num-bers/numbers.txt"]


def test_mirror_without_the_file_is_passed_over(server, tmp_path):
    url = server.serve("/a", body(CONTENT))
    fetch(dataset(url), tmp_path / "raw", mirror=tmp_path / "no such folder")
    assert server.asked == ["/a"]


def test_mirror_with_a_wrong_file_is_passed_over(server, tmp_path):
    (tmp_path / "mirror" / "num-bers").mkdir(parents=True)
    (tmp_path / "mirror" / "num-bers" / "numbers.txt").write_bytes(b"stale")
    fetch(dataset(server.serve("/a", body(CONTENT))), tmp_path / "raw", mirror=tmp_path / "mirror")
    assert (tmp_path / "raw" / "numbers.txt").read_bytes() == CONTENT


def test_password_of_a_mirror_is_not_shown(server, tmp_path):
    text = failure(dataset(), tmp_path, mirror=server.url.replace("//", "//me:secret@"))
    assert "secret" not in text
    assert f"{server.url}/num-bers/numbers.txt: HTTP 404" in text


def test_mirror_of_another_kind_is_refused(tmp_path):
    with pytest.raises(FetchError, match="'s3://bucket' is neither a folder nor an http"):
        fetch(dataset(), tmp_path, mirror="s3://bucket")


def test_missing_download_package_is_named(server, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert "downloading needs the package pooch" in failure(dataset(server.url + "/a"), tmp_path)


MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.mark.parametrize("known", [{"sha256": SHA256}, {"sha256": None, "md5": MD5}], ids=["sha256", "md5"])
def test_either_checksum_is_checked(server, tmp_path, known):
    fetch(dataset(server.serve("/a", body(gzip.compress(CONTENT))), **known), tmp_path / "good")
    assert (tmp_path / "good" / "numbers.txt").read_bytes() == CONTENT
    kind, expected = ("sha256", SHA256) if known["sha256"] else ("md5", MD5)
    text = failure(dataset(server.serve("/b", body(CONTENT[:-1])), **known), tmp_path / "bad")
    assert "wrong content" in text
    assert re.search(rf"{kind} \w+, expected {expected}", text)


def test_another_declared_file_is_as_good(server, tmp_path):
    other = b"the same in another container"
    declared = dataset(server.serve("/a", body(other)), also=(hashlib.sha256(other).hexdigest(),))
    (path,) = fetch(declared, tmp_path)
    assert path.read_bytes() == other
    assert examine(declared.sources[0], path) == (hashlib.sha256(other).hexdigest(), "")
    fetch(declared, tmp_path)
    assert server.asked == ["/a"]


def test_archive_is_stored_as_it_is(server, tmp_path):
    packed = gzip.compress(CONTENT)
    archive = dataset(
        server.serve("/a", body(packed)), name="numbers.tar.gz", sha256=hashlib.sha256(packed).hexdigest()
    )
    (path,) = fetch(archive, tmp_path / "raw")
    assert path == tmp_path / "raw" / "numbers.tar.gz"
    assert path.read_bytes() == packed
    # In a mirror it has one name only.
    fetch(archive, tmp_path / "again", mirror=server.url + "/mirror")
    assert server.asked == ["/a", "/mirror/num-bers/numbers.tar.gz", "/a"]


def test_without_a_checksum_the_file_is_taken_with_a_warning(server, tmp_path):
    unknown = dataset(server.serve("/a", body(gzip.compress(CONTENT))), sha256=None)
    with pytest.warns(UserWarning, match=rf"numbers\.txt: no checksum of this file is known; .* sha256 {SHA256}"):
        (path,) = fetch(unknown, tmp_path)
    assert path.read_bytes() == CONTENT
    with warnings.catch_warnings(action="error"):
        fetch(unknown, tmp_path)
    assert server.asked == ["/a"]


@pytest.mark.parametrize(
    ("name", "content", "say"),
    [
        ("numbers.txt", b"<!doctype html><p>moved", "a web page, not data"),
        ("numbers.txt", b"", "an empty file"),
        ("numbers.gz", b"<HTML>log in", "a web page, not data"),
        ("numbers.gz", CONTENT, "damaged or cut off gzip file"),
        ("numbers.tar.gz", gzip.compress(CONTENT)[:-3], "damaged or cut off gzip file"),
    ],
)
def test_without_a_checksum_nonsense_is_refused_still(server, tmp_path, name, content, say):
    unknown = dataset(server.serve("/a", body(content)), sha256=None, name=name)
    with pytest.raises(FetchError, match=say):
        fetch(unknown, tmp_path)
    assert files(tmp_path) == []


def test_what_the_mirror_lacks_and_the_server_too(tmp_path, monkeypatch):
    """As with CIFAR-10 where only its test batch is at hand: the message names the archive and where it may be put."""
    from jcae.data.catalogue import get

    (tmp_path / "mirror" / "cifar10").mkdir(parents=True)
    (tmp_path / "mirror" / "cifar10" / "test_batch.bin.gz").write_bytes(gzip.compress(CONTENT))

    def gone(url, target, bar):
        raise fetch_module._Refused("HTTP 404 Not Found")

    monkeypatch.setattr(fetch_module, "_download", gone)
    with pytest.raises(FetchError) as error:
        fetch(get("cifar10"), tmp_path / "raw", mirror=tmp_path / "mirror")
    text = str(error.value)
    assert "cannot fetch file 'cifar-10-binary.tar.gz' of data set 'cifar10'" in text
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz: HTTP 404 Not Found" in text
    assert (
        f"{MIRROR_VARIABLE} to a folder or an http(s) address that holds it as cifar10/cifar-10-binary.tar.gz" in text
    )
    assert files(tmp_path / "raw") == []


def test_data_set_without_files_needs_nothing(tmp_path):
    from jcae.data.catalogue import get

    assert fetch(get("digits"), tmp_path / "raw") == []
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("progress", [True, False])
def test_bar_only_on_a_terminal(server, tmp_path, monkeypatch, terminal, progress):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    fetch(dataset(server.serve("/a", body(CONTENT))), tmp_path, progress=progress)
    assert bool(stream.getvalue()) is (terminal and progress)


def test_many_at_once_do_not_disturb_each_other(server, tmp_path):
    url = server.serve("/a", body(CONTENT))
    errors = []

    def work():
        try:
            fetch(dataset(url), tmp_path, progress=False)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert files(tmp_path) == ["numbers.txt"]
    assert (tmp_path / "numbers.txt").read_bytes() == CONTENT
