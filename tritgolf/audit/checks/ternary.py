"""What the logged ternary bytes say: the layout that was written, and how many weights are zero."""

from tritgolf.audit.checks.registers import LOG_CHECKS
from tritgolf.audit.expected import Expected, expected
from tritgolf.audit.run_log import RunLog
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge

UNKNOWN = "no artifact line, or settings absent or of another architecture"


def written_layout(log: RunLog) -> tuple[str, Expected] | None:
    """Which layout the ternary bytes are ("base-3", "bitmask" or "neither"); None if the log doesn't say enough.

    A bitmask of exactly the base-3 size is possible (zero fraction about 0.4), yet only by coincidence: base-3 is told.
    """
    implied, artifact = expected(log), log.artifact
    if implied is None or artifact is None or artifact.ternary_parameters != implied.counts.ternary:
        return None
    if artifact.ternary_bytes == implied.base3_bytes:
        return "base-3", implied
    return ("bitmask" if implied.zero_fraction(artifact.ternary_bytes) else "neither"), implied


@LOG_CHECKS("ternary.layout", "the ternary bytes are those of a known layout")
def bytes_are_a_known_layout(log: RunLog) -> Outcome:
    """Proves which trit layout was written, from its size alone.

    Base-3 has one size for all weights; a bitmask's size depends on the number of nonzero weights and gives the true
    zero fraction, up to the padding of each tensor to a byte. Contradicted: no layout has this size.
    """
    found = written_layout(log)
    if found is None or log.artifact is None:
        return cant_tell(UNKNOWN)
    layout, implied = found
    size, base3 = log.artifact.ternary_bytes, implied.base3_bytes
    if layout == "neither":
        low, high = implied.bitmask_bytes
        return contradicted(f"{size:,} bytes are neither base-3 ({base3:,}) nor a bitmask ({low:,.0f} to {high:,.0f})")
    zeros = implied.zero_fraction(size) if layout == "bitmask" else None
    detail = f"base-3 would be {base3:,}; as a bitmask {zeros.low:.4f} of the weights are zero" if zeros else "base-3"
    return holds(f"{size:,} bytes: {layout}" + (f" ({detail})" if zeros else ""))


@LOG_CHECKS("ternary.zero_fraction", "the printed zero_frac is the share of zero trits")
def printed_zero_fraction_is_true(log: RunLog) -> Outcome:
    """Proves that the zero fraction printed after training is that of the artifact's trits, from a bitmask's bytes."""
    found, final = written_layout(log), log.final
    if found is None or log.artifact is None:
        return cant_tell(UNKNOWN)
    if final is None or final.zero_fraction is None:
        return cant_tell("no zero_frac after training")
    zeros = found[1].zero_fraction(log.artifact.ternary_bytes) if found[0] == "bitmask" else None
    if zeros is None:
        return cant_tell(f"the layout ({found[0]}) doesn't tell how many weights are zero")
    printed = final.zero_fraction
    return judge(printed.interval.meets(zeros), f"printed {printed}; the ternary bytes make it {zeros.low:.4f}")
