"""The record of how searches grow is whole, and remade by its program."""

import json
import re
import statistics
import subprocess
import sys

import numpy as np
import pytest
from helpers import (
    EVIDENCE,
    ROOT,
    needs_posix,
    page_tables,
    program,
    read,
)
from threadpoolctl import threadpool_limits

from snippets.searches.independent_seeds import independent_seeds

PAGE = ROOT / "tutorials/evidence/growing_searches.py"
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


def found(rows, way, count):
    """Return the least of each search of a way, by round."""
    return [
        column(rows, "result", way, "best", str(number))[count]
        for number in range(1, 11)
    ]


@pytest.mark.process
def test_what_the_page_shows_of_results_follows_from_the_record(rows):
    (table,) = (
        table
        for table in page_tables("growing_searches")
        if "difference_low" in table[0]
    )
    header, *shown = table
    assert len(shown) == 4
    for row in shown:
        row = dict(zip(header, row, strict=True))
        least = found(rows, row[header[0]], 80)
        mean = statistics.fmean(least)
        assert float(row["mean"]) == pytest.approx(mean, abs=6e-4)
        gains = np.subtract(least, found(rows, "and 2 restarts", 80))
        if not gains.any():  # the reference
            continue
        # Student's t of 9 degrees of freedom, for three comparisons.
        reach = 2.9333 * statistics.stdev(gains) / len(gains) ** 0.5
        for name, value in (
            ("difference", gains.mean()),
            ("difference_low", gains.mean() - reach),
            ("difference_high", gains.mean() + reach),
        ):
            assert float(row[name]) == pytest.approx(value, abs=1e-3)


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
    for number, seed in enumerate(independent_seeds(3)):
        (again,) = printed(
            capsys,
            grow.run_result,
            *("random", seed, str(tmp_path / str(seed)), 30, [30]),
        )
        recorded = found(rows, "random", 30)[number]
        assert again["best"] == pytest.approx(recorded)


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
@pytest.mark.parametrize("last", [0, 1])
def test_the_shell_loop_of_the_page_ends_as_the_script_does(
    last, tmp_path
):
    needs_posix()
    text = PAGE.read_text("utf-8")
    (loop,) = re.findall(r"^# (\(until python .*\))$", text, re.M)
    (tmp_path / "search.py").write_text(
        "import os, sys\n"
        "open(f'run {len(os.listdir())}', 'w').close()\n"
        f"sys.exit(75 if len(os.listdir()) < 4 else {last})",
        "utf-8",
    )
    loop = loop.replace("python", f'"{sys.executable}" -S')
    ended = subprocess.run(loop, shell=True, cwd=tmp_path)
    assert ended.returncode == last
    assert len(list(tmp_path.glob("run *"))) == 3


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
