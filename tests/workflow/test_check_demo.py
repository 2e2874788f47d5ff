import json
from pathlib import Path

import pytest

from tests.workflow.check_demo import main

ENTROPY = 4.0


def write_evaluation(folder: Path, seed: int, bpb: float) -> None:
    path = folder / f"seed{seed}" / "final" / "evaluate.json"
    path.parent.mkdir(parents=True)
    metrics = {"methods": {"chunked": {"bpb": bpb}}, "unigram_entropy_bpb": ENTROPY}
    path.write_text(json.dumps({"record": "demo", "seed": seed, "metrics": metrics}))


@pytest.mark.parametrize(("worst", "code"), [(3.39, 0), (3.41, 1), (float("nan"), 1)])
def test_one_seed_that_has_not_learned_is_enough(tmp_path, capsys, worst, code):
    write_evaluation(tmp_path, 7, 2.0)
    write_evaluation(tmp_path, 42, worst)
    assert main(str(tmp_path)) == code
    told = capsys.readouterr().out.splitlines()
    assert ["has not learned" in line for line in told] == [code == 1, False]  # seed42, seed7
    assert f"{worst:.4f} BPB" in told[0]


def test_no_results_are_no_success(tmp_path, capsys):
    assert main(str(tmp_path)) == 1
    assert "run the record first" in capsys.readouterr().err


@pytest.mark.workflow
def test_it_reads_what_the_pipeline_writes(base, capsys):
    assert main(str(base.results("tiny"))) == 1  # 24 steps teach nothing
    assert len(capsys.readouterr().out.splitlines()) == 2
