"""A pass of kernels against the network's own, by plain forms; what begins a block by its kernel, interpreted."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import drawn
from tests.small import random_network, random_tokens, small_model
from tritgolf.model.attention import sdpa_attention
from tritgolf.model.unet_pass import Ended, Pass, begin, pass_by_kernels

if INTERPRETED:
    from tritgolf.model.begin_kernel import begin_on_gpu


@pytest.mark.parametrize("layers", [2, 3, 6])
@pytest.mark.parametrize("tail", [1, 5, 16])
@torch.inference_mode()
def test_it_is_the_network(layers, tail):
    network = random_network(small_model(layers=layers, fp8_embedding=True), attend=sdpa_attention)
    tokens = random_tokens(network.model)
    assert relative(Pass(network)(tokens, tail), network(tokens)[:, -tail:]) < 1e-6


def test_bf16_is_as_near_as_the_network_in_bf16():
    narrow, wide = (random_network(small_model(layers=4, compute=c)) for c in ("bfloat16", "float32"))
    tokens = random_tokens(wide.model)
    with torch.inference_mode():
        found, plain, exact = Pass(narrow)(tokens, 16), narrow(tokens), wide(tokens)
    assert found.dtype == torch.bfloat16
    assert relative(found, exact) < 1.5 * relative(plain, exact)


def test_a_cpu_has_none():
    assert pass_by_kernels(random_network(small_model(compute="bfloat16"))) is None


@interpreted
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_the_kernel(skips, keep):
    streams = [drawn(22, 24), 3 * drawn(22, 24), drawn(22, 1).square(), drawn(24), drawn(2, 11, 24), drawn(2, 24)]
    streams += [2 - drawn(2, 11, 24), drawn(24)] if skips else [None, None]
    tensors = [each if each is None else each.detach().float() for each in streams]
    found = begin_on_gpu(*tensors, keep)
    exact = [each if each is None else each.double() for each in tensors]
    wanted = begin(Ended(*exact[:4]), *exact[4:], keep)
    for ours, reference in list(zip(found, wanted, strict=True))[0 if keep else 1 :]:
        assert_close(ours.double(), reference, rtol=1e-5, atol=1e-5)
    assert found[0].numel() == keep * found[1].numel()
