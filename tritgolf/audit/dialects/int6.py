"""Logs of the int6 records (#1019, #1722 and kin): the baseline's lines, with int6, sliding windows and adaptation.

Several of these scripts end with ``final_int8_zlib_roundtrip_exact``, a line kept for tools of the contest, which
repeats the score before it under the baseline's name. It is no stage of its own and is left out.
"""

import re
from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect
from tritgolf.audit.log_lines import ScoreLine

OF_THE_FAMILY = re.compile(r"(?:final_int[4567]_|Serialized model (?:mixed_)?int[4567]\b|legal_ttt|ttt_sliding:)")
FOR_TOOLS = "final_int8_zlib_roundtrip"


def recognizes(lines: Sequence[str]) -> bool:
    """Whether it stored or scored a model of fewer than 8 bits, in the baseline's words."""
    return any(OF_THE_FAMILY.match(line) for line in lines)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, without the repeated score."""
    records = common.read(lines, common.header_settings)
    records["scores"] = without_repeats(records["scores"])
    return records


def without_repeats(scores: Sequence[ScoreLine]) -> tuple[ScoreLine, ...]:
    """The scores but those under the baseline's name that repeat another stage's."""
    others = {score.bpb.text for score in scores if score.stage != FOR_TOOLS}
    return tuple(score for score in scores if score.stage != FOR_TOOLS or score.bpb.text not in others)


INT6 = Dialect("int6", recognizes, read)
