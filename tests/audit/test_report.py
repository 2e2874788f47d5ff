import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.audit import styles
from tests.audit.folders import PUBLISHED, README_640, digits_lost, folder, text, three
from tests.audit.results import sound_run
from tritgolf.audit.auditor import audit
from tritgolf.audit.report import Report, markdown, terminal
from tritgolf.cli import main
from tritgolf.errors import InputError
from tritgolf.outcome import Finding, Verdict


@pytest.fixture
def sound(tmp_path):
    """A folder with nothing to contradict: #640's logs, with what they miscount mended."""
    logs = three("pr640", ("params:73685840", "count:73685840"))  # it counts the matrix that tying leaves unused
    for name, printed, true in (
        ("seed42", "0.336", "0.369"),
        ("seed1337", "0.335", "0.368"),
        ("seed7", "0.336", "0.369"),
    ):
        logs[name] = logs[name].replace(f"zero_frac:{printed}", f"zero_frac:{true}")
    return folder(tmp_path / "sound", logs, README_640, {"val_bpb": 1.1565, "bytes_total": 15993853})


def run(*arguments):
    return main(["audit", *map(str, arguments)])


NOT_COMPARED = "not compared with the logs of published runs"


def test_nothing_contradicted_is_exit_code_0(sound, capsys, monkeypatch):
    monkeypatch.chdir(sound)  # has no folder `published`; its logs are #640's edited, and would be taken for copies
    assert run(sound) == 0
    out = capsys.readouterr().out
    assert "0 contradicted" in out
    assert "✗" not in out


def test_a_default_folder_that_is_not_there_is_told_once(sound, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(sound)
    run(sound, "--markdown", tmp_path / "a.md")
    out = " ".join(capsys.readouterr().out.split())
    assert out.count(NOT_COMPARED) == 1
    assert "--published FOLDER" in out
    assert (tmp_path / "a.md").read_text().count(NOT_COMPARED) == 1
    (sound / "published").mkdir()  # a folder of that name without logs is as good as none
    run(sound, "--json")
    assert [note.startswith(NOT_COMPARED) for note in json.loads(capsys.readouterr().out)["notes"]] == [True]


def test_published_runs_that_were_compared_need_no_note(sound, capsys, monkeypatch):
    monkeypatch.chdir(sound)
    run(sound, "--published", PUBLISHED)
    assert NOT_COMPARED not in " ".join(capsys.readouterr().out.split())
    monkeypatch.chdir(PUBLISHED.parent)
    run(sound)
    assert NOT_COMPARED not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("option", ["--published", "--against"])
@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda p: p / "nope", "nope: is not a folder"),
        (lambda p: PUBLISHED / "claims.csv", "claims.csv: is not a folder"),
        (lambda p: p, "has no logs"),
    ],
)
def test_a_named_folder_without_logs_is_one_line(option, make, what, sound, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for audited in (sound, sound_run(tmp_path / "demo")):
        with pytest.raises(SystemExit) as caught:
            run(audited, option, make(tmp_path / "empty"))
        err = capsys.readouterr().err
        assert caught.value.code == 2
        assert what in err and option in err and err.count("\n") == 1


def test_logs_of_one_name_are_told_apart(capsys):
    run(PUBLISHED)
    out = " ".join(capsys.readouterr().out.split())
    assert "13,646,848 bytes in pr920/seed42.log and pr923/seed7.log" in out
    assert not re.search(r"(?<!/)\bseed\d+\.log", out)


def test_something_contradicted_is_exit_code_1(capsys):
    assert run(PUBLISHED / "pr923") == 1
    out = capsys.readouterr().out
    assert "16,216,336 of 16,000,000 bytes: OVER; printed FITS" in out


def test_garbled_is_exit_code_0(tmp_path, capsys):
    assert run(folder(tmp_path, {"a": digits_lost(text("pr923/seed7"))})) == 0
    assert "0 hold" in capsys.readouterr().out


@pytest.mark.parametrize("make", [lambda p: p, lambda p: p / "none", lambda p: PUBLISHED / "claims.csv"])
def test_what_is_no_submission_is_exit_code_2_and_one_line(make, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        run(make(tmp_path))
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_json_and_markdown_are_written(tmp_path, capsys):
    run(PUBLISHED / "pr920", "--json", tmp_path / "a.json", "--markdown", tmp_path / "a.md")
    facts = json.loads((tmp_path / "a.json").read_text())
    assert facts["schema"] == "tritgolf/audit/1"
    assert facts["exit_code"] == 1
    assert sum(facts["checks"].values()) == len({finding["check"] for finding in facts["findings"]})
    page = (tmp_path / "a.md").read_text()
    assert "## Contradicted" in page and "stride=8; configured: 16" in page
    assert "stride=8; configured: 16" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_folder_to_write_to_is_told_before_the_work(option, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(PUBLISHED / "pr920", option, tmp_path)
    assert "is a folder; name a file in it" in capsys.readouterr().err


def test_json_alone_prints_json_alone(capsys):
    code = run(PUBLISHED / "pr920", "--json")
    assert json.loads(capsys.readouterr().out)["exit_code"] == code == 1


def test_the_record_to_beat_can_be_given(capsys):
    run(PUBLISHED / "pr920", "--against", PUBLISHED / "pr640")
    assert "5 seeds a side would pass p < 0.01" in " ".join(capsys.readouterr().out.split())


def test_every_line_fits_the_width(sound):
    for width in (80, 100, 140):
        for path in (sound, PUBLISHED / "pr923"):
            assert max(map(len, terminal(audit(path), width).splitlines())) <= width


def test_no_reason_is_cut(sound):
    report = audit(sound)
    for width in (80, 100):
        words = " ".join(terminal(report, width).split())
        for check in report.checks:
            if check.verdict is Verdict.CANT_TELL:
                assert " ".join(check.deciding[0].evidence.split()) in words


def test_the_count_agrees_with_its_verb():
    finding = Finding("theme.what", "it is so", "a.log", Verdict.HOLDS, "seen")
    assert terminal(Report("x", "1 log", (finding,))).endswith("\n1 holds · 0 contradicted · 0 can't tell\n")
    other = replace(finding, check="theme.other")
    assert "2 hold, 0 contradicted" in markdown(Report("x", "1 log", (finding, other)))


def test_colour_only_where_asked(sound):
    assert "\033[" not in terminal(audit(sound))
    assert "\033[" in terminal(audit(sound), colour=True)


def test_reports_are_the_same_every_time(sound):
    assert markdown(audit(sound)) == markdown(audit(sound))


def test_results_of_ours_are_audited_by_the_same_command(tmp_path, capsys):
    assert run(sound_run(tmp_path / "demo")) == 0
    out = capsys.readouterr().out
    assert "compliance" in out and "6 hold" in out


def test_damaged_results_are_one_line(tmp_path):
    results = sound_run(tmp_path / "demo")
    (results / "seed42/final/evaluate.json").write_text("{")
    with pytest.raises(InputError, match=r"evaluate\.json"):
        audit(results)


def test_nothing_in_the_folder_is_executed(tmp_path, capsys):
    made = folder(tmp_path / "x", {"a": text("pr640/seed42")}, README_640)
    for name in ("train_gpt.py", "sitecustomize.py", "conftest.py"):
        (made / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    pickled = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    (made / "final_model.ternary.ptz").write_bytes(pickled)
    run(made)
    assert not (tmp_path / "ran").exists()


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    secret = tmp_path / "secret.log"
    secret.write_text(text("pr923/seed7"))
    made = folder(tmp_path / "x", {"a": text("pr640/seed42")})
    (made / "b.log").symlink_to(secret)
    (made / "README.md").symlink_to(secret)
    assert audit(made).summary.startswith("1 log, no README.md")


def test_the_audit_of_logs_needs_no_torch():
    code = (
        "import sys; from tritgolf.audit.auditor import audit; from tritgolf.audit.ledger import read_ledger; "
        f"audit({str(PUBLISHED / 'pr920')!r}, {str(PUBLISHED)!r}); read_ledger({str(PUBLISHED)!r}, 'none'); "
        "import tritgolf.audit.published_tables; sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_logs_of_other_programs_alone_are_no_submission(tmp_path):
    (tmp_path / "train.log").write_text("Select jobs to execute...\n")
    with pytest.raises(InputError, match="none of its 1 logs is a training log"):
        audit(tmp_path)


def test_names_of_files_and_folders_reach_no_terminal_raw(tmp_path):
    odd = "a\u202e\n\x1b[2J\u2066"
    made = folder(
        tmp_path / odd, {f"train_seed9{odd}": styles.int6(1, 1.1667)}, "# val_bpb: 1.1667\n", {"seeds": [1, 9]}
    )
    (made / f"{odd}.log.gz").write_bytes(b"")
    (made / f"{odd}.py").write_text("x = 1\n")
    (made / "b.py").write_text("x = 1\n")
    report = audit(made)
    for written in (terminal(report), markdown(report)):
        assert not set(written) & set("\u202e\x1b\u2066")
        assert "a\\u202e\\n\\x1b[2J\\u2066" in written
