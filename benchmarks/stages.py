"""The stages of one seed of a record, one after the other, without Snakemake: for a machine that is lent for minutes.

python benchmarks/stages.py STAGE … --record NAME [--ranks 2] [--methods sliding ttt] [--run NAME --overrides YAML]

Stages: record, corpus, tokenizer, shards, train, export, roundtrip, evaluate, join. Files lie in ``results/`` of the
working folder as the workflow's do, so that each stage finds what earlier ones wrote, by whatever they were run; none
looks whether its output is there. A coder that the artifact wants is looked for before anything trains. With
``--methods`` each of these is scored alone, into a file in ``methods/``, so that one that fails takes no other with it;
``join`` writes ``evaluate.json`` of those that are there.

A training that is done, or was stopped, is not replaced by another one, nor told wrong by ``record``, unless
``--replace`` says so; with the same settings it goes on. A stage that is given other settings than ``record.json`` has
is refused, where its outcome depends on them; ``evaluate`` may be given other methods.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import yaml
from agreeing import check_agrees, check_tells_the_truth, check_training_stays
from options import parser_of

from tritgolf.artifact.packages import check_packages
from tritgolf.bundle.script import NAME, write_script
from tritgolf.config.record import RecordConfig
from tritgolf.config.types import seed_of
from tritgolf.data.corpus import build_corpus
from tritgolf.data.dataset import DatasetConfig, load_dataset
from tritgolf.data.encode import build_shards
from tritgolf.data.tokenizer import build_tokenizer
from tritgolf.devices import visible_devices
from tritgolf.errors import InputError, one_line_errors
from tritgolf.evaluate.no_network import no_network
from tritgolf.files import read_json, write_json
from tritgolf.pipeline import load_pipeline, resolve_record
from tritgolf.resources import datasets_folder, records_folder
from tritgolf.stages.evaluation_ranks import evaluate_on
from tritgolf.stages.export import export_stage
from tritgolf.stages.roundtrip import roundtrip_stage
from tritgolf.stages.train import train_stage
from tritgolf.streams import say
from tritgolf.torch_devices import check_gpus, found_here


class Run:
    """One seed of ``record``: its files, and a method for each stage."""

    def __init__(self, record: RecordConfig, options: argparse.Namespace) -> None:
        self.record, self.options = record, options
        self.folder = options.results / record.name
        self.seed_folder = self.folder / f"seed{options.seed}"
        self.scored = self.seed_folder / options.checkpoint
        self.alone = options.results / "methods" / record.name / f"seed{options.seed}" / options.checkpoint
        self.data = options.results / "data" / record.dataset
        self.weights = {c: self.seed_folder / "checkpoints" / f"{c}.safetensors" for c in record.train.checkpoint_names}
        self.artifacts = {s: self.scored / "export" / f"{s}.tgolf" for s in record.export.storages}
        self.of_checkpoint = {
            "record": record.name,
            "seed": options.seed,
            "name": options.checkpoint,
            "model": record.model,
        }
        self.text = {"shards": self.data / "shards", "tokenizer": self.data / "tokenizer" / "tokenizer.model"}

    def check_first(self) -> None:
        """What would be lost or told wrong, and a coder that is missing, is told before anything runs."""
        stages = self.options.stages
        if {"train", "export"} & set(stages):
            check_packages([*self.record.export.codecs, *self.record.export.code_layouts])
        if {"train", "evaluate"} & set(stages):
            check_devices(self.options.ranks, self.options.device)
        check_agrees(stages, self.record, self.folder / "record.json")
        if "record" in stages and not self.options.replace:
            check_tells_the_truth(self.record, self.folder, self.data / "shards")

    def write_record(self) -> None:
        """``record.json``: the resolved configuration."""
        write_json(self.folder / "record.json", self.record.model_dump(mode="json"))

    def _dataset(self) -> DatasetConfig:
        return load_dataset(self.data.name, datasets_folder())

    def corpus(self) -> None:
        """The dataset's text, split."""
        dataset = self._dataset()
        build_corpus(dataset.name, dataset.source, dataset.validation, self.data / "corpus")

    def tokenizer(self) -> None:
        """The tokenizer, trained or taken as it is."""
        tokenizer = self._dataset().tokenizer
        assert tokenizer is not None, "a dataset of text has one"
        build_tokenizer(tokenizer, self.data / "corpus", self.data / "tokenizer", setting=f"dataset {self.data.name}")

    def shards(self) -> None:
        """The text as tokens."""
        size, threads = self._dataset().tokens_per_shard, self.options.threads
        folders = [self.data / name for name in ("corpus", "tokenizer", "shards")]
        build_shards(self.data.name, *folders, tokens_per_shard=size, threads=threads)

    def train(self) -> None:
        """All checkpoints, on as many ranks as are asked for."""
        if not self.options.replace:
            check_training_stays(self.record, self.seed_folder, self.options.seed, self.data / "shards")
        train_stage(
            record=self.record.name,
            seed=self.options.seed,
            model=self.record.model,
            train=self.record.train,
            shards=self.data / "shards",
            live=self.seed_folder / "live",
            checkpoints=self.weights,
            curve=self.seed_folder / "train" / "metrics.jsonl",
            facts=self.seed_folder / "train" / "train.json",
            processes=self.options.ranks,
            device=self.options.device,
        )

    def export(self) -> None:
        """Every storage of the checkpoint."""
        export_stage(
            **self.of_checkpoint,
            export=self.record.export,
            checkpoint=self.weights[self.options.checkpoint],
            folder=self.scored / "export",
            facts=self.scored / "export" / "export.json",
            threads=self.options.threads,
            code_bytes=write_script(self.record, self.folder / "script" / NAME),
            train=self.record.train,
            shards=self.data / "shards",
        )

    def roundtrip(self) -> None:
        """The checkpoint and every storage, in non-overlapping windows."""
        roundtrip_stage(
            **self.of_checkpoint,
            **self.text,
            own_storage=self.record.export.own_storage,
            z_loss=self.record.train.z_loss,
            attention=self.record.train.attention,
            batch=self.record.evaluate.batch_sequences,
            checkpoint=self.weights[self.options.checkpoint],
            artifacts=self.artifacts,
            facts=self.scored / "roundtrip.json",
        )

    def evaluate(self) -> None:
        """The artifact by every method into one file, or by each of some into its own."""
        known = self.record.evaluate.scoring
        if unknown := [name for name in self.options.methods if name not in known]:
            raise InputError(f"method {unknown[0]!r}", "is none of the record's", f"take of {', '.join(known)}")
        for name in self.options.methods:
            self._evaluate({"methods": {name: known[name]}}, self.alone / f"{name}.json")
        if not self.options.methods:
            self._evaluate({}, self.scored / "evaluate.json")

    def _evaluate(self, changed: dict[str, Any], facts: Path) -> None:
        with no_network():
            evaluate_on(
                self.options.ranks,
                self.options.device or ("cuda" if torch.cuda.is_available() else "cpu"),
                self.options.threads,
                **self.of_checkpoint,
                **self.text,
                train=self.record.train,
                settings=self.record.evaluate.model_copy(update=changed),
                artifact=self.artifacts[self.record.export.own_storage],
                training=self.seed_folder / "train" / "train.json",
                facts=facts,
            )

    def join(self) -> None:
        """``evaluate.json`` of the methods that were scored alone, in the record's order; the rest is the first's."""
        files = [self.alone / f"{name}.json" for name in self.record.evaluate.scoring]
        scored = [read_json(file) for file in files if file.is_file()]
        if not scored:
            raise InputError(self.alone, "holds no method scored alone", "run evaluate with --methods first")
        methods = {name: facts for one in scored for name, facts in one["metrics"]["methods"].items()}
        first = scored[0]
        write_json(self.scored / "evaluate.json", {**first, "metrics": {**first["metrics"], "methods": methods}})


STAGES = {
    "record": Run.write_record,
    "corpus": Run.corpus,
    "tokenizer": Run.tokenizer,
    "shards": Run.shards,
    "train": Run.train,
    "export": Run.export,
    "roundtrip": Run.roundtrip,
    "evaluate": Run.evaluate,
    "join": Run.join,
}


def check_devices(ranks: int, device: str | None) -> None:
    """``InputError`` where ranks would want GPUs that are not here, or that this torch can't use."""
    listed = len(visible_devices())
    if device == "cpu" or not (ranks > 1 or device or listed):
        return  # one process, on the CPU
    if listed < ranks or not (torch.version.cuda or torch.version.hip):
        check_gpus(ranks, found_here(), "--ranks", "--device cpu")


def overrides_of(text: str) -> Any:
    """What ``--overrides`` says; ``InputError`` for what is no YAML."""
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError("--overrides", f"cannot be read as YAML ({reason})", "write '{train: {steps: 100}}'") from None


def resolved(options: argparse.Namespace) -> RecordConfig:
    """The record with what run and overrides make of it, as the workflow resolves it, on the text asked for."""
    given = {"records": [options.record], "run": options.run, "overrides": overrides_of(options.overrides)}
    record = resolve_record(load_pipeline(given, "options"), options.record, records_folder())
    return record.model_copy(update={"dataset": options.text}) if options.text else record


def main() -> None:
    parser = parser_of(__doc__, record="tiny")
    parser.add_argument("stages", nargs="+", choices=list(STAGES), metavar="STAGE", help=f"of {', '.join(STAGES)}")
    parser.add_argument("--seed", default="42", metavar="N", help="the run's seed (default: %(default)s)")
    parser.add_argument("--checkpoint", default="final", metavar="NAME", help="what is stored and scored")
    parser.add_argument("--methods", nargs="*", default=[], metavar="NAME", help="evaluation methods, each alone")
    parser.add_argument("--text", metavar="DATASET", help="instead of the record's dataset")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="of all files")
    parser.add_argument("--ranks", type=int, default=1, help="processes that train and score (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the CPU, all together")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: GPUs where there are any")
    parser.add_argument("--run", metavar="NAME", help="results are RECORD@NAME's")
    parser.add_argument("--overrides", default="{}", metavar="YAML", help="settings laid over the record")
    parser.add_argument("--replace", action="store_true", help="let a training that is done or stopped give way")
    options = parser.parse_args()
    with one_line_errors():
        options.seed = seed_of(options.seed)
        for name in ("ranks", "threads"):
            if (number := getattr(options, name)) < 1:
                raise InputError(f"--{name}", f"{number} can't compute anything", "give 1 or more")
        run = Run(resolved(options), options)
        run.check_first()
        for stage in options.stages:
            say(f"stages: {stage}")
            STAGES[stage](run)


if __name__ == "__main__":
    main()
