"""What a run says on a terminal, shown on records of a log alone."""

import io
import logging
from types import SimpleNamespace

import pytest
from snakemake.logging import ColorizingTextHandler

from tests.small import REPOSITORY


@pytest.fixture
def said():
    """What ``rules/console.smk`` makes of lines that Snakemake says."""
    source = REPOSITORY / "rules" / "console.smk"
    names = {"workflow": SimpleNamespace(is_main_process=False, output_settings=None)}
    exec(compile(source.read_text(), source, "exec"), names)

    def of(*lines):
        stream = io.StringIO()
        handler = names["OneLineAJob"](ColorizingTextHandler(True, stream, formatter=logging.Formatter()))
        for line in lines:
            handler.emit(logging.LogRecord("snakemake", logging.WARNING, "", 1, line, (), None))
        return stream.getvalue().splitlines()

    return of


def test_after_sigterm_it_is_said_once_what_follows(said):
    again = "Will exit after finishing currently running jobs (scheduler)."
    assert said("warning: one", again, "tiny seed 42: step 464 of 1,000", again, again, "Shutting down") == [
        "warning: one",
        "Stopping: no other job begins. The same command then goes on where this one was.",
        "tiny seed 42: step 464 of 1,000",
        "Shutting down",
    ]
