# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files and side by side."""

import json
import math

import numpy as np
import pytest

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.evaluation.figure import plain, ratio
from semantic_photos.evaluation.report import Report, compared, lines_of, read_report


def report_of(values, **more):
    return Report({"id": "pack"}, {"words": {"precision": ratio(np.array(values))} | more})


def cells(lines):
    return {
        (row[0], row[1]): row[2:]
        for line in lines if line.startswith("| ") and len(row := [c.strip() for c in line.strip("|").split("|")]) > 1
    }  # fmt: skip


def test_a_report_comes_back_from_a_file_as_it_was(tmp_path):
    report_of([0.0, 1.0], none=plain(math.nan, 0)).write(tmp_path / "a.json")
    again = read_report(tmp_path / "a.json")
    assert again.pack == {"id": "pack"}
    assert again.figures["words"]["precision"].value == 0.5
    assert math.isnan(again.figures["words"]["none"].value)
    with pytest.raises(UserFacingError, match="cannot be written"):
        report_of([1.0]).write(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"pack": {}}', '{"pack": {}, "figures": 3}'])
def test_what_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserFacingError, match="no report"):
        read_report(tmp_path / "a.json")


def test_reports_of_older_versions_hold_plain_numbers(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"pack": "old", "figures": {"words": {"precision": 0.25}}}))
    assert read_report(tmp_path / "a.json").figures["words"]["precision"].value == 0.25


def test_a_change_in_one_run_has_a_paired_range():
    old = np.linspace(0, 0.8, 30)
    found = cells(compared(report_of(old), report_of(old + 0.1)))["words", "precision"]
    # Their own ranges overlap widely, the paired one is certain.
    assert found[2] == "+0.100 [+0.100, +0.100]"
    assert found[3] == "higher"
    assert cells(compared(report_of(old), report_of(old)))["words", "precision"][3] == ""


def test_a_change_from_a_file_is_marked_only_if_the_ranges_part(tmp_path):
    values = np.linspace(0, 0.8, 30)
    report_of(values).write(tmp_path / "old.json")
    old = read_report(tmp_path / "old.json")
    assert cells(compared(old, report_of(values + 0.1)))["words", "precision"][2:] == ["+0.100", ""]
    assert cells(compared(old, report_of(values + 0.9)))["words", "precision"][2:] == ["+0.900", "higher"]
    assert cells(compared(old, report_of(values - 0.9)))["words", "precision"][2:] == ["-0.900", "lower"]


def test_what_only_one_report_has_is_told():
    found = cells(compared(report_of([1.0], a=plain(1, 1)), report_of([1.0], b=plain(1, 1))))
    assert found["words", "a"][3] == "gone"
    assert found["words", "b"][3] == "new"


def test_headlines_are_listed_and_the_rest_if_asked_for():
    figures = {
        "speed": {"photos_per_second": plain(90, 8)},
        "words": {"precision": ratio(np.ones(3))},
        "object: dog": {"photos": plain(3, 3)},
    }
    report = Report({}, figures)
    head = ("", "figure")
    assert set(cells(lines_of(report))) == {head, ("speed", "photos_per_second")}
    assert set(cells(lines_of(report, "all"))) == {head, ("speed", "photos_per_second"), ("words", "precision")}
    assert ("object: dog", "photos") in cells(lines_of(report, "single"))
    assert cells(lines_of(report, "all"))["words", "precision"] == ["1.000", "[1.000, 1.000]", "3"]
    # A report of another command has no headlines.
    assert ("words", "precision") in cells(lines_of(report_of([1.0])))


def test_sources_have_a_line_each_and_show_what_changed():
    def report(value):
        return Report({}, {"tags in web": {"photos": plain(7, 7), "precision": plain(value, 7)},
                           "captions of album": {"recall_at_10": plain(0.5, 9)}})  # fmt: skip

    lines = list(compared(report(0.25), report(0.75)))
    assert "| web | 7 |  |  |  | 0.250 → 0.750 |  |" in lines
    assert "| album |  | 0.500 |  |  |  |  |" in lines
