"""The record of what searches cost is whole, and remade by its program."""

import json
import statistics
import subprocess
import sys
from importlib.util import find_spec

import keras_tuner as kt
import pandas as pd
import pytest
from helpers import EVIDENCE, ROOT, function, page_tables, program, read
from scipy import stats

from snippets.models.image_classifier import ImageClassifier

SPEED = EVIDENCE / "speed.csv"
TIMES = {
    "CPU": "cpu_seconds",
    "clock": "wall_seconds",
    "command": "whole_seconds",
}


@pytest.fixture(scope="module")
def bench():
    return program("bench_searches")


def valid(rows, comments, bench):
    assert any("bench_searches.py" in line for line in comments)
    for row in rows:
        assert tuple(row) == bench.COLUMNS
        assert row["way"] in bench.WAYS[row["measurement"]]
        cpu, wall, whole = (float(row[name]) for name in TIMES.values())
        assert cpu > 0 and 0 < wall <= whole
        accuracy = row["best_validation_accuracy"]
        if row["measurement"] == "proposal":
            assert accuracy == "" and row["epochs"] == "0"
        else:
            assert 0 < float(accuracy) <= 1 and int(row["epochs"]) > 0


def test_every_run_that_the_program_promises_is_in_the_record(bench):
    rows, comments = read(SPEED)
    valid(rows, comments, bench)
    assert "optuna" in comments[3] and "no optuna" not in comments[3]
    found = [
        (row["measurement"], row["way"], int(row["round"]))
        + ((int(row["trials"]),) if row["epochs"] == "0" else ())
        for row in rows
    ]
    promised = set()
    for measurement, ways in bench.WAYS.items():
        for way in ways:
            rounds = 5 if measurement in ("random", "hyperband") else 3
            for turn in range(1, rounds + 1):
                if measurement == "proposal":
                    for trials in bench.AFTER:
                        run = measurement, way, turn, trials
                        promised.add(run)
                else:
                    promised.add((measurement, way, turn))
    assert promised <= set(found)
    assert len(found) == len(set(found))


def test_ways_of_one_kind_ran_the_same_number_of_trials(bench):
    rows, _ = read(SPEED)
    counts = {}
    for row in rows:
        counts.setdefault(row["measurement"], set()).add(row["trials"])
    after = {str(count) for count in bench.AFTER}
    assert counts.pop("proposal") == after
    assert counts == {
        "trial": {"8"},
        "random": {"15"},
        "hyperband": {"70"},
    }


def compared():
    """Recompute the shares and gains from the record, by hand."""
    rows, _ = read(SPEED)
    kinds, base = {}, {}
    for row in rows:
        kind = row["measurement"], row["trials"]
        kinds.setdefault((*kind, row["way"]), []).append(row)
    first = {}
    for row in rows:
        first.setdefault(row["measurement"], row["way"])
        if row["way"] == first[row["measurement"]]:
            key = row["measurement"], row["trials"], row["round"]
            base[key] = row
    for (measurement, trials, way), runs in kinds.items():
        pairs = [
            (run, base[measurement, trials, run["round"]])
            for run in runs
        ]
        shares = {
            name: statistics.median(
                float(run[column]) / float(other[column])
                for run, other in pairs
            )
            for name, column in TIMES.items()
        }
        column = "best_validation_accuracy"
        gains = [
            float(run[column]) - float(other[column])
            for run, other in pairs
            if run[column]
        ]
        yield measurement, int(trials), way, len(runs), shares, gains


def test_the_shares_of_the_page_follow_from_the_record():
    page = ROOT / "tutorials/evidence/fast_searches.py"
    speed = pd.read_csv(SPEED, comment="#")
    shown = function(page, "ratios")(speed).reset_index()
    expected = list(compared())
    assert len(shown) == len(expected)
    for (_, row), (
        measurement,
        trials,
        way,
        runs,
        shares,
        gains,
    ) in zip(shown.iterrows(), expected, strict=True):
        names = ["measurement", "trials", "way", "rounds"]
        assert row[names].tolist() == [measurement, trials, way, runs]
        for name, share in shares.items():
            assert row[name] == pytest.approx(share)
        if gains:
            mean = statistics.fmean(gains)
            assert row["accuracy"] == pytest.approx(mean, abs=1e-12)
            half = stats.t.ppf(0.975, len(gains) - 1)
            half *= statistics.stdev(gains) / len(gains) ** 0.5
            if half > 1e-9:
                assert row["from"] == pytest.approx(mean - half)
                assert row["to"] == pytest.approx(mean + half)


@pytest.mark.process
def test_the_table_of_shares_is_on_the_page_as_recomputed():
    tables = [
        rows
        for rows in page_tables("fast_searches")
        if "from" in rows[0] and "command" in rows[0]
    ]
    (header, *rows) = tables[0]
    expected = list(compared())
    places = [header.index(name) for name in ("way", *TIMES)]
    rows = [row for row in rows if len(row) == len(header) and row[1]]
    assert len(rows) == len(expected)
    for row, (_, _, way, _, shares, _) in zip(
        rows, expected, strict=True
    ):
        assert row[places[0]] == way
        for place, share in zip(
            places[1:], shares.values(), strict=True
        ):
            assert float(row[place]) == pytest.approx(share, abs=6e-5)


def test_no_two_rounds_tried_a_configuration_in_common(bench):
    space = kt.HyperParameters()
    ImageClassifier().build(space)
    rounds = [
        {str(hp.values) for hp in bench.drawn(space.copy(), 70, seed)}
        for seed in range(1000, 6000, 1000)
    ]
    assert len(set().union(*rounds)) == sum(map(len, rounds))


def test_what_is_fast_is_less_accurate_in_no_round():
    checked = 0
    for *_, way, runs, _, gains in compared():
        if way.startswith("fast"):
            assert runs >= 5 and min(gains) >= 0
            checked += 1
    assert checked == 3


def alone(bench):
    """Yield each way of searching that takes one process."""
    for measurement, ways in bench.WAYS.items():
        for way in ways:
            missing = way == "Optuna" and not find_spec("optuna")
            if not missing and way != "fast with two workers":
                yield measurement, way


@pytest.mark.process  # ten of them, were they not run in this one
def test_each_way_runs_small(bench, tmp_path, capsys):
    """In this process, that it need not begin with imports each time."""
    for place, (measurement, way) in enumerate(alone(bench)):
        folder = str(tmp_path / str(place))
        count = 20 if measurement == "proposal" else 1
        bench.run([measurement, way, 1, count, 2, "digits", folder])
        line = capsys.readouterr().out.splitlines()[-1]
        begun, ended, trials, epochs, best = json.loads(line)
        assert begun[0] < ended[0] and begun[1] < ended[1]
        assert trials == count or measurement == "hyperband"
        assert (epochs == 0) == (measurement == "proposal")
        assert best is None or 0 < best <= 1


@pytest.mark.process
def test_the_program_runs_small_and_writes_a_valid_record(
    tmp_path, bench
):
    output = tmp_path / "speed.csv"
    small = ["--rounds", "1", "--trials", "2", "--epochs", "2"]
    program = EVIDENCE / "bench_searches.py"
    done = subprocess.run(
        [sys.executable, program, "random", "--new"]
        + [*small, "--output", output],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows, comments = read(output)
    valid(rows, comments, bench)
    assert [row["way"] for row in rows] == list(bench.WAYS["random"])
    assert {row["trials"] for row in rows} == {"2"}


@pytest.mark.process
def test_an_unknown_measurement_is_refused_by_name(tmp_path):
    done = subprocess.run(
        [sys.executable, EVIDENCE / "bench_searches.py", "speed"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "speed" in done.stderr and "hyperband" in done.stderr
