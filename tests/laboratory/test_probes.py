import json
import math

import pytest
import torch

from tests.small import matrices_of, quantizer, random_network, small_model
from tritgolf.errors import InputError
from tritgolf.laboratory.grid import ProbeConfig, load_grid
from tritgolf.laboratory.probes import Point, crowded, explore, pruned, relative_error
from tritgolf.quantize.base import quantize
from tritgolf.quantize.plan import quantizer_of
from tritgolf.stages.probes import probe_stage

PROBES = ProbeConfig(shifts=(-24, -12, 0, 8, 20), crowding=(0, 12), zeros=(0, 0.75))


@pytest.fixture(scope="module")
def probed(tmp_path_factory, finished, dataset) -> dict:
    return probe(finished, dataset, tmp_path_factory.mktemp("probes") / "probes.json")


def probe(finished, dataset, facts) -> dict:
    probe_stage(
        record="small",
        seed=1,
        name="final",
        model=small_model(),
        probes=PROBES,
        z_loss=1e-4,
        attention="auto",
        batch=64,
        checkpoint=finished / "final.safetensors",
        shards=dataset / "shards",
        tokenizer=dataset / "tokenizer" / "tokenizer.model",
        facts=facts,
    )
    return json.loads(facts.read_text())


def mechanism(probed: dict, parameter: str, kind: str, choice: str) -> dict:
    return next(
        found
        for found in probed["metrics"]["mechanisms"]
        if (found["parameter"], found["kind"], found["choice"]) == (parameter, kind, choice)
    )


def at(found: dict, setting: float) -> dict:
    return next(point for point in found["points"] if point["at"] == setting)


def test_scales_in_fp16_break_where_its_range_ends_and_bf16_nowhere(probed):
    scales = torch.cat([t.scale.flatten() for t in matrices_of(random_network(small_model())).values()])
    half = mechanism(probed, "shift", "scales", "float16")
    # The first shift that saturates is the one past 65504; a few binades into the subnormals the gap shows.
    assert half["above"] >= math.floor(math.log2(65504 / scales.max().item()))
    assert -24 <= half["below"] <= math.ceil(math.log2(2.0**-14 / scales.max().item()))
    assert at(half, -24)["relative_error"] > 0.1 > 0.001 > at(half, 0)["relative_error"] > 0
    wide = mechanism(probed, "shift", "scales", "bfloat16")
    assert (wide["below"], wide["above"]) == (None, None)
    assert len({(point["gap_bpb"], point["relative_error"]) for point in wide["points"]}) == 1


def test_mixes_in_e4m3_saturate_and_vanish(probed):
    mixes = mechanism(probed, "shift", "mixes", "e4m3")
    assert mixes["below"] > -24  # 2^-9 is its smallest number, and mixes are about 1
    assert at(mixes, -24)["relative_error"] == 1  # all are zero
    assert 6 <= mixes["above"] <= 20  # 448 = 1.75 · 2^8


def test_a_break_is_found_to_one_binade(probed):
    found = mechanism(probed, "shift", "mixes", "e4m3")
    measured = [point["at"] for point in found["points"]]
    assert found["below"] + 1 in measured
    assert found["above"] - 1 in measured


def test_crowding_flips_trits_in_bf16_but_not_in_the_precision_that_trained(probed):
    flips = mechanism(probed, "crowding", "trits", "master_bfloat16")
    assert at(flips, 12)["trits_changed"] > 10 * max(1, at(flips, 0)["trits_changed"])
    assert at(flips, 12)["relative_error"] > at(flips, 0)["relative_error"]
    same = mechanism(probed, "crowding", "trits", "master")  # FP32 against FP64: nearly none
    assert at(same, 12)["trits_changed"] < at(flips, 12)["trits_changed"] / 10


def test_zeros_do_not_amplify_the_error_of_a_reload(probed):
    """The relative error of the effective weights is that of two roundings, however many zeros there are."""
    for choice in ("float16", "bfloat16"):
        found = mechanism(probed, "zeros", "reload", choice)
        assert [point["trits_changed"] for point in found["points"]] == [0, 0]
        errors = [point["relative_error"] for point in found["points"]]
        assert max(errors) < 2 * 2.0**-8 / math.sqrt(3)
        assert errors[1] < 1.5 * errors[0]  # 1/(1 − z) would be 4, 1/√(1 − z) 2


def test_the_probes_are_deterministic(probed, tmp_path, finished, dataset):
    assert probe(finished, dataset, tmp_path / "probes.json")["payload_digest"] == probed["payload_digest"]
    assert [m["parameter"] for m in probed["metrics"]["mechanisms"]] == ["shift"] * 7 + ["crowding"] * 2 + ["zeros"] * 2


def test_crowding_keeps_trits_and_squeezes_distances():
    weight = torch.randn(16, 32, generator=torch.Generator().manual_seed(3)) * 0.1
    for estimator in ("rms", "absmean"):
        settings = quantizer(estimator=estimator)
        before, pushed = quantize(weight, quantizer_of(settings)), crowded(weight, settings, 6)
        after = quantize(pushed, quantizer_of(settings))
        assert (before.codes != after.codes).sum() <= 2  # only a weight at the very threshold may change side
        inside = weight.abs().reshape(16, 4, 8) < before.scale[..., None]
        distance = (pushed.abs().reshape(16, 4, 8) / after.scale[..., None] - 0.5).abs()
        assert distance[inside].max() <= 0.5 * 2.0**-6 * 1.01
        assert torch.equal(crowded(weight, settings, 0), weight)


def test_crowding_keeps_the_fp32_weights_of_a_quantizer_that_rounds_them():
    weight = torch.randn(16, 32, generator=torch.Generator().manual_seed(3)) * 0.1
    settings = quantizer(arithmetic="bf16_weight")
    for halvings in (0, 1):
        found = crowded(weight, settings, halvings)
        assert (found.bfloat16().float() != found).float().mean() > 0.9
    large = weight.abs() > 0.25  # above one scale: left where they are
    assert large.any() and torch.equal(crowded(weight, settings, 1)[large], weight[large])


def test_pruning_leaves_the_largest():
    weight = torch.randn(4, 16, generator=torch.Generator().manual_seed(4))
    matrix = quantize(weight, quantizer_of(quantizer()))
    sparse = pruned(weight, matrix, 0.75)
    for row in range(4):
        for group in (slice(0, 8), slice(8, 16)):
            kept = weight[row, group].abs().argsort()[-2:]
            expected = torch.zeros(8, dtype=torch.int8)
            expected[kept] = matrix.codes[row, group][kept]
            assert torch.equal(sparse.codes[row, group], expected)
    assert torch.equal(pruned(weight, matrix, 0).codes, matrix.codes)


def test_exploring_finds_both_breaks():
    asked = []

    def measure(k: int) -> Point:
        asked.append(k)
        return Point(k, 1.0 if k < -5 or k >= 9 else 0.0, 0.0, 0.0, 0)

    points = explore((-16, -8, 0, 8, 16), measure, 0.001)
    assert [point.at for point in points] == sorted(set(asked)) == sorted(asked)
    assert {-6, -5, 8, 9} <= set(asked)
    assert len(asked) < 14


def test_relative_error_by_hand():
    assert relative_error([torch.tensor([3.0, 4.0])], [torch.tensor([3.0, 4.5])]) == pytest.approx(0.1)
    assert relative_error([torch.zeros(2)], [torch.ones(2)]) == 0


@pytest.mark.parametrize(("setting", "told"), [("shifts: [1, 2]", "0 must be among"), ("zeros: [0.5, 0]", "increase")])
def test_impossible_probes_are_told(setting, told, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"rows: {{}}\nprobes: {{{setting}}}")
    with pytest.raises(InputError, match=told):
        load_grid("mine", tmp_path)
