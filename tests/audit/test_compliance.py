"""Every check of our own results: a run it must pass, one it must flag, and one on which it can't tell."""

import shutil

import pytest

from tests.audit.results import edit, sound_run, time_limited
from tests.report.synthetic import SEEDS, config
from tritgolf.audit.checks import RESULTS_CHECKS
from tritgolf.audit.results import read_results
from tritgolf.data.corpus import SPLITS, split_file
from tritgolf.files import digest_json, write_json
from tritgolf.outcome import Verdict


def in_evaluate(change):
    return lambda folder: edit(folder / "seed42/final/evaluate.json", change)


def in_train(change):
    return lambda folder: edit(folder / "seed42/train/train.json", change)


def in_export(change):
    return lambda folder: edit(folder / "seed42/final/export/export.json", change)


def with_corpus(repeat):
    def build(folder):
        corpus = folder.parent / "data/docstrings/corpus"
        write_corpus(corpus, {"train": ["one", "two"], "validation": ["one" if repeat else "three"]})

    return build


def write_corpus(corpus, documents):
    """A corpus as the data stage writes it, with whatever documents."""
    import hashlib  # noqa: PLC0415
    import json  # noqa: PLC0415

    import zstandard  # noqa: PLC0415

    corpus.mkdir(parents=True)
    splits = {}
    for split in SPLITS:
        texts = documents[split]
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        split_file(corpus, split).write_bytes(zstandard.ZstdCompressor().compress(lines))
        digests = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
        size = sum(len(text.encode()) for text in texts)
        digest = "sha256:" + hashlib.sha256(digests).hexdigest()
        splits[split] = {"documents": len(texts), "bytes": size, "digest": digest}
    write_json(corpus / "corpus.json", {"schema": "tritgolf/corpus/1", "dataset": "docstrings", "splits": splits})


def timed(seconds):
    def build(folder):
        write_json(folder / "record.json", time_limited(config()))
        in_train(lambda raw: raw["metrics"].update(training_seconds=seconds))(folder)

    return build


def stage_lost(*names):
    def build(folder):
        for name in names:
            for path in folder.rglob(name):
                path.unlink()

    return build


def nothing(folder):
    pass


def second_seed_is_the_first(folder):
    for file in ("train/train.json", "final/evaluate.json"):
        shutil.copyfile(folder / "seed42" / file, folder / "seed7" / file)
        edit(folder / "seed7" / file, lambda raw: raw.update(seed=7))


LEAK = {"changes": 64, "leak": {"changed": 9, "moved": 8, "nats": 0.1}, "repeatable": True}
LARGE = {"bytes": 16_000_000}

# check → (what makes it hold, what must be flagged, what leaves it open)
CASES = {
    "compliance.seeds": (nothing, second_seed_is_the_first, stage_lost("evaluate.json")),
    "compliance.bytes": (
        nothing,
        in_export(lambda raw: raw["metrics"]["storages"]["bf16"].update(LARGE)),
        stage_lost("export.json"),
    ),
    "compliance.time": (timed(599.9), timed(600.666), nothing),
    "compliance.disjoint": (with_corpus(repeat=False), with_corpus(repeat=True), nothing),
    "compliance.network": (
        nothing,
        in_evaluate(lambda raw: raw["provenance"].update(network="open")),
        in_evaluate(lambda raw: raw["provenance"].pop("network")),
    ),
    "compliance.causal": (
        nothing,
        in_evaluate(lambda raw: raw["metrics"].update(causality=LEAK)),
        in_evaluate(lambda raw: raw["metrics"].pop("causality")),
    ),
    "compliance.accounting": (
        nothing,
        in_evaluate(lambda raw: raw["metrics"]["sliding"].update(bpb=1.1)),
        stage_lost("evaluate.json", "roundtrip.json"),
    ),
    "compliance.parameters": (
        nothing,
        in_train(lambda raw: raw["metrics"]["parameters"].update(trained=1)),
        lambda folder: edit(folder / "record.json", lambda raw: raw["model"].update(another="version")),
    ),
}


def outcome(name, folder):
    check = next(check for check in RESULTS_CHECKS.checks if check.name == name)
    return check.run(read_results(folder))


@pytest.fixture
def folder(tmp_path):
    return sound_run(tmp_path / "demo")


def test_every_check_has_its_cases():
    assert set(CASES) == {check.name for check in RESULTS_CHECKS.checks}


@pytest.mark.parametrize(
    ("position", "expected"), [(0, Verdict.HOLDS), (1, Verdict.CONTRADICTED), (2, Verdict.CANT_TELL)]
)
@pytest.mark.parametrize("name", CASES)
def test_check(name, position, expected, folder):
    CASES[name][position](folder)
    verdict, evidence = outcome(name, folder)
    assert verdict is expected, evidence


def test_the_parameters_of_a_transformer_are_counted_too(folder):
    model = config("tiny_int6").model
    edit(folder / "record.json", lambda raw: raw.update(model=model.model_dump(mode="json")))
    assert outcome("compliance.parameters", folder).verdict is Verdict.CONTRADICTED
    for seed in SEEDS:
        counts = {"trained": 74_468, "published": 74_468}
        edit(
            folder / f"seed{seed}/train/train.json", lambda raw, counts=counts: raw["metrics"].update(parameters=counts)
        )
    assert outcome("compliance.parameters", folder).verdict is Verdict.HOLDS


def test_an_artifact_of_another_size_than_recorded_is_flagged(folder):
    (folder / "seed7/final/export/bf16.tgolf").write_bytes(b"short")
    verdict, evidence = outcome("compliance.bytes", folder)
    assert verdict is Verdict.CONTRADICTED
    assert "bf16.tgolf of seed 7 has 5 bytes" in evidence


def test_a_missing_seed_is_named(folder):
    shutil.rmtree(folder / "seed1337")
    assert "not evaluated: [1337]" in outcome("compliance.seeds", folder).evidence


def test_scores_that_cannot_be_repeated_leave_causality_open(folder):
    for seed in SEEDS:
        edit(
            folder / f"seed{seed}/final/evaluate.json", lambda raw: raw["metrics"]["causality"].update(repeatable=False)
        )
    assert outcome("compliance.causal", folder).verdict is Verdict.CANT_TELL


def test_the_digest_of_the_settings_is_not_what_the_audit_reads(folder):
    """A changed payload digest is for ``verify``; the audit must still read the file."""
    edit(folder / "seed42/final/evaluate.json", lambda raw: raw.update(payload_digest=digest_json("other")))
    assert outcome("compliance.accounting", folder).verdict is Verdict.HOLDS


def test_a_corpus_whose_text_was_not_kept_can_tell_nothing(folder):
    with_corpus(repeat=False)(folder)
    corpus = folder.parent / "data/docstrings/corpus"
    for split in SPLITS:
        split_file(corpus, split).unlink()
    found = outcome("compliance.disjoint", folder)
    assert found.verdict is Verdict.CANT_TELL
    assert "is not here" in found.evidence
