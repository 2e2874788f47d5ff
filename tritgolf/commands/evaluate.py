"""``tritgolf evaluate ARTIFACT --shards GLOB --tokenizer MODEL``: score one artifact on any tokenized text.

By chunked and sliding windows, or with ``--method`` as a record says: test-time training too.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tritgolf.commands.output import print_facts, print_json
from tritgolf.commands.published import add_artifact, add_record_option, named_artifact, record_of, scorable
from tritgolf.commands.text import add_text_options, given_batch, given_text
from tritgolf.errors import InputError
from tritgolf.outcome import mark_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tritgolf.artifact.header import Artifact
    from tritgolf.config.record import RecordConfig

EVERY = "all"  # of --method


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score an artifact in bits per byte, by any method of its record",
        description="Score an artifact on tokenized text, in bits per byte: in chunked and sliding windows, or by "
        "--method. The causality probe's verdict is beside a score that it flags.",
    )
    add_artifact(parser)
    add_text_options(parser, required=True)
    parser.add_argument("--stride", type=int, metavar="N", help="stride of the sliding windows (default: window / 2)")
    parser.add_argument(
        "--rule",
        choices=("every_token", "drop_tail", "repeat_tail", "record"),
        help="every_token (default): each token after the first is scored once; drop_tail (#920; old name: record): "
        "the end of the text is not scored; repeat_tail (#1019): the last tokens are scored again",
    )
    parser.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="score by this method of the artifact's record, such as ttt, instead of chunked and sliding; may be "
        f"repeated; {EVERY}: every method",
    )
    add_record_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score and print."""
    facts = evaluate(arguments)
    if arguments.json:
        print_json(facts)
        return 0
    of_training = [("text", "training text, by the manifest beside the shards or their names")]
    print_facts(
        [
            ("", f"{arguments.artifact} on {facts['tokens']:,} tokens"),
            *(of_training if facts["split"] == "train" else []),
            ("bytes", _counting(facts["bytes"])),
            *(row for name, scored in facts["methods"].items() for row in _rows(name, scored)),
        ]
    )
    return 0


def _rows(name: str, scored: dict[str, Any]) -> list[tuple[str, str]]:
    """What is printed of one method; a score that the probe flags says so beside it."""
    causality = scored["causality"]
    flag = f", {mark_of(scored).upper()}" if mark_of(scored) else ""
    flag += ", causality not known" if causality["causal"] is None else ""
    return [
        (
            f"{name} {scored.get('stride', '')}".strip(),
            f"{scored['bpb']:.4f} BPB, {scored['nats']:.4f} nats a token{flag}",
        ),
        *([("  why", causality["reason"])] if flag else []),
        ("  scored", f"{scored['tokens_scored']:,} tokens, {scored['tokens_left_out']:,} left out"),
        *_with_z_loss(scored),
        ("  time", f"{scored['seconds']:.1f} s, {scored['window_tokens_per_second']:,.0f} window tokens/s"),
    ]


def _with_z_loss(scored: dict[str, Any]) -> list[tuple[str, str]]:
    """The published val_bpb of a system that trains with a z-loss; it holds that term too."""
    if scored["record_bpb"] == scored["bpb_published_bytes"]:
        return []
    return [("  with z-loss", f"{scored['record_bpb']:.4f} BPB by published bytes (what the published val_bpb holds)")]


def _counting(found: dict[str, Any]) -> str:
    """Which bytes BPB divide by, with the ratio of the two countings."""
    published = f"{found['published']:,} as the published code counts"
    if found["raw"] is None:
        return f"{published} (the raw ones are not known)"
    return (
        f"{found['raw']:,} raw UTF-8 bytes of the text; {published} (raw / published {found['raw_per_published']:.4f})"
    )


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """The scores as facts for JSON."""
    from tritgolf.config.train import PUBLISHED_Z_LOSS  # noqa: PLC0415
    from tritgolf.evaluate.load import reloaded_network  # noqa: PLC0415
    from tritgolf.evaluate.methods import make_method  # noqa: PLC0415
    from tritgolf.evaluate.probe import probe  # noqa: PLC0415
    from tritgolf.evaluate.scores import byte_facts, score_by  # noqa: PLC0415

    artifact = scorable(named_artifact(arguments))
    model = artifact.header.model
    record = _record_of_methods(artifact, arguments) if arguments.method else None
    asked = _methods_of(record, arguments.method) if record else _usual_methods(model, arguments)
    text, batch = given_text(arguments, model), given_batch(arguments)
    tokens, sizes = text.tokens, text.sizes
    network = reloaded_network(artifact)
    z_loss = record.train.z_loss if record else PUBLISHED_Z_LOSS.get(model.kind, 0.0)
    methods = {}
    for name, settings in asked.items():
        method = make_method(settings, batch)
        methods[name] = score_by(name, settings.kind, method, network, tokens, sizes, z_loss, probe).facts
    return {
        "artifact": str(arguments.artifact),
        "tokens": len(tokens),
        "split": text.split,
        "bytes": byte_facts(tokens, sizes),
        "methods": methods,
    }


def _usual_methods(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Chunked, and sliding windows by ``--stride`` and ``--rule``."""
    from tritgolf.config.evaluate import ChunkedSettings, SlidingSettings  # noqa: PLC0415

    stride = model.context // 2 if arguments.stride is None else arguments.stride
    if not 1 <= stride <= model.context:
        raise InputError("--stride", f"{stride} is not possible", f"give 1 to {model.context}, the window")
    sliding = SlidingSettings(kind="sliding", stride=stride, rule=arguments.rule or "every_token")
    return {"chunked": ChunkedSettings(kind="chunked"), "sliding": sliding}


def _record_of_methods(artifact: Artifact, arguments: argparse.Namespace) -> RecordConfig:
    """The record whose methods ``--method`` names. ``InputError`` where they can't be this artifact's."""
    from tritgolf.config.evaluate import check_context  # noqa: PLC0415

    for option in ("stride", "rule"):
        if getattr(arguments, option) is not None:
            raise InputError(f"--{option}", "is the record's where --method is given", "leave out one of them")
    record = record_of(artifact, arguments)
    try:
        check_context(record.evaluate, artifact.header.model.context)
    except ValueError as error:
        raise InputError("--method", f"{record.name}: {error}", "name the artifact's own record by --record") from None
    return record


def _methods_of(record: RecordConfig, names: Sequence[str]) -> dict[str, Any]:
    """Those of ``names``, in the record's order. ``InputError`` for one that it hasn't."""
    known = record.evaluate.scoring
    for name in names:
        if name != EVERY and name not in known:
            fix = f"name one of {', '.join(known)}, or {EVERY}"
            raise InputError("--method", f"{name!r} is no method of {record.name}", fix)
    return {name: settings for name, settings in known.items() if EVERY in names or name in names}
