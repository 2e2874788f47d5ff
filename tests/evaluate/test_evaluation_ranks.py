"""Several ranks score what one process does, and end together."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.evaluate.test_methods import SETTINGS
from tests.evaluate.test_probe import BIGRAM, TOKENS, Bigram
from tests.evaluate.test_score import text
from tests.evaluate.test_stages import evaluate, evaluation
from tests.evaluate.threads import on_threads
from tests.small import REPOSITORY, random_network, small_model, small_training
from tests.train.test_launch import running
from tritgolf.config.evaluate import SlidingSettings
from tritgolf.errors import InputError
from tritgolf.evaluate import probe
from tritgolf.evaluate.methods import make_method
from tritgolf.files import write_json
from tritgolf.processes import FAILURE
from tritgolf.provenance import processor
from tritgolf.stages import evaluate as evaluate_stages
from tritgolf.stages import evaluation_ranks

ADAPT = ({"kind": "score_first", "chunk_tokens": 512, "epochs": 1, "lr": 0.001},)
SLIDING = {"kind": "sliding", "stride": 5, "rule": "every_token"}
NAMED = {"chunked": {"kind": "chunked"}, "sliding": SLIDING, "ttt": SLIDING | {"adapt": ADAPT}}
TIMES = ("seconds", "window_tokens_per_second")


@pytest.fixture(scope="module")
def network():
    return random_network(small_model(smear=True))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("world", "batch"), [(2, 3), (3, 7)])
def test_shares_of_whole_batches_score_what_one_process_does_to_the_bit(network, name, world, batch):
    """75 tokens are 5 to 16 windows: shares differ in size, and some ranks have none."""

    def flat(ranks=None):
        found = make_method(SETTINGS[name], batch, 0.9, ranks).score(network, text(), name)
        sums = (found.sums, found.tempered)
        return [
            found.targets,
            found.nats,
            *(each for of in sums for each in (of.nats, of.squares)),
            found.window_tokens,
        ]

    alone = flat()
    for found in on_threads(world, flat):
        assert all(np.array_equal(one, other) for one, other in zip(alone, found, strict=True))


@pytest.mark.parametrize("adapt", [(), ADAPT], ids=["plain", "adapting"])
def test_all_ranks_probe_and_come_to_the_same_verdict(adapt):
    adapt = tuple(each | {"chunk_tokens": 16} for each in adapt)
    settings, tokens = SlidingSettings(**BIGRAM.model_dump(exclude={"adapt"}), adapt=adapt), TOKENS % 12

    def verdict(ranks=None):
        method, network = make_method(settings, 4, ranks=ranks), Bigram()
        found = method.score(network, tokens, "test")
        return probe.probe(method, network, tokens, found, changes=2, draws=3, ranks=ranks)

    alone, (first, second) = verdict(), on_threads(2, verdict)
    assert first == second
    assert (first.causal, first.later_tokens) == (True, alone.later_tokens)
    assert [own.total for own in first.own_token] == pytest.approx([own.total for own in alone.own_token], abs=1e-5)


@pytest.fixture
def arguments(finished, dataset, tmp_path):
    """What the stage is given."""
    return {
        "record": "small",
        "seed": 1,
        "name": "final",
        "model": small_model(),
        "train": small_training(),
        "settings": evaluation(methods=NAMED, apply_temperature=False),
        "artifact": finished / "export" / "exact.tgolf",
        "training": finished / "train.json",
        "shards": dataset / "shards",
        "tokenizer": dataset / "tokenizer" / "tokenizer.model",
        "facts": tmp_path / "ranks" / "evaluate.json",
    }


def test_two_processes_write_the_scores_of_one(arguments, finished, dataset, tmp_path, monkeypatch):
    started(monkeypatch, sys.executable, str(Path(__file__).with_name("two_ranks.py")))
    evaluation_ranks.evaluate_on(2, "cpu", 2, **arguments)
    monkeypatch.setattr(evaluate_stages, "probe", partial(probe.probe, changes=2, draws=3))
    alone = evaluate(finished, dataset, tmp_path, settings=arguments["settings"])
    ranks = json.loads(arguments["facts"].read_text())
    hardware = ranks["provenance"]["hardware"]
    assert (hardware["ranks"], hardware["gpus"], hardware["processor"]) == (2, [], processor())
    assert ranks["provenance"]["network"] == "blocked"
    one, two = (found["metrics"].pop("methods") for found in (alone, ranks))
    assert ranks["metrics"] == alone["metrics"]
    for name in ("chunked", "sliding"):
        assert without_times(two[name]) == without_times(one[name])
    assert two["ttt"]["nats"] == pytest.approx(one["ttt"]["nats"], rel=1e-5)
    assert two["ttt"]["nats"] != one["sliding"]["nats"]
    assert two["ttt"]["causality"]["causal"] is True


def started(monkeypatch, *command: str) -> None:
    """Have this ``command`` started on the job instead of ranks of the module."""
    monkeypatch.setattr(evaluation_ranks, "ranks_command", lambda module, job, processes: [*command, str(job)])
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def without_times(facts: dict) -> dict:
    return {key: value for key, value in facts.items() if key not in TIMES}


def test_a_rank_that_fails_ends_all_in_one_line(arguments, tmp_path, monkeypatch):
    """Rank 1 has bad input, and rank 0 would wait for it for ever."""
    *torchrun, dash_m, module, _ = evaluation_ranks.ranks_command(evaluation_ranks.__name__, tmp_path, 2)
    assert (dash_m, module) == ("-m", "tritgolf.stages.evaluation_ranks")
    program = tmp_path / "program.py"
    program.write_text(f"""
import json, os, pathlib, sys, time
if os.environ["RANK"] == "0":
    pathlib.Path({str(tmp_path / "waiting")!r}).write_text(str(os.getpid()))
    time.sleep(3600)
while not pathlib.Path({str(tmp_path / "waiting")!r}).exists():
    time.sleep(0.01)
folder = pathlib.Path(sys.argv[1]).parent
(folder / {FAILURE!r}).write_text(json.dumps({{"error": ["artifact", "is damaged", "make it again"]}}))
raise SystemExit(2)
""")
    started(monkeypatch, *torchrun, str(program))
    with pytest.raises(InputError, match=r"^artifact: is damaged; make it again$"):
        evaluation_ranks.evaluate_on(2, "cpu", 2, **arguments)
    assert not running(int((tmp_path / "waiting").read_text()))
    assert not arguments["facts"].exists()


def test_a_crash_is_told_in_one_line(arguments, monkeypatch):
    started(monkeypatch, sys.executable, "-c", "raise SystemExit(3)")
    with pytest.raises(InputError, match=r"^evaluating small seed 1: one of its 2 processes failed \(exit code 3\);"):
        evaluation_ranks.evaluate_on(2, "cpu", 2, **arguments)


def test_a_rank_leaves_bad_input_to_who_started_it(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation_ranks, "die_with_parent", lambda: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "cut.tgolf").write_bytes(arguments["artifact"].read_bytes()[:-1])
    bad = {name: evaluation_ranks._plain(value) for name, value in arguments.items()}
    bad["artifact"] = str(tmp_path / "cut.tgolf")
    write_json(tmp_path / "job.json", {"device": "cpu", "threads": 1, "arguments": bad})
    assert evaluation_ranks.main(str(tmp_path / "job.json")) == 2
    assert json.loads((tmp_path / FAILURE).read_text())["error"][0] == str(tmp_path / "cut.tgolf")


def test_methods_that_adapt_are_what_takes_all_gpus():
    assert evaluation(methods=NAMED).adapts
    assert not evaluation(methods={"sliding": SLIDING}).adapts
    assert not evaluation().adapts
