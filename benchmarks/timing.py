"""Times of several functions in turn, so that a drift of the machine meets all of them; on a GPU by CUDA events."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def interleaved(
    functions: Mapping[str, Callable[[], object]], repeats: int, warmups: int = 5
) -> dict[str, list[float]]:
    """Milliseconds of each function, ``repeats`` times, in turn, after ``warmups`` calls of each."""
    for function in functions.values():
        for _ in range(warmups):
            function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(milliseconds_of(function))
    return times


def milliseconds_of(function: Callable[[], object]) -> float:
    """Of one call; on the GPU where there is one."""
    if not torch.cuda.is_available():
        began = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - began)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    function()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


def summary(times: list[float]) -> dict[str, float]:
    """Median, least and most, milliseconds."""
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def ratios(plain: list[float], fast: list[float]) -> dict[str, float]:
    """How many times faster ``fast`` is, pair by pair: median, least and most."""
    each = [slow / quick for slow, quick in zip(plain, fast, strict=True)]
    return {"median": statistics.median(each), "min": min(each), "max": max(each)}
