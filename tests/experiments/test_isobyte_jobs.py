"""``benchmarks/isobyte.py``: jobs that share GPUs and the processor, and GPUs that are not there."""

import importlib
import json
import runpy

import pytest

from tests.small import REPOSITORY
from tritgolf.devices import VARIABLE


@pytest.fixture
def runner(monkeypatch):
    """``benchmarks/isobyte.py`` as a module, whose jobs are a process that writes what it was started with."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    return importlib.import_module("isobyte")


def test_jobs_that_share_gpus_share_the_processors_cores(runner, monkeypatch, tmp_path):
    """Four of them with a thread a core each took ten minutes to compile in place of half a one."""
    stages = tmp_path / "stages.py"
    stages.write_text(
        "import json, os, pathlib, sys\n"
        "name, seed, results = (sys.argv[sys.argv.index(f'--{key}') + 1] for key in ('record', 'seed', 'results'))\n"
        "done = pathlib.Path(results, name, 'seed' + seed, 'final', 'roundtrip.json')\n"
        "done.parent.mkdir(parents=True)\n"
        "done.write_text(json.dumps(dict(os.environ)))\n"
        "sys.exit(name == 'bad' and (done.unlink() or 1))\n"
    )
    monkeypatch.setattr(runner, "STAGES", stages)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)))
    jobs = [runner.Job(name, name, seed) for name in ("good", "bad") for seed in (1, 2)]
    missing = runner.run_all(jobs, tmp_path, ["GPU-a", "GPU-b"] * 2, float("inf"))
    assert missing == jobs[2:]
    for path in tmp_path.glob("good/*/final/roundtrip.json"):
        started = json.loads(path.read_text())
        assert started[VARIABLE] in ("GPU-a", "GPU-b")
        assert (started["OMP_NUM_THREADS"], started["TORCHINDUCTOR_COMPILE_THREADS"]) == ("3", "3")
    assert runner.run_all(jobs, tmp_path, ["GPU-a"], seconds=0) == jobs[2:]  # the others are done


@pytest.fixture
def told(monkeypatch, capsys, tmp_path):
    """What the runner says of the experiment ``isobyte_tiny/trials``, in a folder of results, where it can't begin."""

    def run(*options):
        monkeypatch.setenv(VARIABLE, "")
        monkeypatch.chdir(REPOSITORY)
        monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
        monkeypatch.setattr("sys.argv", ["isobyte.py", "isobyte_tiny/trials", "--results", str(tmp_path), *options])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(REPOSITORY / "benchmarks" / "isobyte.py"), run_name="__main__")
        assert stopped.value.code == 2
        return capsys.readouterr().err

    return run


def test_gpus_that_are_not_there_are_told_and_not_replaced_by_the_cpu(told):
    assert "--gpus: 2: no job has a place, with 0 GPUs here; leave it out to compute on the CPU" in told("--gpus", "2")


def test_options_that_run_nothing_are_told(told):
    assert "--together: 0 jobs can't share a GPU; give 1 or more" in told("--together", "0")
    line = told("--only", "8_gptq", "zzz")
    assert "--only zzz: is in the name of no record; records: isobyte_tiny_trial_1_58_qat_like_920, " in line


def test_shards_that_are_not_there_are_told_with_what_makes_them(told, tmp_path, runner):
    """Of the text that the jobs read: the points' own is not asked for by their trials."""
    line = told()
    record = tmp_path / "experiments/isobyte_tiny/trials/records/isobyte_tiny_trial_8_gptq_like_920.yaml"
    assert f"{tmp_path}/data/tiny_tune/shards/manifest.json: is missing" in line
    makes = f"python {runner.STAGES} corpus tokenizer shards --record {record} --text tiny_tune --results {tmp_path}"
    assert line.endswith(f"; first: {makes}\n")
    assert not list(tmp_path.glob("logs/*"))
