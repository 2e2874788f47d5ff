"""What runs a command of ``tritgolf`` in a test, and one that it refuses."""

import pytest

from tests.small import REPOSITORY
from tritgolf.cli import main

PUBLISHED = REPOSITORY / "tests" / "fixtures" / "published"


def run(capsys, *arguments) -> str:
    """Standard output of a command that succeeds."""
    assert main([str(argument) for argument in arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refuse(capsys, *arguments) -> str:
    """The one line of a command that cannot be done."""
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").strip()
