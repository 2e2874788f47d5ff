"""Published runs as facts: whole, and the same as the logs that our writer makes of them."""

import dataclasses
import json

import pytest

from tests.audit.folders import PUBLISHED, RUNS, text
from tritgolf.audit.facts import facts_of, read_facts
from tritgolf.audit.logs import parse_log
from tritgolf.audit.submission import read_logs
from tritgolf.errors import InputError


def fields(log):
    return {f.name: getattr(log, f.name) for f in dataclasses.fields(log) if f.name not in ("name", "digest")}


@pytest.mark.parametrize("name", RUNS)
def test_facts_are_what_a_log_of_theirs_says(name):
    run = next(log for log in read_logs(PUBLISHED) if log.name == f"{name}.log")
    assert fields(parse_log(text(name), "x")) == fields(run)


def test_facts_are_read_back_as_they_are_written(tmp_path):
    logs = read_logs(PUBLISHED / "pr923")
    (tmp_path / "facts.json").write_text(json.dumps(facts_of(logs, "a log of our own")))
    assert [fields(log) for log in read_facts(tmp_path / "facts.json")] == [fields(log) for log in logs]


@pytest.mark.parametrize("content", ["", "[]", '{"runs": {"seed1": {}}}', '{"runs": {"seed1": 7}}'])
def test_damaged_facts_are_one_line(content, tmp_path):
    (tmp_path / "facts.json").write_text(content)
    with pytest.raises(InputError, match="is no file of published runs"):
        read_facts(tmp_path / "facts.json")


def test_another_file_of_this_name_is_no_run(tmp_path):
    (tmp_path / "facts.json").write_text('{"schema": "of others"}')
    assert read_logs(tmp_path) == ()
