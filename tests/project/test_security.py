"""What docs/security.md promises: nothing unpickles, archives stay closed, downloads are encrypted, pages are local."""

import ast
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from data_files import tar
from test_data_fetch import body, dataset, fetch, server  # noqa: F401 - a fixture
from typer.testing import CliRunner

from jcae.data import fetch as fetch_module
from jcae.data import formats
from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import FetchError
from jcae.data.formats import DataFormatError, read_tar, read_zip
from jcae.data.loaders import text

ROOT = Path(__file__).parents[2]
SOURCES = sorted(p for place in ("jcae", "baselines", "benchmarks", "tests") for p in (ROOT / place).rglob("*.py"))
OURS = [path for path in SOURCES if path.is_relative_to(ROOT / "jcae") or path.is_relative_to(ROOT / "baselines")]

# --- nothing unpickles, and no text becomes code ----------------------------------------------------------------------

FORBIDDEN = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cPickle.load", "dill.load", "dill.loads", "cloudpickle.load",
    "cloudpickle.loads", "marshal.load", "marshal.loads", "shelve.open", "joblib.load", "torch.load", "torch.hub.load",
    "pd.read_pickle", "pandas.read_pickle", "np.lib.format.read_array", "yaml.load", "yaml.full_load",
    "yaml.unsafe_load", "sklearn.datasets.fetch_openml", "os.system", "os.popen", "eval", "exec",
}  # fmt: skip
ARCHIVES = {"extract", "extractall", "unpack_archive"}


def dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def calls(path):
    """Every call of a file: the full name of what is called, by the file's own imports, and the call."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            first, _, rest = name.partition(".")
            yield names.get(first, first) + (f".{rest}" if rest else ""), node


def findings(path):
    for name, call in calls(path):
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        if name in FORBIDDEN or name.rpartition(".")[2] in ARCHIVES:
            yield f"{path}:{call.lineno}: {name}"
        if (
            name in ("np.load", "numpy.load")
            and ast.unparse(options.get("allow_pickle", ast.Constant(False))) != "False"
        ):
            yield f"{path}:{call.lineno}: np.load with allow_pickle"
        if "shell" in options and ast.unparse(options["shell"]) != "False":
            yield f"{path}:{call.lineno}: {name} through a shell"


def test_sources_hold_no_call_that_unpickles_unpacks_or_runs_text():
    assert len(OURS) > 40
    assert [finding for path in OURS for finding in findings(path)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import torch\ntorch.load(f)",
        "from torch import load\nload(f)",
        "import pickle as p\nfrom pickle import loads as l\nl(f)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
        "import subprocess\nsubprocess.run(x, shell=True)",
        "import tarfile\ntarfile.open(f).extractall()",
        "eval(x)",
    ],
)
def test_the_scan_finds_what_it_looks_for(line, tmp_path):
    (tmp_path / "x.py").write_text(line)
    assert list(findings(tmp_path / "x.py"))


def test_imports_of_pickling_modules():
    """joblib is there for its hash alone; nothing imports the others."""
    found = set()
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {
                (path.name, m) for m in modules if m.split(".")[0] in ("pickle", "joblib", "dill", "shelve", "marshal")
            }
    assert found == {("estimator.py", "joblib")}
    text = (ROOT / "jcae/models/estimator.py").read_text(encoding="utf-8")
    assert text.count("joblib.") == text.count("joblib.hash(")


# --- downloads --------------------------------------------------------------------------------------------------------


def test_every_address_of_the_catalogue_is_encrypted():
    addresses = [a for data in CATALOGUE.values() for source in data.sources for a in source.addresses]
    assert len(addresses) > 20
    assert [address for address in addresses if not address.startswith("https://")] == []


def test_pickled_upstream_files_are_those_that_are_read_without_unpickling():
    """tests/unit/data/graphs/test_planetoid.py shows that the reader of these follows nothing."""
    pickled = {
        (data.loader, source.name.split(".")[0])
        for data in CATALOGUE.values()
        for source in data.sources
        if source.name.startswith("ind.") or source.name.endswith((".pkl", ".pickle", ".pt", ".joblib"))
    }
    assert pickled == {("planetoid", "ind")}


class Answer:
    """As much of an answer as is looked at."""

    def __init__(self, url, **headers):
        self.request, self.headers = self, {name.replace("_", "-"): value for name, value in headers.items()}
        self.url = url


def test_answer_that_leaves_encryption_is_refused():
    from requests.exceptions import RequestException

    check = fetch_module._check_response
    check(Answer("https://a/x", Location="https://b/x"))
    check(Answer("http://mirror/x", Location="http://mirror/y"))  # a mirror that the user named
    check(Answer("https://a/x", Content_Length="1000"))
    with pytest.raises(RequestException, match="redirected to http://b/x, which is not encrypted"):
        check(Answer("https://a/x", Location="http://b/x"))
    with pytest.raises(RequestException, match="announces 5000000000 bytes"):
        check(Answer("https://a/x", Content_Length="5000000000"))


def test_the_check_is_asked_about_every_answer(server, tmp_path, monkeypatch):  # noqa: F811
    seen = []
    monkeypatch.setattr(fetch_module, "_check_response", lambda response, **_: seen.append(response.url))
    monkeypatch.setenv("NO_PROXY", "*")

    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", "/b")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    url = server.serve("/a", redirect)
    server.serve("/b", body(b"1, 2, 3\n" * 5000))
    fetch(dataset(url), tmp_path)
    assert seen == [url, f"{server.url}/b"]


def test_download_that_unpacks_without_end_is_refused(server, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(fetch_module, "LARGEST_FILE", 100_000)
    url = server.serve("/a", body(gzip.compress(bytes(1_000_000))))
    with pytest.raises(FetchError, match="over 100000 bytes when unpacked"):
        fetch(dataset(url), tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- archives ---------------------------------------------------------------------------------------------------------


def member(name, kind=tarfile.REGTYPE, target="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def everything(name):
    return True


@pytest.mark.parametrize(
    "bad",
    [
        member("../up"),
        member("a/../../up"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "../../up"),
        member("link", tarfile.LNKTYPE, "/etc/passwd"),
        member("link", tarfile.LNKTYPE, "../../up"),
        member("device", tarfile.CHRTYPE),
        member("device", tarfile.BLKTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name} {info.type} {info.linkname}",
)
def test_hostile_tar_is_refused(bad, tmp_path):
    path = tar(tmp_path / "x.tar.gz", ("good", b"1"), bad)
    with pytest.raises(DataFormatError, match=r"x\.tar\.gz: an archive that leads outside of itself"):
        dict(read_tar(path, everything))
    assert [p.name for p in tmp_path.iterdir()] == ["x.tar.gz"]


def test_absolute_path_in_a_tar_is_a_name_and_no_place(tmp_path):
    target = tmp_path / "target"
    path = tar(tmp_path / "x.tar.gz", (str(target), b"1"))
    assert list(dict(read_tar(path, everything)).values()) == [b"1"]
    assert not target.exists()


def test_tar_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LARGEST_CONTENT", 1_000_000)
    # Passed over, but to be unpacked nevertheless; and a header that tarfile itself would hold in memory.
    many = tar(tmp_path / "many.tar.gz", *((f"{i}", bytes(50_000)) for i in range(40)))
    header = member("././@PaxHeader", tarfile.XHDTYPE, size=1 << 32)
    (tmp_path / "header.tar.gz").write_bytes(gzip.compress(header.tobuf() + bytes(3_000_000)))
    for path in (many, tmp_path / "header.tar.gz"):
        with pytest.raises(DataFormatError, match=rf"{path.name}: unpacks to over 1000000 bytes"):
            dict(read_tar(path, lambda name: False))


def test_gzip_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LARGEST_CONTENT", 1_000_000)
    packed = gzip.compress(bytes(2_000_000))
    with pytest.raises(DataFormatError, match="here: unpacks to over"):
        formats.read_idx(packed, "here")
    (tmp_path / "words.gz").write_bytes(packed)  # one line without an end
    with pytest.raises(DataFormatError, match=r"words\.gz: unpacks to over"):
        list(text.read_tokens(tmp_path / "words.gz"))


def test_zip_with_hostile_names_stays_closed(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("../up", "/etc/passwd", "good"):
            archive.writestr(name, b"1")
    assert read_zip(buffer, "here", ["good"]) == [b"1"]
    assert list(tmp_path.iterdir()) == []


def test_zip_bomb_that_lies_about_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LARGEST_MEMBER", 1_000_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(3_000_000))
    with pytest.raises(DataFormatError, match="'a' has 3000000 bytes, over 1000000"):
        read_zip(buffer, "here", ["a"])
    lying = buffer.getvalue().replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(DataFormatError, match="damaged or cut off"):
        read_zip(io.BytesIO(lying), "here", ["a"])


# --- the web page -----------------------------------------------------------------------------------------------------


def test_page_of_runs_listens_to_this_machine_alone(monkeypatch):
    from jcae.cli import app
    from jcae.publish import page

    started = []
    monkeypatch.setattr(page, "serve", lambda words, port, say: started.append(words) or 0)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = CliRunner().invoke(app, ["ui", "--port", "5001"])
    assert result.exit_code == 0, result.output
    (arguments,) = started
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
    assert "--host" not in CliRunner().invoke(app, ["ui", "--help"]).output
