"""Does the fast path train as well? Final validation loss after equal tokens, the fast trainer beside the plain one.

    python benchmarks/training_parity.py --shards results/data/docs_en/shards --steps 600 --out measured/speed/NAME.json

Both start from the same weights for each seed, read the same batches of ``--sequences`` and follow the record's
schedule; then the same plain code scores both. The difference between the two, seed by seed, is to be judged by how
much seeds of one path differ: rounding alone makes another path of a run, as another seed does.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from options import parser_of
from plain import PlainTrainer

from tritgolf.config import RecordConfig, load_record
from tritgolf.data.loader import TokenStream, step_batch
from tritgolf.data.shards import Tokens, open_shard
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.files import write_json
from tritgolf.model.build import build_network, default_device
from tritgolf.progress import progress
from tritgolf.provenance import provenance
from tritgolf.train.distributed import Ranks
from tritgolf.train.schedule import lr_scale
from tritgolf.train.trainer import Trainer


def trained(trainer: Trainer | PlainTrainer, record: RecordConfig, stream: TokenStream, what: str) -> list[float]:
    """Train through all steps; the cross-entropy of ten batches along the way, nats a token."""
    train, losses = record.train, []
    device = next(trainer.network.parameters()).device
    for step in progress(range(train.steps), what=what, unit="steps"):
        arrays = step_batch(
            stream, step, batch_tokens=train.batch_tokens, context=record.model.context, rank=0, world=1
        )
        inputs, targets = (torch.from_numpy(array).to(device) for array in arrays)
        _, nats = trainer.step(step, lr_scale(train, step, 0.0), inputs, targets)
        if (step + 1) % max(1, train.steps // 10) == 0:
            losses.append(float(nats))
    return losses


def validation_nats(trainer: Trainer | PlainTrainer, record: RecordConfig, tokens: Tokens) -> float:
    """Mean nats a token of the trained weights, by the evaluation that scores every checkpoint."""
    weights = {name: parameter.detach() for name, parameter in trainer.network.named_parameters()}
    network = build_network(record.model, weights, attention=record.train.attention)
    windows = chunked_windows(len(tokens), record.model.context)
    found = score_windows(network, tokens, windows, record.evaluate.batch_sequences, what="validation")
    return float(found.nats.sum()) / windows.scored


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--shards", required=True, help="a folder with training and validation shards (.bin)")
    parser.add_argument("--steps", type=int, default=600, metavar="N", help="training steps (default: %(default)s)")
    parser.add_argument("--sequences", type=int, default=64, help="of a step, all in one micro-batch")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1337, 7], metavar="N", help="default: %(default)s")
    parser.add_argument("--validation-tokens", type=int, default=1 << 20, help="at most so many are scored")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON with all figures")
    arguments = parser.parse_args()

    context = load_record(arguments.record).model.context
    changes = {
        "steps": arguments.steps,
        "seconds": None,
        "checkpoints": [],
        "batch_tokens": arguments.sequences * context,
        "micro_batch_sequences": arguments.sequences,
    }
    record = load_record(arguments.record, overrides={"train": changes})
    files = sorted(Path(arguments.shards).glob("*.bin"))
    stream = TokenStream([file for file in files if "train" in file.name], record.model.vocab_size)
    held_out = [np.asarray(open_shard(file, record.model.vocab_size)) for file in files if "val" in file.name]
    tokens = np.concatenate(held_out)[: arguments.validation_tokens]
    device = default_device()
    results: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        for path in ("plain", "fast"):
            fast = path == "fast"
            trainer: Trainer | PlainTrainer = (
                Trainer(record.model, record.train, seed, Ranks(0, 1, device))
                if fast
                else PlainTrainer(record, seed, device)
            )
            losses = trained(trainer, record, stream, f"{path}, seed {seed}")
            nats = validation_nats(trainer, record, tokens)
            results.append({"path": path, "seed": seed, "training_nats": losses, "validation_nats": nats})
            del trainer
    nats_of = {
        path: np.array([r["validation_nats"] for r in results if r["path"] == path]) for path in ("plain", "fast")
    }
    spread = {path: float(found.std(ddof=1)) if len(found) > 1 else None for path, found in nats_of.items()}
    write_json(
        arguments.out,
        {
            "what": "training parity",
            "record": arguments.record,
            "steps": arguments.steps,
            "tokens": arguments.steps * record.train.batch_tokens,
            "runs": results,
            "fast_less_plain_nats": [float(value) for value in nats_of["fast"] - nats_of["plain"]],
            "std_over_seeds_nats": spread,
            "provenance": provenance(record.model_dump(mode="json"), {}),
        },
    )
    print(arguments.out.read_text())


if __name__ == "__main__":
    main()
