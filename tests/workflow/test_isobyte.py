"""The rules of a grid's records: its trials are planned first."""

import pytest

pytestmark = pytest.mark.workflow


def test_trials_and_their_table_are_planned(untrained):
    dry = untrained.snakemake("--dry-run", "compared", experiment="isobyte_tiny/trials")
    assert dry.code == 0, dry.said
    assert "The table is results/experiments/isobyte_tiny/trials/compared.md" in dry.said
    jobs = dry.jobs
    for stage in ("train", "export", "roundtrip"):
        of_stage = {job for job in jobs if job.startswith(f"{stage}_isobyte_tiny")}
        assert of_stage == {f"{stage}_isobyte_tiny_trial_{point}_like_920" for point in ("1_58_qat", "8_gptq")}
    assert jobs["compared_table"] == 1


def test_mistakes_and_texts_that_are_not_there_end_a_dry_run(base):
    mistakes = {"isobyte_gpu/trials": "reads the text docs_en_sp1024,", "isobyte/trial": "is unknown"}
    for name, told in {**mistakes, None: "no experiment is named; add --config experiment=NAME"}.items():
        dry = base.snakemake("--dry-run", "compared", experiment=name)
        (line,) = dry.errors
        assert dry.code == 2 and told in line and "Traceback" not in dry.said
