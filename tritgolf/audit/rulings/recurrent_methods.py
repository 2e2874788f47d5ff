"""Rulings on what #1716 says of how it scores and of its text, as far as its logs print it."""

from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import VALIDATION_TOKENS
from tritgolf.audit.recurrent_facts import RecurrentRuns
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.recurrent import MERGED, on_runs, stated
from tritgolf.audit.rulings.recurrent_settings import all_settings, number_in, setting_is
from tritgolf.outcome import cant_tell, holds, judge

NOT_IN_LOGS = "the logs don't say"


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


@on_runs()
def canonical_tokens(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """As many shards as stated, and as many validation tokens as the contest's own data has at this vocabulary."""
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
                f"{tokens:,} validation tokens; the contest's data has {own:,}{beside}: another tokenization. "
                f"Seeds: {', '.join(str(one.seed) for one in runs.runs)}; {NOT_IN_LOGS} whether they see other batches",
            ),
        ),
        MEDIUM,
    )
