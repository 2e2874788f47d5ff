"""What FP8 products change at equal weights: the loss, and gradients beside the noise of drawing another micro-batch.

    python benchmarks/one_step.py --record ternary_fp8 --shards results/data/docs_en/shards --steps 150 --out FILE

The record trains for ``--steps``, or ``--artifact`` has its weights. At them, loss and gradients of ``--batches``
micro-batches are computed on full scales in the model's compute dtype (the reference), the same on e4m3 scales, and by
FP8 products: ``Judge``. Of an artifact, full scales are the stored ones.
The speed plan wants a loss shift below 0.002 nats and a gradient error below 0.3.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from options import parser_of, record_named, shard_files
from torch import Tensor

from tritgolf.artifact.container import read_artifact
from tritgolf.artifact.header import Artifact
from tritgolf.config.models import unet_of
from tritgolf.config.record import RecordConfig
from tritgolf.data.loader import TokenStream
from tritgolf.files import write_json
from tritgolf.model.build import default_device
from tritgolf.model.specs import parameters_of
from tritgolf.provenance import provenance
from tritgolf.quantize.ternary import shrinkage_corrected
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer

REFERENCE = "full scales"
WAYS = {REFERENCE: ("float32", "compute"), "e4m3 scales": ("e4m3", "compute"), "fp8": ("e4m3", "fp8")}
Gradients = Mapping[str, Tensor]


class Judge:
    """Adds up micro-batches: losses by way, and by kind of matrix (and ``all``) squares of gradients and of errors.

    ``kinds``: of the matrices that count, by name. Only the running sum of the reference's gradients is kept.
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.losses: dict[str, list[float]] = defaultdict(list)
        self.squares: dict[str, float] = defaultdict(float)
        self.errors: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.sums: dict[str, Tensor] = {}

    def add(self, losses: Mapping[str, float], reference: Gradients, others: Mapping[str, Gradients]) -> None:
        """One micro-batch: the loss by way, the reference's gradients by name, and those of the other ways."""
        for way, loss in losses.items():
            self.losses[way].append(loss)
        for name, kind in self.kinds.items():
            gradient = reference[name].float()
            self.sums[name] = self.sums[name] + gradient if name in self.sums else gradient.clone()
            self._add_square(self.squares, kind, gradient)
            for way, gradients in others.items():
                self._add_square(self.errors[way], kind, gradients[name].float() - gradient)

    @staticmethod
    def _add_square(sums: dict[str, float], kind: str, tensor: Tensor) -> None:
        square = float(tensor.double().square().sum())
        sums[kind] += square
        sums["all"] += square

    def noise(self) -> dict[str, float]:
        """By kind, the variance of a micro-batch's gradient, summed over its numbers."""
        count = len(self.losses[REFERENCE])
        of_sums: dict[str, float] = defaultdict(float)
        for name, total in self.sums.items():
            self._add_square(of_sums, self.kinds[name], total)
        return {kind: (square - of_sums[kind] / count) / (count - 1) for kind, square in self.squares.items()}

    def verdict(self) -> dict[str, Any]:
        """What each way changes.

        ``loss_shift``: mean difference of the minimized loss, nats a token, with its ``standard_error``.
        ``gradient_error``: root mean square norm of the gradients' difference over ``noise``'s root, by kind.
        """
        noise, count = self.noise(), len(self.losses[REFERENCE])
        found = {}
        for way, squares in self.errors.items():
            shift = np.array(self.losses[way]) - np.array(self.losses[REFERENCE])
            found[way] = {
                "loss_shift": float(shift.mean()),
                "standard_error": float(shift.std(ddof=1) / count**0.5),
                "gradient_error": {kind: (square / count / noise[kind]) ** 0.5 for kind, square in squares.items()},
            }
        return found


def trainer_of(record: RecordConfig, way: str, device: torch.device) -> Trainer:
    """A trainer of the record's model that computes in this way."""
    scale_dtype, products = WAYS[way]
    model = unet_of(record.model, record.name)
    quantizer = model.quantizer.model_copy(update={"scale_dtype": scale_dtype})
    train = record.train.model_copy(update={"products": products})
    return Trainer(model.model_copy(update={"quantizer": quantizer}), train, 42, Ranks(0, 1, device))


def batches_of(record: RecordConfig, shards: str, sequences: int, device: torch.device) -> Iterator[list[Tensor]]:
    """Inputs and targets of so many sequences at a time, one after the other, int64 on the device."""
    context = record.model.context
    stream = TokenStream([path for path in shard_files(shards) if "train" in path.name], record.model.vocab_size)
    start = 0
    while True:
        text = torch.from_numpy(stream.take(start, sequences * context + 1).astype("int64")).to(device)
        yield [text[:-1].view(-1, context), text[1:].view(-1, context)]
        start += sequences * context


def gradients_of(trainer: Trainer, batch: list[Tensor]) -> tuple[float, Gradients]:
    """The mean minimized loss of a micro-batch, nats a token, and gradients by name (changed by the next call)."""
    trainer._take(*batch)
    trainer.compute_gradients()
    trainer.stacks.after_gradients(trainer.ranks)
    named = trainer.network.named_parameters()
    return float(trainer._losses[0]), {name: p.grad for name, p in named if p.grad is not None}


def trained_weights(
    record: RecordConfig, steps: int, batches: Iterator[list[Tensor]], device: torch.device
) -> Gradients:
    """The weights after so many steps of the record at its full rates, by name."""
    trainer = Trainer(record.model, record.train, 42, Ranks(0, 1, device))
    for step in range(steps):
        trainer.step(step, 1.0, *next(batches))
    return {name: tensor.clone() for name, tensor in trainer.weights().items()}


def stored_weights(artifact: Artifact, device: torch.device) -> Gradients:
    """The weights of a U-Net's artifact, by name: of matrices those that have the stored trits and scales."""
    restored, estimator = artifact.restore(device), artifact.header.model.quantizer.estimator
    of_matrices = {name: shrinkage_corrected(matrix, estimator) for name, matrix in restored.quantized.items()}
    return restored.tensors | of_matrices


def judged(record: RecordConfig, weights: Gradients, batches: Iterator[list[Tensor]], count: int) -> Judge:
    """All ways at these ``weights``, on ``count`` of the ``batches`` after the first, which FP8's scales are of."""
    device = next(iter(weights.values())).device
    trainers = {way: trainer_of(record, way, device) for way in WAYS}
    for trainer in trainers.values():
        trainer.load_state(trainer.state() | {f"weight.{name}": tensor for name, tensor in weights.items()})
    table = parameters_of(record.model)
    judge = Judge({name: str(row.layer) for name, row in table.items() if row.is_quantized})
    gradients_of(trainers["fp8"], next(batches))
    for _ in range(count):
        batch = next(batches)
        found = {way: gradients_of(trainer, batch) for way, trainer in trainers.items()}
        others = {way: gradients for way, (_, gradients) in found.items() if way != REFERENCE}
        judge.add({way: loss for way, (loss, _) in found.items()}, found[REFERENCE][1], others)
    return judge


def main() -> None:
    parser = parser_of(__doc__, record="ternary_fp8", sequences=64)
    parser.add_argument("--shards", required=True, help="a folder of .bin shards")
    parser.add_argument("--steps", type=int, default=150, metavar="N", help="training before it (default: %(default)s)")
    parser.add_argument("--artifact", metavar="FILE", help="the weights, instead of training")
    parser.add_argument("--batches", type=int, default=16, metavar="N", help="micro-batches (default: %(default)s)")
    parser.add_argument("--out", required=True, metavar="FILE", help="JSON with all figures and what made them")
    arguments = parser.parse_args()

    tokens = arguments.sequences * record_named(arguments.record).model.context
    changes = {"micro_batch_sequences": arguments.sequences, "batch_tokens": tokens}
    record, device = record_named(arguments.record, overrides={"train": changes}), default_device()
    batches = batches_of(record, arguments.shards, arguments.sequences, device)
    if arguments.artifact:
        artifact = read_artifact(arguments.artifact)
        weights, steps = stored_weights(artifact, device), artifact.header.step
    else:
        weights, steps = trained_weights(record, arguments.steps, batches, device), arguments.steps
    judge = judged(record, weights, batches, arguments.batches)
    facts = {
        "record": record.name,
        "steps": steps,
        "batches": arguments.batches,
        "tokens": tokens,
        "loss": float(np.mean(judge.losses[REFERENCE])),
        "against_full_scales": judge.verdict(),
        "provenance": provenance(record.model_dump(mode="json"), {}),
    }
    write_json(Path(arguments.out), facts)
    print(Path(arguments.out).read_text())


if __name__ == "__main__":
    main()
