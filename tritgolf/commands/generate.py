"""``tritgolf generate ARTIFACT --prompt "…"``: what the model of an artifact writes, as it writes it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from tritgolf.commands.output import print_json
from tritgolf.commands.published import add_artifact, add_record_option, named_artifact


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "generate",
        help="continue a text with the model of an artifact",
        description="Continue a text with the model of an artifact. The text goes to standard output, token by "
        "token, its pace to standard error.",
    )
    add_artifact(parser)
    parser.add_argument("--prompt", default="", metavar="TEXT", help="the text to continue (default: none)")
    parser.add_argument(
        "--tokenizer", metavar="MODEL", help="its SentencePiece model (default: found near the artifact)"
    )
    parser.add_argument("--tokens", type=int, default=200, metavar="N", help="write at most N tokens (default: 200)")
    parser.add_argument(
        "--temperature", type=float, default=0.8, metavar="T", help="0: always the likeliest token (default: 0.8)"
    )
    parser.add_argument("--top-k", type=int, metavar="K", help="sample from the K likeliest tokens (default: all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the sampling (default: 0)")
    parser.add_argument("--no-cache", action="store_true", help="compute all keys and values anew for every token")
    add_record_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, at the end")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the text as it comes, with the pace on standard error; as JSON at the end."""
    facts = generate(arguments, _ignored if arguments.json else _show)
    if arguments.json:
        print_json(facts)
        return 0
    _show("\n")
    print(f"{facts['tokens']} tokens, {facts['tokens_per_second']:.1f} a second", file=sys.stderr)
    return 0


def generate(arguments: argparse.Namespace, show: Callable[[str], object]) -> dict[str, Any]:
    """The text, piece by piece to ``show``, then the facts of it for JSON."""
    from tritgolf.use.generate import Sampling, TextStream, continuation  # noqa: PLC0415  (torch: slow to import)
    from tritgolf.use.model import Model  # noqa: PLC0415
    from tritgolf.use.tokenizers import encoded, tokenizer_of  # noqa: PLC0415

    artifact = named_artifact(arguments)
    tokenizer = tokenizer_of(artifact, arguments.tokenizer)
    prompt = encoded(tokenizer, arguments.prompt, "--prompt")
    sampling = Sampling(arguments.temperature, arguments.top_k, arguments.seed).checked()
    network, cache = Model(artifact).network, not arguments.no_cache
    begin, text = time.perf_counter(), TextStream(tokenizer, list(prompt))
    show(text.shown)
    before = len(text.shown)
    for token in continuation(network, prompt, arguments.tokens, sampling, tokenizer.bos_id(), cache=cache):
        show(text.add(token))
    show(text.rest())
    count = len(text.tokens) - len(prompt)
    return {
        "artifact": str(arguments.artifact),
        "prompt": arguments.prompt,
        "continuation": text.shown[before:],
        "tokens": count,
        "cache": cache,
        **sampling._asdict(),
        "tokens_per_second": count / (time.perf_counter() - begin),
    }


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _ignored(text: str) -> None:
    """Nothing is shown where facts are printed at the end."""
