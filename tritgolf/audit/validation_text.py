"""The validation text that a run scored: whether it is the contest's own, and how many bytes a token of that has."""

import re

from tritgolf.audit.contest import VALIDATION_BYTES, VALIDATION_TOKENS
from tritgolf.audit.run_log import RunLog

SAME = 0.01  # share by which counts of tokens of one text may differ: windows and documents end elsewhere
OF_A_PART = 0.03  # share by which bytes a token of a part of the text may differ from those of the whole


def whole_text(log: RunLog) -> int | None:
    """Tokens of the contest's own text at the run's vocabulary, where that is known."""
    return VALIDATION_TOKENS.get(log.setting_int("vocab_size") or 0)


def names_behind(log: RunLog) -> set[str]:
    """What the names of the run's data have behind the contest's own: "" for these, "_proxy" for other data."""
    vocabulary = log.setting_int("vocab_size")
    return set(re.findall(rf"fineweb10B_sp{vocabulary}([\w-]*)", "\n".join(log.lines)))


def bytes_a_token(log: RunLog) -> float | None:
    """Bytes a token of the contest's own text, of a run that says that it scored the whole of it; else None."""
    whole, tokens = whole_text(log), log.validation_tokens
    if not whole or not tokens or abs(tokens - whole) > SAME * whole or names_behind(log) != {""}:
        return None
    return VALIDATION_BYTES / whole
