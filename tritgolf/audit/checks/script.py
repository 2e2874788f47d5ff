"""A static look at the script: how it counts bytes, and whether it scores what it was fitted to."""

from tritgolf.audit import script, script_methods
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


@SUBMISSION_CHECKS("script.distribution", "static look: a token's probability is one of a distribution over all tokens")
def scores_are_of_distributions(submission: Submission) -> Outcome:
    """Proves by the syntax tree alone that a score is of a softmax over the vocabulary, made before the token is seen.

    Contradicted (C2 of issue #1017): a probability of the target alone, out of counts under a hashed key with the
    target in it; or the smaller of two losses, token by token. Else a person should see what a score is made of.
    """
    if submission.script is None or (tree := script.parse_script(submission.script)) is None:
        return cant_tell("no script that can be read")
    name = submission.script.name
    wrong = [f"{function} divides counts that it looks up by a hashed key with the target in it"
             for function in script_methods.probabilities_of_hashed_targets(tree)]  # fmt: skip
    wrong += [f"{function} adds up the smaller of two losses of each token"
              for function in script_methods.smaller_of_losses(tree)]  # fmt: skip
    if wrong:
        return contradicted(f"{name}: {'; '.join(wrong)}")
    if mixed := script_methods.mixes(tree):
        return cant_tell(f"{name}: see whether what {', '.join(mixed)} mixes in is a distribution over all tokens")
    plain = script_methods.softmax_scores(tree)
    if not plain:
        return cant_tell(f"{name}: no score by a cross-entropy can be recognized; see what is added up")
    return holds(f"{name}: {', '.join(plain)} adds up cross-entropies of logits, and uses its targets for nothing else")


@SUBMISSION_CHECKS("script.passes", "static look: no text is scored after an earlier pass fitted to it")
def text_is_scored_in_its_first_pass(submission: Submission) -> Outcome:
    """Proves by the syntax tree alone that a function which fits to a text scores it in the same pass.

    Contradicted (C3 and C4 of issue #1017): two loops over one text, of which the first fits and the second scores, and
    nothing between them that puts weights back. Which of several evaluations is reported, and how windows overlap at
    the end of the text, a person should see.
    """
    if submission.script is None or (tree := script.parse_script(submission.script)) is None:
        return cant_tell("no script that can be read")
    name = submission.script.name
    if found := script_methods.scores_in_a_second_pass(tree):
        return contradicted(f"{name}: {', '.join(found)} scores in a second loop what a first one was fitted to")
    one = script_methods.one_pass_scores(tree)
    if not one:
        return cant_tell(f"{name}: no pass that fits and scores can be recognized; see which evaluation is reported")
    return holds(f"{name}: {', '.join(one)} fits and scores in one loop over the text")
