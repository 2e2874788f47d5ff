"""The same configuration in another folder gives the same results; a second record beside it changes nothing."""

import json

import pandas as pd
import pytest
import yaml

from tests.workflow.workspace import Workspace
from tritgolf.config.record import load_record

pytestmark = pytest.mark.workflow

SECOND = {
    "inherit": "tiny_fp8",
    "title": "Tiny in FP8, otherwise",
    "seeds": [42],
    "model": {"smear": True, "quantizer": {"estimator": "absmean"}},
    "train": {"steps": 8, "checkpoints": []},
}
SEED = 42  # one of tiny's two: what one of them shows, the other would
TIMES = ("ms_per_step", "seconds")


@pytest.fixture(scope="module")
def two_records(base: Workspace, tmp_path_factory) -> tuple[Workspace, dict[str, int]]:
    """Another folder, from text to tables, for a seed of ``tiny`` and a second record; with the jobs that it took."""
    workspace = base.copy(tmp_path_factory.mktemp("second") / "elsewhere")
    (workspace.folder / "records" / "tiny2.yaml").write_text(yaml.safe_dump(SECOND))
    run = workspace.snakemake("tables", records=["tiny", "tiny2"], seeds=[SEED])
    assert run.code == 0, run.said
    return workspace, run.jobs


def test_payload_digests_are_the_same(base, two_records):
    digests = of_the_seed(base.payload_digests())
    assert len(digests) == 1 + 3 + 3 + 1  # train, export and roundtrip of 3 checkpoints, evaluate
    assert two_records[0].payload_digests() == digests


def test_artifacts_are_the_same_to_the_byte(base, two_records):
    digests = of_the_seed(base.artifact_digests())
    assert len(digests) == 3 * len(load_record("tiny").export.storages)  # checkpoints × storages
    assert two_records[0].artifact_digests() == digests


@pytest.mark.parametrize("table", ["seeds", "roundtrip"])
def test_a_seeds_rows_of_the_tables_are_the_same_but_for_times(base, two_records, table):
    first, second = (_without_times(workspace, f"tiny/tables/{table}") for workspace in (base, two_records[0]))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_two_records_share_their_data_and_a_table(two_records):
    workspace, jobs = two_records
    assert [jobs[rule] for rule in ("corpus", "tokenizer", "shards", "records_table")] == [1, 1, 1, 1]
    assert (jobs["train_tiny"], jobs["train_tiny2"]) == (1, 1)
    table = pd.read_csv(workspace.results("tables", "records.csv"), index_col="record")
    assert table["steps_mean"].to_dict() == {"tiny": 24, "tiny2": 8}
    assert table["seeds"].to_dict() == {"tiny": 1, "tiny2": 1}


def test_a_model_trained_in_fp8_loses_nothing_when_it_is_stored_with_its_own_scales(two_records):
    roundtrip = two_records[0].results("tiny2", f"seed{SEED}", "final", "roundtrip.json")
    storages = json.loads(roundtrip.read_text())["metrics"]["storages"]
    gaps = {name: storage["gap_bpb"] for name, storage in storages.items()}
    assert gaps["lossless"] == 0.0
    assert gaps["bf16"] == gaps["fp32"]  # both hold the scales: what is lost is the mixes' and the vectors'
    rows = pd.read_csv(two_records[0].results("tiny2", "tables", "roundtrip.csv"))
    assert set(rows["storage"]) == set(gaps)


def of_the_seed(digests: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in digests.items() if f"/seed{SEED}/" in path}


def _without_times(workspace: Workspace, table: str) -> pd.DataFrame:
    frame = pd.read_csv(workspace.results(f"{table}.csv"))
    rows = frame[frame["seed"].astype(str) == str(SEED)].reset_index(drop=True).astype({"seed": str})
    assert len(rows)
    return rows.drop(columns=[name for name in rows.columns if any(word in name for word in TIMES)])
