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


def test_gpus_that_are_not_there_are_told_and_not_replaced_by_the_cpu(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    for asked in (["--gpus", "2"], ["--together", "0"]):
        monkeypatch.setattr("sys.argv", ["isobyte.py", "isobyte_tiny/trials", "--results", str(tmp_path), *asked])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(REPOSITORY / "benchmarks" / "isobyte.py"), run_name="__main__")
        assert stopped.value.code == 2
        assert "no job has a place, with 0 GPUs here; leave both out" in capsys.readouterr().err
