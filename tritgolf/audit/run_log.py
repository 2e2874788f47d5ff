"""One run, out of a published log: its records, and what they tell together."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import (
    ArtifactLine,
    BudgetLine,
    ScoreLine,
    SizeLine,
    StepLine,
    StopLine,
    TemperatureLine,
    ValidationLine,
)

FITTED = re.compile(r"(?:prequant_)?ttt(_\w{1,20})?:done (?:in |elapsed=)(\d{1,6}(?:\.\d{1,6})?)s", re.ASCII)
NAMED_SEEDS = re.compile(r"seeds?[_-]?\d{1,9}(?:[_+,&-]\d{1,5}(?![\dA-Za-z]|-\d\d(?:\D|$)))*", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"\d+", re.ASCII)
MINUTES = re.compile(r"\d{1,9}/\d{1,9} train_loss: .*\btrain_time: (\d{1,5}\.\d)m\b", re.ASCII)
LIMIT_MINUTES = 10.0
LAST_STEP = "last step"  # the stage of the last validation while training
STORED = re.compile(r"Serialized model")
DIAGNOSTIC = re.compile(r"diagnostic|pre-quant", re.IGNORECASE)  # how the name of such a score begins
DONE = "_done"  # "ttt_sliding:done val_loss=…", before a line of the stage's own, legal_ttt, or in its stead


@dataclass(frozen=True)
class Stage:
    """A run's score at one stage: mean nats a token and bits a byte, as precisely as any of its lines has them."""

    nats: Printed | None
    bpb: Printed

    def printed(self, nats: bool = False) -> Printed | None:
        """The score in bits a byte, or in nats a token; None where it was not printed in these."""
        return self.nats if nats else self.bpb


@dataclass(frozen=True, eq=False)  # each is itself alone: what is found out about many is kept by that
class RunLog:
    """One run, out of a log file. What was not found, or could not be read, is None or absent; nothing is guessed.

    ``name``: the file's, with ``#2`` behind it for the second run in it; ``dialect``: the style it was read in;
    ``validation_tokens``: of the text that was scored, where the log says so; ``failed``: the stages that were
    scored as NaN or infinite after training, diagnostics apart.
    """

    name: str
    digest: str
    lines: tuple[str, ...]
    hyperparameters: dict[str, str] = field(default_factory=dict)
    parameters: int | None = None
    gpus: int | None = None
    steps: tuple[StepLine, ...] = ()
    validations: tuple[ValidationLine, ...] = ()
    scores: tuple[ScoreLine, ...] = ()
    artifact: ArtifactLine | None = None
    budget: BudgetLine | None = None
    stop: StopLine | None = None
    temperature: TemperatureLine | None = None
    warmups: tuple[int, ...] = ()
    checkpoints: tuple[int, ...] = ()
    resumes: tuple[str, ...] = ()
    dialect: str = ""
    sizes: tuple[SizeLine, ...] = ()
    validation_tokens: int | None = None
    failed: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Whether any record was found."""
        return bool(self.steps or self.validations or self.scores or self.budget or self.artifact or self.sizes)

    @property
    def tells_of_training(self) -> bool:
        """Whether it seems to be a training log at all, readable or garbled."""
        return self.is_readable or any("loss" in line for line in self.lines)

    @cached_property
    def seed(self) -> int | None:
        """The configured seed."""
        return self.setting_int("seed")

    @cached_property
    def named_seed(self) -> int | None:
        """The configured seed; where the log prints none, the one number behind "seed" in its file's name.

        A name with several, be it ``seed1337_2024``, is of several runs.
        """
        named = {
            int(n) for match in NAMED_SEEDS.finditer(self.name.partition("#")[0]) for n in NUMBER.findall(match[0])
        }
        return self.seed if self.seed is not None or len(named) != 1 else named.pop()

    @property
    def final(self) -> ValidationLine | None:
        """The last validation of the trained model."""
        return self.validations[-1] if self.validations else None

    @property
    def stop_step(self) -> int | None:
        """The step at which training stopped early, where a line says so."""
        return self.stop.step if self.stop else None

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Stage → score, in the order of the log; lines that repeat one with more digits count as one."""
        found: dict[str, Stage] = {}
        if self.final:
            found[LAST_STEP] = Stage(self.final.nats, self.final.bpb)
        for score in self.scores:
            earlier = found.get(score.stage)
            if earlier is None or score.bpb.decimals >= earlier.bpb.decimals:
                found[score.stage] = Stage(score.nats, score.bpb)
        return found

    @cached_property
    def roundtrip(self) -> ScoreLine | None:
        """The score after export and reload, non-overlapping windows."""
        return next((score for score in reversed(self.scores) if "roundtrip" in score.name), None)

    @cached_property
    def sliding(self) -> ScoreLine | None:
        """The sliding-window score: the headline."""
        return next((score for score in reversed(self.scores) if "sliding" in score.name), None)

    @property
    def train_ms(self) -> float | None:
        """Training time, ms: of the last validation, or of the line that says why training stopped."""
        if self.final and self.final.train_ms:
            return self.final.train_ms.value
        return self.stop.train_ms.value if self.stop else None

    @cached_property
    def rough_train_ms(self) -> float | None:
        """The same, else as the last of all steps prints it, be it in minutes of one decimal; ten are too coarse."""
        if self.train_ms or not self.steps or self.steps[-1].step != self.steps[-1].total:
            return self.train_ms
        if elapsed := self.steps[-1].elapsed_ms:
            return elapsed.value
        printed = [float(match[1]) for match in map(MINUTES.match, self.lines) if match]
        return printed[-1] * 60_000 if printed and printed[-1] != LIMIT_MINUTES else None

    @property
    def step_ms(self) -> float | None:
        """Mean time of a step, ms."""
        printed = [*(line.step for line in self.steps), *(line.step for line in self.validations)]
        steps = max(printed, default=0)
        return self.train_ms / steps if self.train_ms and steps else None

    @cached_property
    def fingerprint(self) -> str:
        """What makes it this run and no other: losses by step and scores; the file's digest where there are none."""
        losses = [(line.step, line.loss.text) for line in self.steps]
        losses += [(line.step, line.bpb.text) for line in self.validations]
        scored = [(score.name, score.bpb.text) for score in self.scores]
        return repr((losses, scored, self.total_bytes)) if losses or scored else self.digest

    @property
    def models(self) -> tuple[int, ...]:
        """Sizes of the model that are printed, each after a compression, in bytes."""
        return tuple(size.bytes for size in self.sizes if size.what == "model" and size.method)

    @property
    def total_bytes(self) -> int | None:
        """Code and compressed model, in bytes: of the budget line, or the last total after a compression.

        A total without the method is one if it is the sum of a compressed model and the code.
        """
        if self.budget:
            return self.budget.total
        sums = {model + code.bytes for model in self.models for code in self.sizes if code.what == "code"}
        totals = [size.bytes for size in self.sizes if size.what == "total" and (size.method or size.bytes in sums)]
        return totals[-1] if totals else None

    @property
    def code_bytes(self) -> tuple[int, ...]:
        """Sizes of the script that are printed, as it is before those of it compressed.

        A log without any tells it by the model that isn't compressed, alone and with the script.
        """
        if self.artifact:
            return (self.artifact.code_bytes,)
        codes = sorted(
            (size for size in self.sizes if size.what == "code"), key=lambda size: size.method == "compressed"
        )
        raw = {size.what: size.bytes for size in self.sizes if not size.method}
        difference = raw.get("total", 0) - raw.get("model", 0)
        if not codes and "model" in raw and difference > 0:
            return (difference,)
        return tuple(dict.fromkeys(size.bytes for size in codes))

    @property
    def evaluation_seconds(self) -> tuple[float, ...]:
        """Seconds of each evaluation after training that prints them, in order."""
        return tuple(score.eval_ms.value / 1000 for score in self.scores if score.eval_ms)

    @property
    def artifact_bytes(self) -> int | None:
        """Size of the compressed artifact: total minus code."""
        return self.budget.total - self.artifact.code_bytes if self.budget and self.artifact else None

    @property
    def told_bytes(self) -> dict[int, str]:
        """Totals and artifacts under a script's own names, with parts that no other line counts: bytes → name."""
        return {size.bytes: size.method for size in self.sizes if size.what == "told"}

    @property
    def needed_seconds(self) -> tuple[float, ...]:
        """Seconds of the evaluations that the score can need: none that is a diagnostic, or from before storing."""
        needed = [score for score in self.scores if not DIAGNOSTIC.match(score.name)]
        return tuple(score.eval_ms.value / 1000 for score in needed if score.eval_ms)

    @cached_property
    def fitting_seconds(self) -> float:
        """Seconds of fitting to the scored text before storing: no clock of training or evaluation has them."""
        stored = next((at for at, line in enumerate(self.lines) if STORED.match(line)), 0)
        fitted = ((at, FITTED.match(line)) for at, line in enumerate(self.lines))
        return sum(float(match[2]) for at, match in fitted if match and (at < stored or match[0].startswith("preq")))

    def setting_int(self, key: str) -> int | None:
        """A logged integer setting; None if absent or not an integer."""
        value = self.setting_float(key)
        return int(value) if value is not None and value == int(value) else None

    def setting_float(self, key: str) -> float | None:
        """A logged numeric setting; None if absent or not a finite number."""
        try:
            value = float(self.hyperparameters[key])
        except (KeyError, ValueError):
            return None
        return value if abs(value) < 1e18 else None

    def setting_bool(self, key: str) -> bool | None:
        """A logged switch (True, False, 1, 0); None if absent or something else."""
        return {"True": True, "1": True, "False": False, "0": False}.get(self.hyperparameters.get(key, ""))


def of_seed(logs: Iterable[RunLog], seed: int) -> list[RunLog]:
    """The logs that print this seed; where a log prints none, its file's name may tell it."""
    return [log for log in logs if log.named_seed == seed]
