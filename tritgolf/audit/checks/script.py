"""A static look at the script: how it counts bytes, and whether it scores what it was fitted to."""

from tritgolf.audit import script
from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds


@SUBMISSION_CHECKS("script.bytes", "static look: the script counts each space as one byte")
def spaces_are_one_byte(submission: Submission) -> Outcome:
    """Proves by the syntax tree alone that bytes a token are those of pieces without ▁, and one for it.

    Contradicted: ▁ stays in the pieces, where it is three bytes, or is counted in their table and added once more.
    """
    if submission.script is None or (tree := script.parse_script(submission.script)) is None:
        return cant_tell("no script that can be read")
    tables = script.byte_tables(tree)
    if len(tables) != 1:
        return cant_tell("no table of the pieces' bytes that can be recognized")
    table = tables[0]
    where = f"{submission.script.name}, line {table.lineno}, {table.name}"
    if not script.flags_the_space(table):
        return cant_tell(f"{where}: how it counts spaces can't be seen")
    if not script.strips_the_space(table):
        return contradicted(
            f"{where}: ▁ is left in the pieces, where it is three bytes, and counted as a space besides"
        )
    if script.counts_the_space(table) and script.adds_spaces(tree):
        return contradicted(f"{where}: a space is counted in the pieces' bytes, and added again where one is scored")
    return holds(f"{where}: ▁ is taken off, and its space is counted apart")


@SUBMISSION_CHECKS("script.adaptation", "static look: nothing is scored after a fit to the same tokens")
def scores_come_before_the_fit(submission: Submission) -> Outcome:
    """Proves by the syntax tree alone that each loop which fits something to tokens adds up their score before it.

    Contradicted: a loop that first fits to targets, then adds up their score. Where no loop does both, or the order
    can't be seen, nothing is said: a script may do it in a way that this look doesn't know.
    """
    if submission.script is None or (tree := script.parse_script(submission.script)) is None:
        return cant_tell("no script that can be read")
    if found := script.fits_before_scoring(tree):
        evidence = ", ".join(f"{function} fits to '{target}', then scores it" for function, target in found)
        return contradicted(f"{submission.script.name}: {evidence}")
    first = script.scores_before_fitting(tree)
    if not first:
        return cant_tell("no loop that fits and scores can be recognized")
    return holds(f"{submission.script.name}: {', '.join(first)} adds up the score before it fits")
