"""Files and folders are whole or absent, whoever else writes beside them."""

import os
import subprocess
import sys

import pytest

from jcae.files import atomic_folder, atomic_write, replacing


def dead_pid():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    atomic_write(path, lambda handle: handle.write(b"old"))

    def fail(handle):
        handle.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_appears_whole_replaces_the_old_and_disappears_on_error(tmp_path):
    target = tmp_path / "0-4"
    with atomic_folder(target) as folder:
        (folder / "0").mkdir()
        (folder / "0" / "x").write_text("first")
        assert not target.exists()
    with atomic_folder(target) as folder:
        (folder / "y").write_text("second")
    assert os.listdir(target) == ["y"]

    def half():
        with atomic_folder(target) as folder:
            (folder / "z").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert os.listdir(tmp_path) == ["0-4"]
    assert os.listdir(target) == ["y"]


def test_leftovers_of_dead_processes_go_those_of_living_ones_stay(tmp_path):
    parent = os.getppid()  # alive
    for pid in (dead_pid(), os.getpid(), parent):
        (tmp_path / f"0-4.tmp.{pid}.0a1b2c3d").mkdir()
    (tmp_path / f"other.tmp.{dead_pid()}.0a1b2c3d").mkdir()
    with atomic_folder(tmp_path / "0-4"):
        pass
    left = sorted(os.listdir(tmp_path))
    assert left[:2] == ["0-4", f"0-4.tmp.{parent}.0a1b2c3d"]
    assert len(left) == 3  # beside them only what belongs to another target


def test_two_writers_of_a_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as first, replacing(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"  # which is moved last
    assert os.listdir(tmp_path) == ["a.txt"]


def test_written_file_has_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "a") as part:
        part.write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
