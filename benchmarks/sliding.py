"""Window tokens a second of sliding evaluation: the fast path and the plain one, in turn, on one GPU (or the CPU).

    python benchmarks/sliding.py --shards results/data/docs_en/shards --out measured/speed/NAME.json

*fast* is what ``tritgolf evaluate`` and the workflow run: by kernels, or compiled where the text is long enough;
*eager* is the network uncompiled, as short texts are scored without kernels; *plain* is the definition under
torch.compile: every position through every layer and the head, logits whole. Times are of whole calls, result on the
host; medians after warm-up, and the ratio of neighbouring calls with its spread. Tokens are real. Weights are random
(the output projections too, so that nothing is multiplied by zeros): time does not depend on them, and the scores mean
nothing but that the paths agree.
"""

import functools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from options import parser_of, record_named, shard_files
from timing import ratios

from tritgolf.config.models import unet_of
from tritgolf.data.loader import TokenStream
from tritgolf.data.shards import Tokens
from tritgolf.evaluate import score
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.score import WindowNats, score_windows
from tritgolf.evaluate.window_sums import plain_window_sums, window_sums
from tritgolf.evaluate.windows import Windows, sliding_windows
from tritgolf.files import write_json
from tritgolf.model.attention import choose_attention
from tritgolf.model.build import default_device
from tritgolf.model.initialize import initialize
from tritgolf.model.network import Network
from tritgolf.model.unet import UNet
from tritgolf.provenance import provenance

# Window tokens a second of the published #920 code on one GPU of eight, stride 16, 1.66M tokens of technical English.
PUBLISHED = {"NVIDIA H200": 0.79e6}

Call = Callable[[], WindowNats]


def random_network(record: str, attention: str) -> Network:
    model = unet_of(record_named(record).model, record)
    network = UNet(model)
    initialize(network, 42)
    generator = torch.Generator().manual_seed(42)
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    for name, weight in weights.items():
        if name.endswith(".proj.weight"):
            weight.normal_(0, 0.02, generator=generator)
    return trained_network(model, weights, attention)


def timed(call: Call) -> tuple[float, float]:
    """Seconds of the call, and the sum of its nats."""
    began = time.perf_counter()
    nats = float(call().nats.sum())
    return time.perf_counter() - began, nats


def measure(calls: dict[str, Call], repeats: int, window_tokens: int) -> dict[str, Any]:
    """Each call in turn: once with whatever is compiled and warmed up then, and ``repeats`` times to be measured."""
    first = {name: timed(call) for name, call in calls.items()}
    rounds = [{name: timed(call)[0] for name, call in calls.items()} for _ in range(repeats)]
    found: dict[str, Any] = {}
    for name in calls:
        plain, own = ([times[which] for times in rounds] for which in ("plain", name))
        found[name] = {
            "window_tokens_per_second": window_tokens / statistics.median(own),
            "times_faster_than_plain": ratios(plain, own),
            "first_call_seconds": first[name][0],
            "nats_against_plain": first[name][1] / first["plain"][1] - 1,
        }
    return found


def paths(network: Network, tokens: Tokens, windows: Windows, batch: int, compiled: bool) -> dict[str, Call]:
    plain = torch.compile(plain_window_sums, dynamic=False) if compiled else plain_window_sums
    sums = {"plain": plain, "eager": window_sums} | ({"fast": None} if compiled else {})
    return {
        name: functools.partial(score_windows, network, tokens, windows, batch, what=name, sums=function)
        for name, function in sums.items()
    }


def main() -> None:
    parser = parser_of(__doc__, repeats=10, attention="auto")
    parser.add_argument("--shards", required=True, help="a folder of .bin shards")
    parser.add_argument(
        "--stride", type=int, default=16, metavar="N", help="tokens from window to window (default: %(default)s)"
    )
    parser.add_argument("--windows", type=int, default=4096, help="windows a call, a multiple of every batch")
    parser.add_argument("--batch", type=int, nargs="+", default=[64], help="windows at a time; several are compared")
    parser.add_argument("--eager", action="store_true", help="compile nothing")
    parser.add_argument("--profile", metavar="FILE", help="write a table of the fastest path's kernels here")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here too")
    arguments = parser.parse_args()

    network = random_network(arguments.record, arguments.attention)
    device, length = default_device(), network.model.context
    score.COMPILE_FROM[device.type] = 0  # so much is scored in earnest that it pays; here it would not be
    stream = TokenStream(shard_files(arguments.shards), network.model.vocab_size)
    count = length + 1 + arguments.stride * (arguments.windows - 1)
    tokens = np.asarray(stream.take(0, count))
    windows = sliding_windows(count, length, arguments.stride, "every_token")
    batches = {}
    for batch in arguments.batch:
        calls = paths(network, tokens, windows, batch, compiled=not arguments.eager)
        batches[batch] = measure(calls, arguments.repeats, arguments.windows * length)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    shape = {
        "record": arguments.record,
        "stride": arguments.stride,
        "window": length,
        "windows": arguments.windows,
        "compute": network.model.compute,
        "attention": choose_attention(arguments.attention, device, network.dtype)[0],
    }
    facts = {
        "what": "sliding evaluation",
        **shape,
        "repeats": arguments.repeats,
        "weights": "random",
        "tokens": f"the first {count:,} of the shards",
        "batches": batches,
        "published_window_tokens_per_second": PUBLISHED.get(name),
        "provenance": provenance(shape, {}),
    }
    if arguments.out:
        write_json(arguments.out, facts)
    if arguments.profile:
        call = list(calls.values())[-1]
        with torch.profiler.profile() as profile:
            call()
        sort = f"self_{device.type}_time_total"
        Path(arguments.profile).write_text(profile.key_averages().table(sort_by=sort, row_limit=50))
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
