"""Methods in files of somebody: named by their file, digested, and what mistakes in them are answered with."""

import textwrap

import pytest
from two_sets import BASE, config, problems

from jcae.jobs.classes import MethodError, load_class
from jcae.jobs.config import ConfigError
from jcae.jobs.plan import make_plan, method_spec
from jcae.jobs.provenance import code_digest


@pytest.fixture
def own(tmp_path):
    """A method outside of the repository, with a helper beside it."""
    (tmp_path / "beside_own.py").write_text("ANSWER = 1\n")
    file = tmp_path / "own.py"
    source = """
        import beside_own

        class Own:
            def __init__(self, eps, n_clusters=2):
                self.eps, self.n_clusters = eps, n_clusters

            def fit(self, X): ...

        class Judges(Own):
            def check_parameters(self, n_samples, n_features):
                1 / self.eps
    """
    file.write_text(textwrap.dedent(source))
    return file


def test_a_method_is_named_by_its_file(own, monkeypatch):
    entry = {"use": f"{own}:Own", "params": {"eps": 1}}
    plan = make_plan(config(methods__own=entry))
    assert plan.jobs["wine", "own"].spec["use"] == f"{own}:Own"
    monkeypatch.chdir(own.parent)
    assert make_plan(config(methods__own=entry | {"use": "own.py:Own"})).jobs["wine", "own"].code == (
        plan.jobs["wine", "own"].code
    )
    assert load_class("./own.py:Own") is load_class(f"{own}:Own")


@pytest.mark.parametrize("name", ["own.py", "beside_own.py"])
def test_a_changed_file_is_trained_again(own, name):
    before = code_digest(load_class(f"{own}:Own"))
    (own.parent / "unrelated.py").write_text("x = 1\n")
    assert code_digest(load_class(f"{own}:Own")) == before
    with (own.parent / name).open("a") as file:
        file.write("changed = 1\n")
    assert code_digest(load_class(f"{own}:Own")) != before


def test_where_the_file_lies_does_not_matter(own, tmp_path):
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in own.parent.glob("*.py"):
        (copy / file.name).write_text(file.read_text())
    assert code_digest(load_class(f"{copy}/own.py:Own")) == code_digest(load_class(f"{own}:Own"))


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        (
            "Own",
            {"eps": 1, "ebs": 2},
            "methods.own.params.ebs: Own in {own} has no such parameter; did you mean 'eps'?",
        ),
        ("Own", {}, "methods.own.params: Own in {own} needs 'eps', which has no default"),
        ("Judges", {"eps": 0}, "methods.own: on wine, digits: ZeroDivisionError: division by zero"),
        ("Owm", {}, "file {own} has no class 'Owm'; did you mean 'Own'?"),
    ],
)
def test_mistakes_in_a_file_are_named_with_file_and_class(own, name, params, expected):
    found = problems(methods__own={"use": f"{own}:{name}", "params": params})
    assert any(expected.format(own=own) in problem for problem in found), found


def test_a_file_that_is_missing_or_broken(own):
    with pytest.raises(MethodError, match=r"there is no file .*/owm\.py; did you mean 'own.py'"):
        load_class(f"{own.parent}/owm.py:Own")
    own.write_text("def f(:\n")
    with pytest.raises(MethodError, match=r"importing .*own\.py failed: SyntaxError"):
        load_class(f"{own}:Own")


def test_spec_of_one_method():
    spec = method_spec(config(methods__gmm__only=[]), "gmm")
    assert spec == {"dataset": "wine", "method": "gmm", "use": "sklearn.mixture.GaussianMixture", "params": {}}
    with pytest.raises(ConfigError, match="'gm' is no method of this config; did you mean 'gmm'"):
        method_spec(BASE, "gm")
