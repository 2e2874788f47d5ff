"""Writes a run as its ternary script logs it: the opposite of ``ternary.read``."""

from collections.abc import Iterator

from tritgolf.audit.run_log import RunLog


def write_lines(log: RunLog) -> Iterator[str]:
    """The lines of a run, in the order in which the script prints them."""
    settings = log.hyperparameters
    yield "--- Hyperparameters ---"
    yield " ".join(f"{name}={value}" for name, value in settings.items())
    if log.parameters is not None:
        shape = " ".join(f"{short}:{settings.get(name, '')}" for short, name in SHAPE)
        yield f"params:{log.parameters} {shape} ws:{log.gpus} ga:1 s:{settings.get('seed', '')}"
    count = settings.get("warmup_steps", "")
    yield from (f"warmup:{step}/{count}" for step in log.warmups)
    yield from _training(log)
    yield from _results(log)


SHAPE = (("L", "num_layers"), ("d", "model_dim"), ("h", "num_heads"), ("kv", "num_kv_heads"))


def _training(log: RunLog) -> Iterator[str]:
    """Checkpoints, steps and validations by step; a checkpoint is told before its step, a validation after it."""
    lines = [(step, 0, f"step:{step} checkpoint saved to ./checkpoints/ckpt_step{step:07}.pt")
             for step in log.checkpoints]  # fmt: skip
    for line in log.steps:
        average = f" {line.label}:{line.average_ms}ms" if line.average_ms else ""
        lines.append((line.step, 1, f"step:{line.step}/{line.total} loss:{line.loss} t:{line.elapsed_ms}ms{average}"))
    for at in log.validations:
        zeros = f" zero_frac:{at.zero_fraction}" if at.zero_fraction else ""
        told = f"step:{at.step}/{at.total} val_loss:{at.nats} val_bpb:{at.bpb} train_time:{at.train_ms}ms{zeros}"
        lines.append((at.step, 2, told))
    yield from (line for _, _, line in sorted(lines, key=lambda line: line[:2]))
    if log.stop:
        place = f"step:{log.stop.step}/{log.stop.total}"
        yield f"stopping_early: {log.stop.reason} train_time:{log.stop.train_ms}ms {place}"


def _results(log: RunLog) -> Iterator[str]:
    """Sizes and scores."""
    if size := log.artifact:
        ternary, fp = f"{size.ternary_parameters}({size.ternary_bytes}B)", f"{size.fp_parameters}({size.fp_bytes}B)"
        yield f"artifact:{size.megabytes}MB ternary:{ternary} fp:{fp} code:{size.code_bytes}"
    if total := log.budget:
        yield f"budget:{total.total}/{total.limit} ({total.megabytes}/{total.limit / 1e6:.2f}MB) {total.verdict}"
    for score in log.scores:
        if score.stride is not None and log.temperature:
            yield f"temp_scaling optimal_T:{log.temperature.best} eval_time:{log.temperature.eval_ms}ms"
        how = f" (stride={score.stride}, T={score.temperature}) eval_time:{score.eval_ms}ms" if score.stride else ""
        yield f"{score.name} val_loss:{score.nats} val_bpb:{score.bpb}{how}"
