"""Whatever code inside changes of the process is put back, however the code ends."""

import locale
import os
import random
import signal
import sys
import warnings

import numpy as np
import pytest
import sklearn
import torch
from threadpoolctl import ThreadpoolController

from jcae.training.isolation import changes, process_state, threads_in_use, unchanged_process


def set_environment():
    os.environ["JCAE_TEST"] = "1"
    os.environ.pop("PATH")
    os.environ["OMP_NUM_THREADS"] = "7"


def set_libraries():
    for library in ThreadpoolController().lib_controllers:
        library.set_num_threads(3)


CHANGES = {
    "the generator of `random`": lambda: random.seed(5),
    "the warning filters": lambda: warnings.simplefilter("error"),
    "the locale": lambda: locale.setlocale(
        locale.LC_CTYPE, "C" if locale.setlocale(locale.LC_CTYPE) != "C" else "C.UTF-8"
    ),
    "os.environ": set_environment,
    "the working directory": lambda: os.chdir("/"),
    "sys.path": lambda: sys.path.insert(0, "elsewhere"),
    "the handler of SIGUSR1": lambda: signal.signal(signal.SIGUSR1, lambda *_: None),
    "NumPy's global generator": lambda: np.random.seed(5),  # noqa: NPY002
    "NumPy's error handling": lambda: np.seterr(all="raise"),
    "scikit-learn's configuration": lambda: sklearn.set_config(transform_output="pandas"),
    "torch's number of threads": lambda: torch.set_num_threads(3),
    "torch's global generator": lambda: torch.manual_seed(5),
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's default device": lambda: torch.set_default_device("meta"),
    "torch's gradients": lambda: torch.set_grad_enabled(False),
    "torch's deterministic algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "torch's flags of cuDNN": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "torch's precision of products": lambda: torch.set_float32_matmul_precision("medium"),
    "the number of threads of lib": set_libraries,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_is_named_and_put_back(name):
    before = process_state()
    with unchanged_process():
        CHANGES[name]()
        assert any(changed.startswith(name) for changed in changes(before, process_state()))
    assert changes(before, process_state()) == []


def test_filters_that_are_put_back_are_in_force():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with unchanged_process():
            warnings.simplefilter("error")
        warnings.warn("nobody hears this", stacklevel=1)


def test_an_error_leaves_no_change_either():
    before = process_state()

    @unchanged_process()
    def leave():
        set_environment()
        sys.exit("no licence")

    with pytest.raises(SystemExit):
        leave()
    assert changes(before, process_state()) == []


def test_a_folder_that_is_gone_is_left(tmp_path):
    before = os.getcwd()
    with unchanged_process():
        os.chdir(tmp_path)
        tmp_path.rmdir()
    assert os.getcwd() == before


def test_generators_go_on_where_they_were():
    expected = []
    for _ in range(2):
        with unchanged_process():
            expected.append((random.random(), np.random.random(), torch.rand(3).tolist()))  # noqa: NPY002
    assert expected[0] == expected[1]


def test_the_largest_number_of_threads_counts():
    with unchanged_process():
        set_libraries()
        torch.set_num_threads(2)
        assert threads_in_use() == 3


def test_looking_changes_nothing():
    before = process_state()
    assert changes(before, process_state()) == []
