"""Rulings on what #1716 says of how it scores and of its text, as far as its logs print it."""

from itertools import pairwise

from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import VALIDATION_TOKENS
from tritgolf.audit.recurrent_facts import RecurrentRuns
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.recurrent import MERGED, on_runs, stated
from tritgolf.audit.rulings.recurrent_settings import all_settings, number_in, setting_is
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge
from tritgolf.report.statistics import sample_std

NOT_IN_LOGS = "the logs don't say"
SETTLED = 500  # steps after which losses fall slowly, so that what a batch is shows in its loss
SHARED_RISE = 5.0  # of the seeds' std: a rise that all seeds have together and batches of their own would not give


@on_runs()
def adaptation(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The printed chunks, epochs, rate and momentum are the stated; and the chunks are the text's. Not their order."""
    run = runs.runs[0]
    tokens, size = run.numbers["validation_tokens"], number_in(claim, r"of ([\d,]+) tokens")
    chunks = -(-tokens // size)
    return Ruling.of(
        all_of(
            all_settings(
                run,
                {
                    "ttt_chunk_tokens": size,
                    "ttt_epochs": number_in(claim, r"(\d+) epochs"),
                    "ttt_lr": number_in(claim, r"SGD at (\d\.\d+)"),
                    "ttt_momentum": number_in(claim, r"momentum (\d\.\d+)"),
                },
            ),
            stated(claim, "chunks", r"([\d,]+) chunks", run.numbers["ttt_chunks"]),
            stated(claim, "chunks of the text", r"([\d,]+) chunks", chunks),
            holds("in which order they are scored and trained on the logs don't say"),
        ),
        MEDIUM,
    )


def inference_mode(claim: Claim, published: Published) -> Ruling:
    """Which mode the scoring runs in no log prints."""
    return Ruling.of(cant_tell(f"{NOT_IN_LOGS} under which mode the chunks are scored"))


@on_runs()
def gate_source(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The setting is printed; whether anything reads it the logs don't say."""
    printed = runs.runs[0].settings.get("gate_attn_src", "nothing")
    return Ruling.of(cant_tell(f"gate_attn_src: {printed} is printed; {NOT_IN_LOGS} what reads it"))


@on_runs()
def scored_once(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """How often a log's run scores the validation text; that none of these scores feeds another no log shows."""
    times = [len(run.validations) + len(run.scores) for run in runs.runs]
    run = runs.runs[0]
    steps = ", ".join(f"{step:,}" for step in run.validations)
    return Ruling.of(
        cant_tell(
            f"each run scores the text {max(times)} times (steps {steps}, then {', '.join(run.scores)}); "
            f"that one doesn't feed another {NOT_IN_LOGS}"
        )
    )


@on_runs()
def no_forbidden_method(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """No setting of the runs turns on an n-gram cache, SLOT, a logit bias or a temperature at evaluation."""
    run = runs.runs[0]
    words = ("slot", "ngram", "cache", "prequant")
    on = [key for key, value in run.settings.items() if value not in ("False", "0")]
    others = [key for key in on if any(word in key.lower() for word in words)]
    return Ruling.of(
        all_of(
            all_settings(run, {"vocab_size": number_in(claim, r"over ([\d,]+)"), "etlb_enabled": "False"}),
            setting_is(run, "temp_cal_enabled", "False"),
            judge(
                not others,
                f"no setting turns on what is called {', '.join(words)}" if not others else f"set: {', '.join(others)}",
            ),
        ),
        MEDIUM,
    )


def other_batches(runs: RecurrentRuns) -> Outcome:
    """Whether the seeds see batches of their own: a loss that rises for all of them alike is of a batch they share.

    Were the batches drawn anew for each seed, the losses of one step would differ by what makes losses rise.
    """
    rises = [
        (step, min(now - before for before, now in zip(earlier, losses, strict=True)), losses)
        for (_, earlier), (step, losses) in pairwise(_losses_by_step(runs))
    ]
    if not rises or len(runs.runs) < 2:
        return cant_tell(f"{NOT_IN_LOGS} whether the seeds see other batches")
    step, least, losses = max(rises, key=lambda rise: rise[1])
    spread = max(sample_std(each) for _, _, each in rises)
    evidence = f"the largest std of the seeds' training losses at a step is {spread:.4f} nats"
    if least <= SHARED_RISE * spread:
        return cant_tell(f"{evidence}; no loss rises for all of them by {SHARED_RISE:.0f} times that")
    return contradicted(
        f"at step {step:,} the training losses of all seeds rise by {least:.3f} nats or more, to "
        f"{', '.join(f'{loss:.4f}' for loss in losses)}, as a batch that they share would make them; {evidence}"
    )


def _losses_by_step(runs: RecurrentRuns) -> list[tuple[int, list[float]]]:
    """(step, loss of every seed) of the steps that all seeds print, from ``SETTLED`` on, in order."""
    printed = [dict(run.losses) for run in runs.runs]
    steps = sorted(set(printed[0]).intersection(*printed))
    return [(step, [losses[step] for losses in printed]) for step in steps if step >= SETTLED]


@on_runs()
def independent_seeds(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """As many shards as stated, as many validation tokens as the contest's own data has, and seeds of other batches."""
    run = runs.runs[0]
    tokens, vocabulary = run.numbers["validation_tokens"], run.setting("vocab_size")
    own = VALIDATION_TOKENS.get(int(vocabulary or 0))
    if own is None:
        return Ruling.of(cant_tell("no vocabulary whose validation tokens are known"))
    merged = published.recurrent(MERGED)
    beside = f", #1493's logs {merged.runs[0].numbers['validation_tokens']:,}" if merged else ""
    return Ruling.of(
        all_of(
            stated(claim, "shards", r"(\d+)-shard", run.numbers["train_shards"]),
            judge(
                tokens == own,
                f"{tokens:,} validation tokens; the contest's data has {own:,}{beside}: another tokenization",
            ),
            other_batches(runs),
        ),
        MEDIUM,
    )
