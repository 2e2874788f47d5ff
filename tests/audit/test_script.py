"""The static look at scripts, on scripts of our own writing."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.checks import SUBMISSION_CHECKS
from tritgolf.audit.submission import read_submission
from tritgolf.outcome import Verdict

TABLE = """
import numpy as np

def tables(sp, size):
    lengths, has_space = np.zeros(size), np.zeros(size, bool)
    for token in range(sp.vocab_size()):
        if sp.is_byte(token):
            lengths[token] = 1
            continue
        piece = sp.id_to_piece(token)
        if piece.startswith("▁"):
            has_space[token] = True
            piece = piece[1:]
        lengths[token] = len(piece.encode("utf-8"))
    return lengths, has_space

def count(lengths, has_space, boundary, targets, previous):
    return (lengths[targets] + (has_space[targets] & ~boundary[previous])).sum()
"""
LEFT_IN = TABLE.replace("            piece = piece[1:]\n", "")
TWICE = TABLE.replace(
    '            piece = piece[1:]\n        lengths[token] = len(piece.encode("utf-8"))',
    '            lengths[token] = len(piece[1:].encode("utf-8")) + 1\n            continue\n'
    '        lengths[token] = len(piece.encode("utf-8"))',
)
ONE_TABLE = TWICE.replace(" + (has_space[targets] & ~boundary[previous])", "")
SCORE_FIRST = """
def adapt(model, chunks, optimizer):
    loss_sum = 0.0
    for x, y in chunks:
        with torch.inference_mode():
            nll = F.cross_entropy(model(x), y, reduction="none")
            loss_sum += nll.sum()
        for epoch in range(3):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return loss_sum
"""
FIT_FIRST = """
def slot(model, windows, lr):
    loss_sum = 0.0
    for x, y in windows:
        delta = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.AdamW([delta], lr=lr)
        for _ in range(8):
            optimizer.zero_grad()
            loss = F.cross_entropy(head(model(x) + delta), y)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            nll = F.cross_entropy(head(model(x) + delta), y, reduction="none")
            loss_sum += nll.sum()
    return loss_sum
"""
MASKED = FIT_FIRST.replace("head(model(x) + delta), y)", "head(model(x) + delta), y, reduction='none') * mask").replace(
    "nll.sum()", "(nll * mask).sum()"
)
OF_THE_CONTEXT = FIT_FIRST.replace("+ delta), y)\n", "+ delta)[:, :-64], y[:, :-64])\n")
OTHER_MASK = MASKED.replace("(nll * mask)", "(nll * score_mask)")
OTHER_TARGETS = FIT_FIRST.replace("+ delta), y)\n", "+ delta), earlier)\n")

HASHED = """
def ngram_eval(model, windows, counts, contexts, mask):
    loss_sum = 0.0
    for x, y in windows:
        nll = F.cross_entropy(model(x), y, reduction="none")
        context = (x[:, :-1] * 36313) ^ (x[:, 1:] * 27191)
        key = ((context ^ (y * 51647)) & mask)
        seen = counts[key]
        p = seen / contexts[context & mask].clamp(min=1)
        mixed = 0.5 * p + 0.5 * torch.exp(-nll)
        loss_sum += -torch.log(mixed).sum()
        counts[key] += 1
    return loss_sum
"""
# Counts under exact keys add up to one; tables that are filled after the score, and whole rows of them, do, too.
EXACT = HASHED.replace("key = ((context ^ (y * 51647)) & mask)", "key = (x, y)")
WHOLE_ROW = HASHED.replace("key = ((context ^ (y * 51647)) & mask)", "key = context & mask").replace(
    "p = seen / contexts[context & mask].clamp(min=1)", "p = (seen / seen.sum(-1)).gather(-1, y)"
)
SMALLER = """
def score(first, second, windows):
    loss_sum = 0.0
    for x, y in windows:
        nll_a = F.cross_entropy(first(x), y, reduction="none")
        nll_b = F.cross_entropy(second(x), y, reduction="none")
        nll = torch.minimum(nll_a, nll_b)
        loss_sum += nll.sum()
    return loss_sum
"""
CLIPPED = SMALLER.replace("torch.minimum(nll_a, nll_b)", "torch.minimum(nll_a, limit)")
TWO_PASSES = """
def rescore(model, chunks, optimizer):
    loss_sum = 0.0
    for x, y in chunks:
        for epoch in range(2):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    for x, y in chunks:
        loss_sum += F.cross_entropy(model(x), y, reduction="sum")
    return loss_sum
"""
SECOND = "    for x, y in chunks:\n        loss_sum"
RESTORED = TWO_PASSES.replace(SECOND, "    model.load_state_dict(saved)\n" + SECOND)
OTHER_TEXT = TWO_PASSES.replace("for x, y in chunks:\n        for", "for x, y in training:\n        for")


def outcome(name, source, tmp_path):
    made = folder(tmp_path, {"train": styles.baseline()})
    (made / "train_gpt.py").write_text(source)
    check = next(check for check in SUBMISSION_CHECKS.checks if check.name == name)
    return check.run(read_submission(made))


@pytest.mark.parametrize(
    ("source", "verdict", "said"),
    [
        (TABLE, Verdict.HOLDS, "its space is counted apart"),
        (LEFT_IN, Verdict.CONTRADICTED, "three bytes"),
        (TWICE, Verdict.CONTRADICTED, "added again"),
        (ONE_TABLE, Verdict.HOLDS, ""),
        (TABLE.replace('startswith("▁")', "startswith(SPACE)"), Verdict.CANT_TELL, "can't be seen"),
        (TABLE + TABLE.replace("def tables", "def others"), Verdict.CANT_TELL, "no table"),
        ("import base64; exec(base64.b85decode(''))", Verdict.CANT_TELL, "no table"),
        ("def broken(:", Verdict.CANT_TELL, "no script that can be read"),
    ],
)
def test_how_a_script_counts_spaces(source, verdict, said, tmp_path):
    found = outcome("script.bytes", source, tmp_path)
    assert found.verdict is verdict, found
    assert said in found.evidence


@pytest.mark.parametrize(
    ("source", "verdict", "said"),
    [
        (SCORE_FIRST, Verdict.HOLDS, "adapt adds up the score before it fits"),
        (FIT_FIRST, Verdict.CONTRADICTED, "slot fits to 'y', then scores it"),
        (MASKED, Verdict.CONTRADICTED, "slot fits to 'y', then scores it"),
        (OTHER_TARGETS, Verdict.CANT_TELL, "no loop"),
        (OF_THE_CONTEXT, Verdict.CANT_TELL, "no loop"),
        (OTHER_MASK, Verdict.CANT_TELL, "no loop"),
        (TABLE, Verdict.CANT_TELL, "no loop"),
    ],
)
def test_what_a_script_scores_after_a_fit(source, verdict, said, tmp_path):
    found = outcome("script.adaptation", source, tmp_path)
    assert found.verdict is verdict, found
    assert said in found.evidence


@pytest.mark.parametrize(
    ("source", "verdict", "said"),
    [
        (SCORE_FIRST, Verdict.HOLDS, "adapt adds up cross-entropies of logits"),
        (HASHED, Verdict.CONTRADICTED, "ngram_eval divides counts that it looks up by a hashed key"),
        (SMALLER, Verdict.CONTRADICTED, "score adds up the smaller of two losses"),
        (EXACT, Verdict.CANT_TELL, "see whether what ngram_eval mixes in"),
        (WHOLE_ROW, Verdict.CANT_TELL, "see whether what ngram_eval mixes in"),
        (CLIPPED, Verdict.CANT_TELL, "no score by a cross-entropy"),
        (FIT_FIRST, Verdict.CANT_TELL, "no score by a cross-entropy"),
        (TABLE, Verdict.CANT_TELL, "no score by a cross-entropy"),
    ],
)
def test_what_distribution_a_script_scores(source, verdict, said, tmp_path):
    found = outcome("script.distribution", source, tmp_path)
    assert found.verdict is verdict, found
    assert said in found.evidence


@pytest.mark.parametrize(
    ("source", "verdict", "said"),
    [
        (SCORE_FIRST, Verdict.HOLDS, "adapt fits and scores in one loop"),
        (TWO_PASSES, Verdict.CONTRADICTED, "rescore scores in a second loop"),
        (RESTORED, Verdict.CANT_TELL, "no pass that fits and scores"),
        (OTHER_TEXT, Verdict.CANT_TELL, "no pass that fits and scores"),
        (TABLE, Verdict.CANT_TELL, "which evaluation is reported"),
    ],
)
def test_how_often_a_script_goes_over_the_text(source, verdict, said, tmp_path):
    found = outcome("script.passes", source, tmp_path)
    assert found.verdict is verdict, found
    assert said in found.evidence


def test_nothing_of_a_script_is_run(tmp_path):
    outcome("script.bytes", f"open({str(tmp_path / 'ran')!r}, 'w')", tmp_path / "x")
    assert not (tmp_path / "ran").exists()
