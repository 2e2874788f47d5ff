"""Milliseconds of a generated token on the CPU, with keys and values stored and without, of a record's random weights.

Processor time beside the clock's: on a machine that others use too, the former tells what an idle one takes.
"""

import argparse
import json
import time
from collections.abc import Callable

import torch
from options import record_named

from tritgolf.model.build import build_network
from tritgolf.model.continued import ContinuedText, weights_in_compute_dtype
from tritgolf.model.specs import parameters_of


def measure(step: Callable[[], object], times: int) -> dict[str, float]:
    """Mean milliseconds of ``step``, by the clock and of all processors."""
    step()
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(times):
        step()
    return {
        "clock_ms": (time.perf_counter() - clock) / times * 1e3,
        "processor_ms": (time.process_time() - processor) / times * 1e3,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", default="ternary_v2", help="whose model, at full size (default: ternary_v2)")
    parser.add_argument("--text", type=int, default=256, help="tokens read before (default: 256)")
    parser.add_argument("--tokens", type=int, default=20, help="tokens measured with the cache (default: 20)")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    generator, model = torch.Generator().manual_seed(0), record_named(arguments.record).model
    shapes = {name: parameter.shape for name, parameter in parameters_of(model).items()}
    weights = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes.items()}
    network = build_network(model, weights, device=torch.device("cpu"))
    tokens = torch.randint(model.vocab_size, (1, arguments.text), generator=generator)
    head = network.head()
    with weights_in_compute_dtype(network), torch.inference_mode():
        text = ContinuedText(network, model.context)
        text.read(tokens)
        with_cache = measure(lambda: head.logits(text.read(tokens[:, :1])[:, -1]), arguments.tokens)
        without = measure(lambda: head.logits(network(tokens, 1)[:, -1]), max(1, arguments.tokens // 10))
    print(json.dumps({**vars(arguments), "with_cache": with_cache, "without": without}, indent=2))


if __name__ == "__main__":
    main()
