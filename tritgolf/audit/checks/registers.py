"""The three registers: checks of one log, of a submission folder, of a results folder of ours."""

from tritgolf.audit.results import Results
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Register

LOG_CHECKS: Register[RunLog] = Register()
SUBMISSION_CHECKS: Register[Submission] = Register()
RESULTS_CHECKS: Register[Results] = Register()
