"""Output in any encoding, or none."""

import ast
import io
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.small import RECORDS, REPOSITORY
from tritgolf import cli
from tritgolf.cli import main
from tritgolf.commands.output import print_json
from tritgolf.streams import plain, ready_streams, say

SAMPLE = REPOSITORY / "tests" / "fixtures" / "published" / "sample_pr920.ternary.ptz"
COMMANDS = {
    "describe": ("describe", "ternary_v2", "--records", RECORDS),
    "inspect": ("inspect", SAMPLE, "--records", RECORDS),
    "audit": ("audit", REPOSITORY / "published" / "pr640"),
}
SAYS = {"describe": "ternary_v2", "inspect": "ptz", "audit": "  ok artifact + code"}


@pytest.fixture
def output(monkeypatch):
    """A function that makes standard output one of an encoding, and returns the bytes that come to it."""

    def encoded(encoding: str, errors: str = "strict") -> io.BytesIO:
        held = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(held, encoding=encoding, errors=errors))
        return held

    return encoded


def called(*arguments) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize("name", COMMANDS)
def test_people_read_plain_words_where_the_encoding_has_no_signs(output, name):
    for encoding in ("ascii", "cp1252"):
        written = output(encoding)
        assert called(*COMMANDS[name]) == (name == "audit")
        assert SAYS[name] in written.getvalue().decode(encoding)
        assert b"?" not in written.getvalue()


@pytest.mark.parametrize("name", COMMANDS)
def test_json_loses_nothing_in_any_encoding(output, name):
    found = []
    for encoding in ("utf-8", "ascii"):
        written = output(encoding)
        called(*COMMANDS[name], "--json")
        found.append(json.loads(written.getvalue().decode(encoding)))
        found[-1].pop("provenance", None)  # it has the time
    assert found[0] == found[1]


def test_json_is_escaped_only_where_it_must_be(output):
    for encoding, written in (("utf-8", '"é✓"'), ("latin-1", '"\\u00e9\\u2713"'), ("utf-16-le", '"é✓"')):
        held = output(encoding)
        print_json("é✓")
        sys.stdout.flush()
        assert held.getvalue().decode(encoding) == written + os.linesep
    held = output("utf-8")
    print_json("\udcff")
    sys.stdout.flush()
    assert json.loads(held.getvalue()) == "\udcff"


def test_no_text_at_all_ends_a_program(output):
    for encoding in ("ascii", "cp1252", "shift_jis", "utf-8"):
        held = output(encoding)
        ready_streams()
        for first in range(0, 0x3000, 0x800):
            print("".join(map(chr, range(first, first + 0x800))))
        print("東\udcff\U0001f600")
        sys.stdout.flush()
        assert held.getvalue()


def test_plain_words_are_ascii_and_keep_what_a_number_says():
    assert plain("✓ −1.5 ± 0.2 ×4 → café … ▁") == "ok -1.5 +/- 0.2 x4 -> cafe ... _"
    assert plain("2⁻⁸ of 10⁶ m²") == "2^-8 of 10^6 m^2"
    assert plain("東") == "?"


def test_all_that_the_package_prints_has_plain_words():
    found = set()
    for path in (REPOSITORY / "tritgolf").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        texts = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings)
        found |= {character for text in texts if isinstance(text.value, str) for character in text.value}
    assert {"✓", "×", "±", "⁸"} <= found
    assert {character for character in found if "?" in plain(character)} == {
        "?",
        "\ufeff",
        "\ufffd",
        "\U0010fffd",
    }  # never printed


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_works_on_for_hours_is_not_ended_by_a_reader_that_has_left(name):
    program = f"from tritgolf.streams import say\nfor n in range(3): say(str(n), {name!r})\nraise SystemExit(7)"
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {name: writer}
    done = subprocess.run([sys.executable, "-c", program], check=False, text=True, **streams)
    os.close(writer)
    assert done.returncode == 7 and not (done.stdout or done.stderr)


def test_a_line_is_said_on_its_stream(capsys):
    say("a")
    say("b", "stderr")
    assert capsys.readouterr() == ("a\n", "b\n")


@pytest.mark.parametrize("closed", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_closed_streams_take_everything_and_the_exit_code_stays(monkeypatch, closed):
    for name in closed:
        monkeypatch.setattr(sys, name, None)
    assert called(*COMMANDS["audit"]) == 1
    assert called(*COMMANDS["describe"], "--json") == 0
    with pytest.raises(SystemExit) as ended:
        called("describe", "nothing", "--records", RECORDS)
    assert ended.value.code == 2


def test_what_a_crash_exits_with_is_no_verdict(monkeypatch, capsys):
    ended_by(monkeypatch, RecursionError("a bug"), 3)
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and told.endswith("RecursionError: a bug\n")
    ended_by(monkeypatch, KeyboardInterrupt(), 128 + signal.SIGINT)
    ended_by(monkeypatch, BrokenPipeError(), 128 + signal.SIGPIPE)
    assert capsys.readouterr().err == ""


def ended_by(monkeypatch, error, code):
    def run(_):
        raise error

    def add_parser(subparsers):
        subparsers.add_parser("fails").set_defaults(run=run)

    monkeypatch.setattr(cli, "COMMANDS", (SimpleNamespace(add_parser=add_parser),))
    with pytest.raises(SystemExit) as ended:
        main(["fails"])
    assert ended.value.code == code


@pytest.mark.parametrize(
    ("redirection", "code", "told"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        (">&- 2>&-", 0, ""),
        pytest.param(
            ">/dev/full",
            2,
            "error: output: No space left on device; free space or choose another folder, then run again\n",
            marks=pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux"),  # noqa: PTH110
        ),
    ],
)
def test_it_is_so_in_a_shell(redirection, code, told):
    """Python itself writes at its end what is left in a stream, and has an exit code for it: 120."""
    command = f'set -o pipefail; "$0" -m tritgolf.cli describe tiny {redirection}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, told)
