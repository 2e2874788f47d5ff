"""Logs of the int6 records (#1019, #1722 and kin): the baseline's lines, with int6, sliding windows and adaptation.

Several of these scripts end with ``final_int8_zlib_roundtrip_exact``, a line kept for tools of the contest, which
repeats the score before it under the baseline's name. It is no stage of its own and is left out. #1722 calls its sizes
by its own name. Settings of its stages stand in lines of their own; the MB of its pruning are MiB.
"""

import re
from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect, Pairs
from tritgolf.audit.log_lines import ScoreLine
from tritgolf.audit.run_log import DONE

OF_THE_FAMILY = re.compile(
    r"final_(?:int[4567]|trinity)_|Serialized model (?:mixed_)?int[4567]\b|legal_ttt|ttt_sliding:|slot:starting"
)
OWN_NAME = re.compile(r"(?:(Total) )?Trinity (?:Hybrid )?(serialized model|submission size):")
STAGE = re.compile(r"(ttt|slot)(?:_sliding)?:start\w* .*?(\w+=.*)")
STAGE_SETTING = re.compile(r"(\w+)=([\d.]+)")
PRUNING = re.compile(r"\w+_prune: .*\btarget=(\d+(?:\.\d+)?)MB", re.ASCII)
MIB = 2**20
FOR_TOOLS = "final_int8_zlib_roundtrip"


def recognizes(lines: Sequence[str]) -> bool:
    """Whether it stored or scored a model of fewer than 8 bits, in the baseline's words."""
    return any(OF_THE_FAMILY.match(line) for line in lines)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, without the repeated score, and with the settings of stages."""
    records = common.read([_common(line) for line in lines], common.header_settings)
    records["scores"] = without_repeats(records["scores"])
    records["hyperparameters"] |= stage_settings(lines)
    return records


def _common(line: str) -> str:
    """A size under the script's own name as the other scripts print it, of a method of that name."""
    match = OWN_NAME.match(line)
    return f"{match[1] or ''} {match[2]} trinity:{line[match.end() :]}".strip() if match else line


def stage_settings(lines: Sequence[str]) -> Pairs:
    """What lines say of test-time training and SLOT (``slot_steps``), and the pruning's target in bytes."""
    settings: Pairs = {}
    for line in lines:
        if stage := STAGE.match(line):
            pairs = STAGE_SETTING.findall(stage[2])
            settings |= {key if key.startswith(stage[1]) else f"{stage[1]}_{key}": value for key, value in pairs}
        if pruning := PRUNING.match(line):
            settings["prune_target_bytes"] = str(int(float(pruning[1]) * MIB))
    return settings


def without_repeats(scores: Sequence[ScoreLine]) -> tuple[ScoreLine, ...]:
    """The scores but those under the baseline's name that repeat another stage's, and ends told again by a stage."""
    others = {score.bpb.text for score in scores if score.stage != FOR_TOOLS}
    named = [score.stage for score in scores if not score.stage.endswith(DONE)]
    return tuple(
        score
        for score in scores
        if (score.stage != FOR_TOOLS or score.bpb.text not in others)
        and not (score.stage.endswith(DONE) and any(score.stage.partition("_")[0] in name for name in named))
    )


INT6 = Dialect("int6", recognizes, read)
