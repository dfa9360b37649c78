"""The record of how searches grow is whole, and remade by its program."""

import json
import statistics
import sys

import numpy as np
import pytest
from helpers import EVIDENCE, page_tables, program, read
from threadpoolctl import threadpool_limits

RECORD = EVIDENCE / "growth.csv"
NUMBERS = (
    "cpu_seconds",
    "memory_mib",
    "folder_kib",
    "state_kib",
    "reload_seconds",
    "best",
)


@pytest.fixture(scope="module")
def grow():
    return program("grow_searches")


@pytest.fixture(scope="module")
def rows():
    return read(RECORD)[0]


def column(rows, measurement, way, name, seed="1"):
    """Return what was measured of one run, by trials."""
    kind = {"measurement": measurement, "way": way, "round": seed}
    return {
        int(row["trials"]): float(row[name])
        for row in rows
        if kind.items() <= row.items() and row[name]
    }


def valid(rows, comments, grow):
    assert any("grow_searches.py" in line for line in comments)
    filled = {
        "search": {"memory_mib", "folder_kib", "state_kib"},
        "tuner": set(NUMBERS) - {"best"},
        "proposal": {"cpu_seconds"},
        "result": set(NUMBERS) - {"reload_seconds"},
    }
    for row in rows:
        assert tuple(row) == grow.COLUMNS
        found = {name for name in NUMBERS if row[name]}
        assert filled[row["measurement"]] <= found
        assert all(float(row[name]) >= 0 for name in found)


def test_every_run_that_the_program_promises_is_in_the_record(grow):
    rows, comments = read(RECORD)
    valid(rows, comments, grow)
    found = [
        (
            row["measurement"],
            row["way"],
            int(row["round"]),
            int(row["trials"]),
        )
        for row in rows
    ]
    assert len(found) == len(set(found))
    promised = set()
    for measurement, ways in grow.WAYS.items():
        for way in ways:
            for seed in range(1, 11 if measurement == "result" else 2):
                for count in grow.COUNTS[measurement]:
                    most = 1000
                    if measurement == "search":
                        most = grow.MOST.get(way, most)
                    if count <= most:
                        promised.add((measurement, way, seed, count))
    assert promised == set(found)


def test_written_as_the_page_says_memory_grows_less_than_5_percent(
    rows,
):
    memory = column(rows, "search", "as the page says", "memory_mib")
    assert max(memory) == 500
    after = [memory[count] for count in memory if count > 50]
    assert max(after) < 1.05 * memory[50]
    as_it_is = column(rows, "search", "as it is", "memory_mib")
    assert as_it_is[200] > 1.2 * as_it_is[50]


def test_renewed_every_50_trials_memory_is_that_of_the_first(rows):
    memory = column(rows, "search", "renewed", "memory_mib")
    assert max(memory) == 100
    assert abs(memory[100] / memory[50] - 1) < 0.02


@pytest.mark.process
def test_what_the_page_shows_of_memory_follows_from_the_record(rows):
    (table,) = (
        table
        for table in page_tables("growing_searches")
        if "growth, %" in table[0]
    )
    header, *shown = table
    assert [row[0] for row in shown] == [
        "as it is",
        "as the page says",
        "renewed",
    ]
    for row in shown:
        row = dict(zip(header, row, strict=True))
        way = row[header[0]]
        memory = column(rows, "search", way, "memory_mib")
        seconds = column(rows, "search", way, "cpu_seconds")
        last = max(memory)
        expected = {
            "trials": last,
            "growth, %": 100 * (memory[last] - memory[50]) / memory[50],
            "CPU s, trials 11 to 20": seconds[20],
            "CPU s, the last": seconds[last],
        }
        for name, value in expected.items():
            assert float(row[name]) == pytest.approx(value, abs=0.006)


@pytest.mark.process
def test_what_the_page_shows_of_results_follows_from_the_record(rows):
    (table,) = (
        table
        for table in page_tables("growing_searches")
        if "±" in table[1]
    )
    ways, names, *shown = table
    shown = [row for row in shown if any(row[1:])]
    ways, names = ways[1:], names[1:]
    ways = [way for way in ways if way]
    assert ways == ["random", "and 2 restarts"] + [
        "and the newest",
        "and the best",
    ]
    assert names == ["least", "±"] * 4
    for count, *numbers in shown:
        for place, way in enumerate(ways):
            found = [
                column(rows, "result", way, "best", seed)[int(count)]
                for seed in map(str, range(1, 11))
            ]
            mean = statistics.fmean(found)
            error = statistics.stdev(found) / 10**0.5
            least, plus = numbers[2 * place : 2 * place + 2]
            assert float(least) == pytest.approx(mean, abs=0.006)
            assert float(plus) == pytest.approx(error, abs=0.006)


def printed(capsys, call, *args):
    """Call one of the program's runs; return the rows it prints."""
    with threadpool_limits(1, user_api="blas"):
        call(*args)
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_the_recorded_proposals_are_proposed_again(
    grow, rows, capsys, tmp_path
):
    for way in ("as it is", "and 2 restarts"):
        again = printed(
            capsys,
            grow.run_proposal,
            *(way, 1, str(tmp_path / way), 30, [10, 30]),
        )
        assert [row["trials"] for row in again] == [10, 30]
        for row in again:
            (recorded,) = (
                other["proposal"]
                for other in rows
                if other["measurement"] == "proposal"
                and other["way"] == way
                and other["trials"] == str(row["trials"])
            )
            now, then = (
                [float(number) for number in text.split()]
                for text in (row["proposal"], recorded)
            )
            assert now == pytest.approx(then, abs=0.01)


def test_the_recorded_random_searches_find_the_same_again(
    grow, rows, capsys, tmp_path
):
    for seed in (1, 2, 3):
        (again,) = printed(
            capsys,
            grow.run_result,
            *("random", seed, str(tmp_path / str(seed)), 30, [30]),
        )
        recorded = column(rows, "result", "random", "best", str(seed))
        assert again["best"] == pytest.approx(recorded[30])


@pytest.mark.parametrize("way", ["and the newest", "and the best"])
def test_a_regressor_is_given_the_newest_or_the_best_alone(
    way, grow, capsys, tmp_path, monkeypatch
):
    cure, tuners = grow.cure, []

    def kept(tuner, *args):
        cure(tuner, *args)
        tuners.append(tuner)

    monkeypatch.setattr(grow, "cure", kept)
    monkeypatch.setitem(grow.GIVEN, "proposal", 7)
    task = way, 1, str(tmp_path), 20, [5, 20]
    printed(capsys, grow.run_proposal, *task)
    oracles = [tuner.oracle for tuner in tuners]
    assert [len(o.gpr.y_train_) for o in oracles] == [5, 5, 7]
    scores = [trial.score for trial in oracles[-1].trials.values()]
    given = scores[-7:]
    if way == "and the best":
        given = [y for y in scores if y <= sorted(scores)[6]]
    expected = (np.array(given) - np.mean(given)) / np.std(given)
    assert oracles[-1].gpr.y_train_ == pytest.approx(expected)


def test_each_tuner_runs_and_is_made_again(grow, capsys, tmp_path):
    for way in grow.WAYS["tuner"]:
        again = printed(
            capsys, grow.run_tuner, way, 1, str(tmp_path), 6, [3, 6]
        )
        assert [row["trials"] for row in again] == [3, 6]
        assert all(row["reload_seconds"] > 0 for row in again)


@pytest.mark.process
def test_the_program_writes_a_valid_record_of_renewed_processes(
    grow, tmp_path, monkeypatch
):
    monkeypatch.setattr(grow, "WAYS", {"search": ("renewed",)})
    monkeypatch.setitem(grow.COUNTS, "search", (1, 500))
    output = tmp_path / "growth.csv"
    arguments = ["--trials", "2", "--new", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["grow_searches.py", *arguments])
    assert grow.main() is None
    rows, comments = read(output)
    valid(rows, comments, grow)
    kinds = [(row["way"], row["trials"]) for row in rows]
    assert kinds == [("renewed", "1"), ("renewed", "2")]
    # One checkpoint in both, for only the best trial keeps it.
    first, second = (float(row["folder_kib"]) for row in rows)
    assert second < 1.9 * first


def test_an_unknown_measurement_is_refused_by_name(
    grow, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["grow_searches.py", "speed"])
    with pytest.raises(SystemExit) as ended:
        grow.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "speed" in error and "proposal" in error
