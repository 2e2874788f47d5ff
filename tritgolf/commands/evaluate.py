"""``tritgolf evaluate ARTIFACT --shards GLOB --tokenizer MODEL``: score one artifact on any tokenized text."""

import argparse
from typing import Any

from tritgolf.commands.output import print_facts, print_json
from tritgolf.commands.published import add_record_option, named_artifact
from tritgolf.commands.text import add_text_options, given_text
from tritgolf.errors import InputError


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("evaluate", help="chunked and sliding bits per byte of an artifact")
    parser.add_argument("artifact", help="a .tgolf file, or a published .ternary.ptz")
    add_text_options(parser, required=True)
    parser.add_argument("--stride", type=int, metavar="N", help="stride of the sliding windows (default: window / 2)")
    parser.add_argument(
        "--rule",
        choices=("every_token", "record"),
        default="every_token",
        help="every_token: each token after the first is scored once (default); record: the published window rule",
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
    chunked, sliding = facts["chunked"], facts["sliding"]
    of_training = [("text", "training text, by the manifest beside the shards or their names")]
    print_facts(
        [
            ("", f"{arguments.artifact} on {facts['tokens']:,} tokens"),
            *(of_training if facts["split"] == "train" else []),
            ("bytes", _counting(facts["bytes"])),
            ("chunked", f"{chunked['bpb']:.4f} BPB, {chunked['nats']:.4f} nats a token"),
            ("  scored", f"{chunked['tokens_scored']:,} tokens, {chunked['tokens_left_out']:,} left out"),
            ("  with z-loss", f"{chunked['record_bpb']:.4f} BPB by published bytes (what the published val_bpb holds)"),
            (f"sliding {sliding['stride']}", f"{sliding['bpb']:.4f} BPB, {sliding['nats']:.4f} nats a token"),
            ("  scored", f"{sliding['tokens_scored']:,} tokens, {sliding['tokens_left_out']:,} left out"),
            ("  time", f"{sliding['seconds']:.1f} s, {sliding['window_tokens_per_second']:,.0f} window tokens/s"),
        ]
    )
    return 0


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
    from tritgolf.config.train import TrainConfig  # noqa: PLC0415
    from tritgolf.evaluate.load import reloaded_network  # noqa: PLC0415
    from tritgolf.evaluate.scores import byte_facts, score_chunked, score_sliding  # noqa: PLC0415

    artifact = named_artifact(arguments)
    model = artifact.header.model
    stride = model.context // 2 if arguments.stride is None else arguments.stride
    if not 1 <= stride <= model.context:
        raise InputError("--stride", f"{stride} is not possible", f"give 1 to {model.context}, the window")
    text = given_text(arguments, model)
    tokens, sizes = text.tokens, text.sizes
    network = reloaded_network(artifact)
    z_loss = TrainConfig().z_loss
    return {
        "artifact": str(arguments.artifact),
        "tokens": len(tokens),
        "split": text.split,
        "bytes": byte_facts(tokens, sizes),
        "chunked": score_chunked(network, tokens, sizes, arguments.batch, z_loss),
        "sliding": score_sliding(network, tokens, sizes, arguments.batch, z_loss, stride, arguments.rule)[0],
    }
