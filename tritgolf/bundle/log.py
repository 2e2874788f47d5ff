"""A run's log in the contest's style, from what the run measured: lines that ``audit.dialects.bundled`` reads.

The script prints them as it goes; the bundle writes them from a run's metrics files. Scores are of pure cross-entropy
by published bytes, so that all lines of a log have one ratio of nats and bits per byte. Times in milliseconds.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tritgolf.config.train import TrainConfig

Facts = Mapping[str, Any]
SHOWN = ("batch_tokens", "steps", "warmdown_fraction", "warmdown_steps", "cpu_threads", "order")


def opening(record: str, model: Facts, train: Facts, *, parameters: int, world: int, seed: int) -> Iterator[str]:
    """The record's name, settings in one line, and the model's size."""
    yield f"tritgolf: {record}"
    sizes = {name: model[name] for name in ("layers", "width", "heads", "kv_heads", "vocab_size", "context")}
    settings = {**sizes, **{name: train[name] for name in SHOWN if name in train}}
    names = {**settings, "train_log_every": train["log_every"], "seed": seed}
    names |= {} if train["seconds"] is None else {"max_wallclock_seconds": f"{train['seconds']:g}"}
    yield " ".join(f"{name}={value}" for name, value in sorted(names.items()))
    yield f"params:{parameters} ws:{world} s:{seed}"


def step_line(line: Facts, steps: int) -> str:
    """A ``line`` of the curve, of at most ``steps``."""
    step, elapsed = line["step"], 1000 * line["training_seconds"]
    return f"step:{step}/{steps} loss:{line['loss']:.4f} t:{elapsed:.0f}ms step_avg:{elapsed / step:.1f}ms"


def trained(score: Facts, last: Facts, run: Facts, train: TrainConfig) -> Iterator[str]:
    """The score of the trained model, after the ``last`` line of the curve; ``run``: facts of the training.

    The curve's zeros are those of its weights: an average of them, which ``train`` may want, has others.
    """
    steps = train.steps
    place, elapsed = f"step:{run['steps']}/{steps}", f"train_time:{1000 * run['training_seconds']:.0f}ms"
    zeros = f" zero_frac:{last['zero_fraction']['all']:.3f}" if "zero_fraction" in last and not train.average else ""
    yield f"{place} {_loss(score)} {elapsed}{zeros}"
    if run["steps"] < steps:
        yield f"stopping_early: wallclock_cap {elapsed} {place}"


def sizes(stored: Facts, *, code: int, limit: int, grids: str) -> Iterator[str]:
    """Bytes of code and artifact (``stored``: facts of its file). ``grids``: as ``BundledRecord`` has it."""
    total = stored["bytes"] + code
    yield f"Code size: {code} bytes"
    yield f"Serialized model {grids}: {stored['bytes']} bytes"
    yield f"Total submission size {grids}: {total} bytes"
    verdict = "FITS" if total <= limit else "OVER"
    yield f"budget:{total}/{limit} ({total / 1e6:.2f}/{limit / 1e6:.2f}MB) {verdict}"


def scored(evaluation: Facts, grids: str) -> Iterator[str]:
    """The scores of the reloaded artifact by each method, the headline last, at its temperature if one is applied."""
    temperature, methods = evaluation["temperature"], evaluation["methods"]
    if temperature:
        yield f"temp_scaling optimal_T:{temperature['best']:.2f}"
    for name, score in methods.items():
        called = {"chunked": f"{grids}_roundtrip"}.get(name, name)
        took = f"eval_time:{1000 * score['seconds']:.0f}ms {score.get('mark', '')}".rstrip()
        if "stride" not in score:
            yield f"final_{called} {_loss(score)} {took}"
            continue
        is_last = name == list(methods)[-1]
        at = temperature["best"] if is_last and is_tempered(evaluation) else 1.0
        shown = headline(evaluation) if is_last else score
        yield f"final_{called} {_loss(shown)} (stride={score['stride']}, T={at:.2f}) {took}"


def headline(evaluation: Facts) -> dict[str, float]:
    """``nats`` a token and ``bpb_published_bytes`` of the last method, at the temperature where one is applied."""
    score = list(evaluation["methods"].values())[-1]
    factor = evaluation["temperature"]["sliding_bpb_at_best"] / score["bpb"] if is_tempered(evaluation) else 1.0
    return {name: factor * score[name] for name in ("nats", "bpb_published_bytes")}


def is_tempered(evaluation: Facts) -> bool:
    """Whether the headline is at a temperature that was calibrated."""
    return bool(evaluation["temperature"] and evaluation["temperature"]["applied"])


def _loss(score: Facts) -> str:
    return f"val_loss:{score['nats']:.4f} val_bpb:{score['bpb_published_bytes']:.4f}"
