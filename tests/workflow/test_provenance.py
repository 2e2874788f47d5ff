"""The provenance that a run leaves, and what ``tritgolf verify`` says of its results."""

import json

import pytest

from tritgolf.cli import main

pytestmark = pytest.mark.workflow

UNRECORDED = ("logs", "benchmarks", "script")  # the script is made of sources, not of results


def test_it_records_every_file_of_the_results(base):
    folder = base.results("tiny")
    recorded = json.loads((folder / "provenance.json").read_text())
    there = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    kept = [path.as_posix() for path in there if not set(path.parts) & set(UNRECORDED)]
    assert sorted(recorded["files"]) == sorted(set(kept) - {"provenance.json"})
    assert sorted(recorded["inputs"]) == ["data/tiny/shards/manifest.json", "data/tiny/tokenizer/tokenizer.model"]


def test_it_holds_the_table_of_payload_digests(base):
    metrics = json.loads(base.results("tiny", "provenance.json").read_text())["metrics"]
    assert {f"results/tiny/{name}": made["payload_digest"] for name, made in metrics.items()} == base.payload_digests()


def test_it_says_how_snakemake_was_called(base):
    command = json.loads(base.results("tiny", "provenance.json").read_text())["command"]
    assert command[1:] == ["--cores", "2", "--config", 'records=["tiny"]']


def test_the_results_of_a_run_are_sound_until_a_byte_changes(copied, capsys):
    folder = copied.results("tiny")
    assert main(["verify", str(folder)]) == 0, capsys.readouterr().out
    artifact = folder / "seed42" / "final" / "export" / "bf16.tgolf"
    content = bytearray(artifact.read_bytes())
    content[len(content) // 2] ^= 1
    artifact.write_bytes(content)
    assert main(["verify", str(folder)]) == 1
    assert "changed: seed42/final/export/bf16.tgolf\n" in capsys.readouterr().out


def test_another_number_of_cores_runs_nothing_again(base):
    assert base.planned("--cores", "1") == {}
