"""What a run says: a line a job, with the time and how many have begun. All that Snakemake says is in .snakemake/log.

A dry run, and a run that is asked for more (``--verbose``, ``--printshellcmds``), speaks as Snakemake does.
"""

import copy
import logging
import os
import signal
import sys
import textwrap
import time

from snakemake.logging import ColorizingTextHandler, LogEvent, get_event
from snakemake.logging import logger as snakemake_logger
from tritgolf.progress import ONE_LINE

QUICK = ("plot_", "table_")  # rules that are counted and not said: there are many, each takes a second
STOPPED = "Terminating processes on user request"
STOPPING = "Will exit after finishing"  # after SIGTERM, said again and again
# What says nothing of this run that a reader of its lines misses.
UNSAID = (
    "Assuming unrestricted",
    "Building DAG",
    "Using shell",
    "Provided ",
    "Rules claiming",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Select jobs",
    "Execute ",
)


class OneLineAJob(ColorizingTextHandler):
    """Snakemake's handler for the terminal, which passes on errors and warnings as they are and shortens the rest.

    After Ctrl-C it says so in one line and nothing more: that its jobs then fail is no news.
    """

    def __init__(self, like: ColorizingTextHandler) -> None:
        super().__init__(nocolor=like.nocolor, stream=like.stream, formatter=like.formatter)
        for each in like.filters:
            self.addFilter(each)
        self.begun, self.total = 0, 0
        self.interrupted, self.stopped, self.stopping = False, False, False

    def note_ctrl_c(self) -> None:
        """Know of Ctrl-C at once: a job that it ends may be told of before Snakemake says that it was stopped."""
        before = signal.getsignal(signal.SIGINT)

        def noted(number, frame):
            self.interrupted = True
            return before(number, frame) if callable(before) else None

        signal.signal(signal.SIGINT, noted)

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record, or its short form."""
        if self.stopped:
            return
        event, text = get_event(record), str(record.msg)
        if event == LogEvent.JOB_INFO and record.rule_msg:
            self.begun += 1
            if record.rule_name.startswith(QUICK):
                return
            place = f"{min(self.begun, self.total)}/{self.total}" if self.total else f"{self.begun}"
            self._say(record, f"{time.strftime('%H:%M:%S')} {place:>7}  {record.rule_msg}")
        elif event == LogEvent.RUN_INFO:
            self._say(record, self._plan(record))
        elif self.interrupted or text.startswith(STOPPED):
            self._say(record, "Stopped. The same command goes on where this one was.")
            self.stopped = True
        elif text.startswith(STOPPING):
            if not self.stopping:
                self._say(record, "Stopping: no other job begins. The same command then goes on where this one was.")
            self.stopping = True
        elif event not in (LogEvent.JOB_FINISHED, LogEvent.PROGRESS) and not text.startswith(UNSAID):
            super().emit(record)

    def _plan(self, record: logging.LogRecord) -> str:
        """``36 jobs: 3 train_demo, corpus, …``."""
        counts = {rule: count for rule, count in record.stats.items() if rule != "total"}
        self.total = sum(counts.values())
        jobs = ", ".join(rule if count == 1 else f"{count} {rule}" for rule, count in counts.items())
        begin = f"{self.total} job{'s' * (self.total != 1)}"
        return textwrap.fill(f"{begin}: {jobs}", 100, subsequent_indent="  ", break_on_hyphens=False)

    def _say(self, record: logging.LogRecord, text: str) -> None:
        said = copy.copy(record)
        said.msg, said.args, said.event = text, (), None
        super().emit(said)


def speak_in_lines() -> None:
    """Put ``OneLineAJob`` in the place of the handler for the terminal."""
    output = workflow.output_settings
    if not workflow.is_main_process or output.dryrun or output.verbose or output.printshellcmds:
        return
    for handler in [each for each in snakemake_logger.handlers if type(each) is ColorizingTextHandler]:
        snakemake_logger.removeHandler(handler)
        spoken = OneLineAJob(handler)
        spoken.note_ctrl_c()
        snakemake_logger.addHandler(spoken)
        if workflow.local_exec:
            os.environ[ONE_LINE] = "1"


speak_in_lines()
