"""Hessians against those that the published code of #1716 and #1019 collected on shared weights."""

import pytest
import torch

from tests.parity.of_1716 import facts, published_model, tensors
from tritgolf.model.attention import sdpa_attention
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.phase import Phase
from tritgolf.model.transformer import Transformer
from tritgolf.quantize.gptq import damped


def relative(found, wanted) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def published():
    return tensors("hessians")


def test_hessians_of_1716(published):
    network = Transformer(published_model(facts("net_1716")["config"]), sdpa_attention)
    network.load_state_dict(tensors("net_1716_weights"))
    network.enter(Phase(recurrence=True))
    found = collect_hessians(network, published["ids"].long())

    assert sorted(found) == facts("hessians")["1716_all"]
    traces = {name: hessian.trace().item() for name, hessian in found.items()}
    assert traces == pytest.approx(facts("hessians")["traces_1716"], rel=1e-5)
    wanted = {name.removeprefix("1716/"): hessian for name, hessian in published.items() if name.startswith("1716/")}
    assert len(wanted) == 6
    for name, hessian in wanted.items():
        assert relative(found[name], hessian) <= 1e-5, name


def test_1019_and_1722_damp_what_they_collect(published):
    name = "blocks.4.attn.c_k.weight"
    by_1019 = published[f"1019/{name}"].double()
    collected = by_1019 - 0.01 / 1.01 * by_1019.diagonal().mean() * torch.eye(len(by_1019))
    assert relative(damped(collected, 0.01, 1e-6), by_1019) <= 1e-6
    assert relative(damped(collected, 0.005, 1e-6), published[f"1722_v3/{name}"]) <= 1e-6
