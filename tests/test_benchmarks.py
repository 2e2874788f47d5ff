"""Benchmarks run, and report what they say they do. How long anything takes is not tested."""

import argparse
import importlib
import json
import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from tests.audit import styles
from tests.audit.folders import folder
from tests.small import REPOSITORY, build_run, random_network, small_model, small_transformer
from tests.warm import warm_python
from tritgolf.artifact.container import read_artifact
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.model.joined import add_both
from tritgolf.model.specs import parameters_of
from tritgolf.model.transformer import Transformer
from tritgolf.quantize.base import quantize
from tritgolf.quantize.plan import quantizers
from tritgolf.report.metrics import load_run

# Those that read a command line of their own; the fuzzers hand theirs to libFuzzer.
PROGRAMS = sorted(path for path in (REPOSITORY / "benchmarks").glob("*.py") if "parse_args()" in path.read_text())

KERNEL_MODULES = (path.stem for path in (REPOSITORY / "tritgolf" / "model").glob("*_kernel.py"))
KERNELS = [f"tritgolf.model.{name}" for name in KERNEL_MODULES]


def run(program: str, *arguments: object) -> None:
    command = [warm_python(), REPOSITORY / "benchmarks" / program, *map(str, arguments)]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # threads of several tests wait for each other
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env=one_thread)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_help_needs_no_gpu_and_explains_every_option(program, monkeypatch, capsys):
    monkeypatch.syspath_prepend(program.parent)
    monkeypatch.setattr(sys, "argv", [program.name, "--help"])
    for module in KERNELS:
        monkeypatch.setitem(sys.modules, module, None)  # as on a machine without Triton
    explained: list[argparse.Action] = []
    add = argparse.ArgumentParser.add_argument

    def noted(self, *arguments, **settings):
        explained.append(add(self, *arguments, **settings))
        return explained[-1]

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", noted)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(program), run_name="__main__")
    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out
    assert len(explained) > 1
    assert [action.dest for action in explained if not action.help] == []


def test_code_coders(tmp_path):
    output = tmp_path / "kept" / "coders.json"
    run("code_coders.py", "--record", "tiny_int6", "--part", 0.5, "--out", output)
    found = json.loads(output.read_text())
    assert list(found["coders"]) == ["published", "before", "brotli", "arithmetic"]
    assert sum(found["codes"].values()) > 1000
    assert all(coder["bytes"] > found["entropy_bytes"] for coder in found["coders"].values())


def test_score_first(tmp_path):
    output = tmp_path / "kept" / "score_first.json"
    shape = ("--chunks", 1, "--chunk-tokens", 64, "--of", 1, 2, "--stride", 16)
    run("score_first.py", "--record", "tiny_int6", *shape, "--out", output)
    found = json.loads(output.read_text())
    assert list(found["training"]) == ["1", "2"]
    for times in found["training"].values():
        assert list(times["nats"].values()) == pytest.approx([times["nats"]["plain"]] * 3, rel=1e-5)
        assert times["fast"]["median_ms"] > 0 < times["plain"]["median_ms"]
    assert found["scoring"]["ms"] > 0


def test_sliding(dataset, tmp_path):
    output = tmp_path / "kept" / "sliding.json"
    shape = ("--stride", 8, "--windows", 12, "--batch", 4, 6, "--repeats", 1, "--eager")
    run("sliding.py", "--record", "tiny", "--shards", dataset / "shards", *shape, "--out", output)
    found = json.loads(output.read_text())
    assert (found["record"], found["stride"], found["window"], found["windows"]) == ("tiny", 8, 32, 12)
    assert list(found["batches"]) == ["4", "6"]
    for paths in found["batches"].values():
        assert paths.keys() == {"plain", "eager"}
        assert paths["eager"]["nats_against_plain"] == pytest.approx(0, abs=1e-5)
        assert paths["eager"]["window_tokens_per_second"] > 0
    assert found["published_window_tokens_per_second"] is None


def test_export(tmp_path):
    output = tmp_path / "export.json"
    run("export_time.py", "--record", "tiny", "--repeats", 1, "--out", output)
    found = json.loads(output.read_text())
    assert (found["trits"], found["weights"]) == (90_112, "drawn")
    assert 0.40 < found["zero_fraction"] < 0.48
    fast, sequential = found["paths"]["fast"], found["paths"]["one after the other"]
    assert 0 < fast["bytes"] - sequential["bytes"] < 3000  # the header
    assert fast["seconds"] > 0


def test_compare(tmp_path):
    output = tmp_path / "compare.json"
    command = (sys.executable, "-c", "import tritgolf")
    run("compare.py", REPOSITORY, "--repeats", 1, "--what", "importing", "--out", output, "--", *command)
    found = json.loads(output.read_text())
    assert (found["what"], found["command"]) == ("importing", list(command))
    assert found["seconds"]["before"] > 0


def test_training_parity(dataset, tmp_path):
    """On the CPU, where both compute in FP32, the fast trainer follows the plain one."""
    output = tmp_path / "parity.json"
    shape = ("--steps", 10, "--sequences", 8, "--seeds", 1, 2)
    run("training_parity.py", "--record", "tiny", "--shards", dataset / "shards", *shape, "--out", output)
    found = json.loads(output.read_text())
    assert [(one["path"], one["seed"]) for one in found["runs"]] == [
        ("fast", 1),
        ("plain", 1),
        ("fast", 2),
        ("plain", 2),
    ]
    assert found["tokens"] == 10 * 8 * 32
    assert found["fast_less_plain_nats"] == {"1": pytest.approx(0, abs=0.02), "2": pytest.approx(0, abs=0.02)}
    assert found["std_over_seeds_nats"]["fast"] == pytest.approx(found["std_over_seeds_nats"]["plain"], abs=0.02)
    for one in found["runs"]:
        assert one["training_nats"][-1] < one["training_nats"][0] - 0.5


TIMES = {"forward_backward": {"fast", "plain", "times_faster"}, "step": {"fast"}}
TIMES |= {"optimizers": TIMES["forward_backward"]}


@pytest.fixture
def training_step(monkeypatch, dataset, tmp_path):
    """Runs that benchmark in this process; returns what it wrote."""

    def run_here(*arguments: object) -> dict:
        output, program = tmp_path / "step.json", REPOSITORY / "benchmarks" / "training_step.py"
        shape = ("--shards", dataset / "shards", "--sequences", 4, "--repeats", 2, "--out", output)
        monkeypatch.chdir(REPOSITORY)
        monkeypatch.syspath_prepend(program.parent)
        monkeypatch.setattr(sys, "argv", [program.name, *map(str, arguments), *map(str, shape)])
        runpy.run_path(str(program), run_name="__main__")
        return json.loads(output.read_text())

    return run_here


def test_training_step_times_a_transformer_in_both_phases(training_step):
    found = training_step("--record", "tiny_int6")
    assert (found["record"], found["tokens"], found["published_on_h200"]) == ("tiny_int6", 4 * 32, None)
    for figures in (found, found["recurrence"]):
        for what, paths in TIMES.items():
            assert figures[what].keys() == paths
            assert figures[what]["fast"]["min_ms"] > 0


def test_training_step_times_a_unet_in_its_one_phase(training_step, tmp_path):
    profile = tmp_path / "kernels.txt"
    found = training_step("--record", "tiny", "--fast-only", "--without", "heads", "--profile", profile)
    assert "aten::mm" in profile.read_text()
    assert "recurrence" not in found
    assert all(found[what].keys() == {"fast"} for what in TIMES)
    assert found["published_on_h200"]["muon_ms"] == 21.0


def test_training_step_leaves_out_forms(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    leave_out = runpy.run_path(str(REPOSITORY / "benchmarks" / "training_step.py"))["leave_out"]
    network = Transformer(small_transformer(), fused=True)
    leave_out(SimpleNamespace(network=network), ["attention", "residual", "mlp", "streams"])
    plain = Transformer(small_transformer())
    for ours, other in zip(network.blocks, plain.blocks, strict=True):
        forms = [(b.fused, b.add_scaled, b.attn.fused, b.mlp.add_mlp) for b in (ours, other)]
        assert forms[0] == forms[1]
    assert not network.fused
    with pytest.raises(InputError, match="no such form"):
        leave_out(SimpleNamespace(network=network), ["heads"])
    unet = random_network(small_model(), fused=True)
    leave_out(SimpleNamespace(network=unet), ["joined", "shared"])
    assert not unet.fused
    assert all(block.add_both is add_both for block in unet.blocks)


@pytest.fixture
def one_step(monkeypatch):
    """That benchmark's names."""
    program = REPOSITORY / "benchmarks" / "one_step.py"
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.syspath_prepend(program.parent)
    return runpy.run_path(str(program))


def test_a_step_s_error_is_a_share_of_the_noise_between_micro_batches(one_step):
    """Gradients 1, 3, 5 and 10, 10, 13: variances 4 and 3. Errors of 1 and of -2 each: shares √(1/4) and √(4/3)."""
    judge = one_step["Judge"]({"a": "first", "b": "second"})
    for number, (a, b, shift) in enumerate([(1, 10, 0.1), (3, 10, 0.3), (5, 13, 0.2)]):
        losses = {"full scales": float(number), "fp8": number + shift}
        reference = {"a": torch.tensor([float(a)]), "b": torch.tensor([[float(b)]]), "no matrix": torch.ones(1)}
        judge.add(losses, reference, {"fp8": {"a": reference["a"] + 1, "b": reference["b"] - 2}})
    found = judge.verdict()["fp8"]
    assert (found["loss_shift"], found["standard_error"]) == pytest.approx((0.2, 0.1 / 3**0.5))
    assert found["gradient_error"] == pytest.approx({"first": 1 / 2, "second": (4 / 3) ** 0.5, "all": (5 / 7) ** 0.5})


def test_one_step(one_step, dataset, monkeypatch, tmp_path):
    output, shape = tmp_path / "one_step.json", ("--sequences", 8, "--steps", 2, "--batches", 2)
    arguments = ("--record", "tiny_fp8", "--shards", dataset / "shards", *shape, "--out", output)
    monkeypatch.setattr(sys, "argv", ["one_step.py", *map(str, arguments)])
    one_step["main"]()
    found = json.loads(output.read_text())
    assert (found["record"], found["tokens"], found["steps"]) == ("tiny_fp8", 8 * 32, 2)
    for way in ("e4m3 scales", "fp8"):
        figures = found["against_full_scales"][way]
        assert 0 < abs(figures["loss_shift"]) < 0.01
        assert figures["gradient_error"].keys() == {"all", "attn.qkv", "attn.proj", "mlp.fc", "mlp.proj"}
        assert all(0 < share < 0.5 for share in figures["gradient_error"].values())


def test_one_step_at_the_weights_of_an_artifact(one_step, dataset, monkeypatch, tmp_path):
    model = load_record("tiny_fp8").model
    artifact = build_run(tmp_path, model) / "export" / "exact.tgolf"
    stored = read_artifact(artifact).restore()
    weights = one_step["stored_weights"](read_artifact(artifact), torch.device("cpu"))
    assert weights.keys() == stored.weights().keys()
    grids = quantizers(model, parameters_of(model))
    for name, matrix in stored.quantized.items():
        again = quantize(weights[name], grids[name])
        assert torch.equal(again.codes, matrix.codes)
        assert torch.equal(again.scale, matrix.scale)
    output, shape = tmp_path / "one_step.json", ("--sequences", 8, "--batches", 2, "--artifact", artifact)
    arguments = ("--record", "tiny_fp8", "--shards", dataset / "shards", *shape, "--out", output)
    monkeypatch.setattr(sys, "argv", ["one_step.py", *map(str, arguments)])
    one_step["main"]()
    found = json.loads(output.read_text())["against_full_scales"]
    assert found["e4m3 scales"]["gradient_error"]["all"] < found["fp8"]["gradient_error"]["all"] / 10


def test_scaling(dataset, tmp_path):
    output = tmp_path / "scaling.json"
    shape = ("--processes", 2, "--sequences", 2, "--micro-batch", 2, "--rounds", 2, "--steps", 1)
    run("scaling.py", "--record", "tiny", "--shards", dataset / "shards", *shape, "--out", output)
    found = json.loads(output.read_text())
    assert list(found["ranks"]) == ["1", "2"]
    assert found["ranks"]["1"]["efficiency"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    assert len(found["alone_ms"]) == 2
    assert min(found["alone_ms"]) > 0
    two = found["ranks"]["2"]
    assert two["median_ms"] > 0
    assert list(two["phase_ms"]) == ["gradients", "average", "update"]


@pytest.fixture
def in_turn(monkeypatch):
    """That benchmark's names, as of a rank that is alone."""
    program = REPOSITORY / "benchmarks" / "in_turn.py"
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.syspath_prepend(program.parent)
    monkeypatch.setenv("RANK", "0")
    return runpy.run_path(str(program))


def test_records_in_turn(in_turn, monkeypatch, tmp_path):
    output = tmp_path / "in_turn.json"
    monkeypatch.setattr(sys, "argv", ["in_turn.py", "tiny_int6", "--rounds", "1", "--steps", "1", "--out", str(output)])
    in_turn["main"]()
    found = json.loads(output.read_text())["records"]["tiny_int6"]
    assert list(found) == ["sequences_of_a_rank", "first", "recurrence"]
    assert found["sequences_of_a_rank"] == 512 // (4 * 32)
    assert list(found["first"]["phase_ms"]) == ["gradients", "average", "update"]


def test_published_times_are_scaled_by_the_reference_s_round_by_round(in_turn):
    rounds = [{"step": step, "gradients": 1.0, "average": 1.0, "update": 1.0} for step in (100.0, 200.0)]
    reference = [{"step": 154.3}, {"step": 308.6}]
    found = in_turn["figures"](rounds, 216.0, reference)
    assert found["times_faster"] == pytest.approx({"median": 2.16, "min": 2.16, "max": 2.16})
    assert found["published_scaled"]["max_ms"] == pytest.approx(432)
    assert "times_faster" not in in_turn["figures"](rounds, None, reference)


def test_energy_is_told_where_every_round_was_counted(in_turn):
    counted = {"step": 1.0, "gradients": 1.0, "average": 1.0, "update": 1.0, "joules": 100.0}
    assert in_turn["figures"]([counted, counted | {"joules": 104.0}], None, [])["joules_of_a_gpu"] == 102
    uncounted = {name: value for name, value in counted.items() if name != "joules"}
    assert "joules_of_a_gpu" not in in_turn["figures"]([counted, uncounted], None, [])


def test_golden_names_what_changed_came_and_went(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    differences = runpy.run_path(str(REPOSITORY / "benchmarks" / "golden.py"))["differences"]
    before = {"a": "1", "b": "2", "c": "3"}
    assert differences(before, dict(before)) == {}
    assert differences(before, {"a": "1", "b": "4", "d": "5"}) == {"b": "changed", "c": "gone", "d": "new"}


def test_audit(tmp_path):
    for name in ("a", "b"):
        folder(tmp_path / name, {"train": styles.int6()}, "val_bpb: 1.1709")
    command = [sys.executable, REPOSITORY / "benchmarks/audit_time.py", tmp_path]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 folders: ")


def test_records_are_found_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    assert importlib.import_module("options").record_named("tiny").name == "tiny"


def test_stages_run_one_after_the_other(dataset, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "other").symlink_to(dataset)
    record = tmp_path / "short.yaml"
    record.write_text("inherit: tiny\nmodel: {vocab_size: 300}\ntrain: {steps: 2, checkpoints: []}\n")
    options = ("--record", record, "--results", tmp_path, "--device", "cpu", "--text", "other")
    stages = ("record", "train", "export", "evaluate", "join")
    run("stages.py", *stages, *options, "--methods", "sliding", "chunked")
    made = load_run(tmp_path / "short")
    assert (made.facts.dataset, made.seeds[0].train.steps) == ("other", 2)
    scored = json.loads((tmp_path / "short" / "seed42" / "final" / "evaluate.json").read_text())
    assert list(scored["metrics"]["methods"]) == ["chunked", "sliding"]


def test_stages_look_for_a_coder_before_they_train(monkeypatch, tmp_path, capsys):
    """Twenty minutes of a lent GPU once made weights that its machine could not store."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    monkeypatch.chdir(REPOSITORY)
    main = runpy.run_path(str(REPOSITORY / "benchmarks" / "stages.py"))["main"]
    options = ["record", "train", "--record", "ternary_best", "--results", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", ["stages.py", *options])
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "package constriction: is not installed" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
