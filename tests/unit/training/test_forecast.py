"""How long a training may take is said once, where that is long, and it is what the first updates say."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from jcae import AECM, Autoencoder
from jcae.training.forecast import Forecast, duration


def said(capfd, seconds_per_update, updates, label="AECM"):
    forecast = Forecast(label, updates)
    for step in range(updates):
        forecast.count(now=100.0 + step * seconds_per_update)
    return capfd.readouterr().err


def test_a_long_training_says_how_long_it_may_take_and_says_it_once(capfd):
    assert said(capfd, 0.1, 1200) == "AECM: may take about 2 min for 1,200 updates\n"
    assert said(capfd, 2.0, 20, label="") == "It may take about 40 s for 20 updates\n"


@pytest.mark.parametrize(("seconds", "updates"), [(0.1, 290), (0.01, 200), (1000.0, 1)])
def test_a_short_training_says_nothing_nor_one_of_which_nothing_is_known(capfd, seconds, updates):
    assert said(capfd, seconds, updates) == ""


@pytest.mark.parametrize(("seconds", "text"), [(34.0, "30 s"), (89.0, "90 s"), (200.0, "3 min"), (9000.0, "2.5 h")])
def test_durations_are_round(seconds, text):
    assert duration(seconds) == text


def test_verbose_shows_the_phases_and_changes_no_bit(capfd, monkeypatch):
    X = load_iris().data
    start = Autoencoder(epochs=2, batch_size=50)
    method = AECM(3, hidden=(8,), code_dim=4, epochs=3, module_epochs=1, init="pretrained", autoencoder=start)
    method.set_params(device="cpu", random_state=0, alpha=2, batch_size=50)
    quiet = method.fit(X).weights_
    assert capfd.readouterr() == ("", "")
    seen = []
    monkeypatch.setattr("jcae.training.loop.Forecast", lambda *facts: seen.append(facts))
    shown = method.set_params(verbose=1).fit(X).weights_
    out, err = capfd.readouterr()
    assert out == ""
    assert "AECM autoencoder: 100%" in err
    assert "AECM module: 100%" in err
    assert "AECM joint: 100%" in err
    assert seen == [("AECM", 2 * 3 + 4 * 3), ("AECM", 4 * 3)]  # the first knows of the second
    for name, value in quiet.items():
        np.testing.assert_array_equal(shown[name], value)
