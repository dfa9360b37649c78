"""Races are read trial by trial, with what each had spent."""

import numpy as np
import pytest

from snippets.data.load_races import load_races


def test_each_trial_knows_its_race_and_what_was_spent(tmp_path):
    path = tmp_path / "races.npz"
    np.savez(
        path,
        problem=np.array(["cars", "digits"]),
        contestant=np.array(["Hyperband", "GridSearch"]),
        split=np.uint8([0, 4]),
        seed=np.int64([1, 3_000_001]),
        trials=np.int32([3, 2]),
        row=np.int16([7, 9, 7, 0, 503]),
        first=np.uint8([0, 0, 1, 0, 0]),
        last=np.uint8([1, 1, 3, 27, 27]),
    )
    races = load_races(path)
    assert races.columns.tolist() == [
        *("problem", "contestant", "split", "seed"),
        *("trial", "row", "first", "last", "epochs"),
    ]
    assert races["problem"].tolist() == ["cars"] * 3 + ["digits"] * 2
    assert races["seed"].tolist() == [1] * 3 + [3_000_001] * 2
    assert races["trial"].tolist() == [1, 2, 3, 1, 2]
    assert races["epochs"].tolist() == [1, 2, 4, 27, 54]
    assert races["row"].tolist() == [7, 9, 7, 0, 503]


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", row=1)
    with pytest.raises(ValueError, match="no races, it has no .*first"):
        load_races(tmp_path / "other.npz")
