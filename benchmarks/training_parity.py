"""Does the fast path train as well? Final validation loss after equal tokens, the fast trainer beside the plain one.

    python benchmarks/training_parity.py --shards results/data/docs_en/shards --steps 600 --out measured/speed/NAME.json

Both start from the same weights for each seed, read the same batches of ``--sequences`` and follow the record's
schedule; then the same plain code scores both. The difference between the two, seed by seed, is to be judged by how
much seeds of one path differ: rounding alone makes another path of a run, as another seed does.

On GPUs every run has a process of its own, as many at a time as there are GPUs; the file is written anew after each.
"""

import itertools
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import torch
from options import parser_of, record_named, shard_files
from plain import PlainTrainer

from tritgolf.config.models import unet_of
from tritgolf.config.record import RecordConfig
from tritgolf.data.loader import TokenStream, step_batch
from tritgolf.data.shards import Tokens, open_shard
from tritgolf.devices import assigned_gpus, visible_devices
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.files import write_json
from tritgolf.model.build import default_device
from tritgolf.progress import progress
from tritgolf.provenance import provenance
from tritgolf.ranks import Ranks
from tritgolf.train.schedule import lr_scale
from tritgolf.train.trainer import Trainer

PATHS = ("plain", "fast")
Run = dict[str, Any]


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
    network = trained_network(record.model, weights, record.train.attention)
    windows = chunked_windows(len(tokens), record.model.context)
    found = score_windows(network, tokens, windows, record.evaluate.batch_sequences, what="validation")
    return float(found.nats.sum()) / windows.scored


def run(record: RecordConfig, path: str, seed: int, files: list[Path], validation_tokens: int) -> Run:
    """Train by one ``path`` from ``seed`` on a GPU of its own, and score."""
    with assigned_gpus(1):
        device = default_device()
        stream = TokenStream([file for file in files if "train" in file.name], record.model.vocab_size)
        held_out = [np.asarray(open_shard(file, record.model.vocab_size)) for file in files if "val" in file.name]
        trainer: Trainer | PlainTrainer = (
            Trainer(record.model, record.train, seed, Ranks(0, 1, device))
            if path == "fast"
            else PlainTrainer(record, seed, device)
        )
        losses = trained(trainer, record, stream, f"{path}, seed {seed}")
        nats = validation_nats(trainer, record, np.concatenate(held_out)[:validation_tokens])
    return {"path": path, "seed": seed, "training_nats": losses, "validation_nats": nats}


def runs_of(record: RecordConfig, seeds: list[int], files: list[Path], validation_tokens: int) -> Iterator[Run]:
    """Each run as it ends: in a process of its own, one a GPU at a time; without GPUs one after the other, here."""
    wanted = itertools.product(seeds, PATHS)
    if not visible_devices():
        yield from (run(record, path, seed, files, validation_tokens) for seed, path in wanted)
        return
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(visible_devices()), fresh, max_tasks_per_child=1) as pool:
        jobs = [pool.submit(run, record, path, seed, files, validation_tokens) for seed, path in wanted]
        yield from (job.result() for job in as_completed(jobs))


def figures(runs: list[Run]) -> dict[str, Any]:
    """Each run, what the fast path's validation loss is more, seed by seed, and each path's spread over seeds."""
    nats = {(one["seed"], one["path"]): one["validation_nats"] for one in runs}
    seeds = sorted({seed for seed, _ in nats})
    both = [seed for seed in seeds if all((seed, path) in nats for path in PATHS)]
    by_path = {path: [nats[seed, path] for seed in seeds if (seed, path) in nats] for path in PATHS}
    return {
        "runs": sorted(runs, key=lambda one: (one["seed"], one["path"])),
        "fast_less_plain_nats": {seed: nats[seed, "fast"] - nats[seed, "plain"] for seed in both},
        "mean_nats": {path: float(np.mean(found)) if found else None for path, found in by_path.items()},
        "std_over_seeds_nats": {
            path: float(np.std(found, ddof=1)) if len(found) > 1 else None for path, found in by_path.items()
        },
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--shards", required=True, help="a folder with training and validation shards (.bin)")
    parser.add_argument("--steps", type=int, default=600, metavar="N", help="training steps (default: %(default)s)")
    parser.add_argument("--sequences", type=int, default=64, help="of a step, all in one micro-batch")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1337, 7], metavar="N", help="default: %(default)s")
    parser.add_argument("--validation-tokens", type=int, default=1 << 20, help="at most so many are scored")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON with all figures")
    arguments = parser.parse_args()

    context = unet_of(record_named(arguments.record).model, arguments.record).context
    changes = {
        "steps": arguments.steps,
        "seconds": None,
        "checkpoints": [],
        "batch_tokens": arguments.sequences * context,
        "micro_batch_sequences": arguments.sequences,
    }
    record = record_named(arguments.record, overrides={"train": changes})
    files = shard_files(arguments.shards)
    about = {
        "what": "training parity",
        "record": arguments.record,
        "steps": arguments.steps,
        "tokens": arguments.steps * record.train.batch_tokens,
        "provenance": provenance(record.model_dump(mode="json"), {}),
    }
    runs: list[Run] = []
    for done in runs_of(record, arguments.seeds, files, arguments.validation_tokens):
        runs.append(done)
        write_json(arguments.out, {**about, **figures(runs)})
    print(arguments.out.read_text())


if __name__ == "__main__":
    main()
