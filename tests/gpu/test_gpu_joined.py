"""A block's two parts, the shared input and what begins a block by kernels, against their formulas, on a GPU."""

import pytest
import torch

from tests.comparing import relative
from tests.gpu.test_gpu_mlp import SHAPES_ON_GPU, drawn
from tests.model.kernel_checks import doubled
from tests.model.test_joined import result_and_gradients
from tests.small import random_network, record_model
from tritgolf.model.build import build_network
from tritgolf.model.joined import add_both, add_both_fused, join
from tritgolf.model.shared_input import input_gradients
from tritgolf.model.unet_pass import Ended, begin, pass_by_kernels

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


def rows(tokens: int) -> torch.Tensor:
    return 0.5 + torch.rand(tokens, 1, device="cuda")


@pytest.mark.parametrize("forward", [True, False], ids=["forward", "back"])
@pytest.mark.parametrize("shape", SHAPES_ON_GPU.values(), ids=SHAPES_ON_GPU)
def test_the_kernel_is_the_plain_product(shape, forward):
    tokens, width, common = shape
    weight = drawn(*((width, common) if forward else (common, width)))
    scale = drawn(width) if forward else None
    arguments = drawn(tokens, common), weight, 5 * drawn(tokens, width), rows(tokens), rows(tokens), scale
    found, squares = join(*arguments)
    wanted, _ = join(*(each if each is None else each.double() for each in arguments))
    assert relative(found, wanted) < 2**-8
    if forward:
        assert relative(squares.sum(-1), found.double().square().sum(-1)) < 1e-5


def both(tokens: tuple[int, ...]) -> list[torch.Tensor]:
    matrices = [drawn(*shape, spread=0.05) for shape in ((768, 768), (3072, 768), (768, 3072))]
    tensors = [drawn(*tokens, 768), 3 * drawn(*tokens, 768).flip(0), drawn(768), drawn(768).flip(0), *matrices]
    return [tensor.requires_grad_() for tensor in tensors]


@pytest.mark.parametrize("compiled", [False, True])
def test_the_form_is_the_formula_within_rounding(compiled):
    tensors, upstream = both((4, 512)), drawn(4, 512, 768)
    exact = result_and_gradients(add_both, doubled(tensors), upstream.double())
    torch._dynamo.reset()
    fused = torch.compile(add_both_fused, dynamic=False, fullgraph=True) if compiled else add_both_fused
    found, plain = (result_and_gradients(f, tensors, upstream) for f in (fused, add_both))
    for ours, theirs, reference in zip(found, plain, exact, strict=True):
        assert ours.dtype == torch.bfloat16
        assert relative(ours, reference) < max(1.5 * relative(theirs, reference), 2**-7)


def test_equal_steps_have_equal_gradients():
    tensors, upstream = both((3000,)), drawn(3000, 768)
    first, second = (result_and_gradients(add_both_fused, tensors, upstream) for _ in range(2))
    for ours, again in zip(first, second, strict=True):
        assert torch.equal(ours, again)


@pytest.mark.parametrize("tokens", [5000, 8192])
def test_the_inputs_gradients(tokens):
    gradients = [drawn(tokens, 768) + block for block in range(10)]
    x0, weights = drawn(tokens, 768).flip(0), drawn(10, 768)
    found = input_gradients(gradients, x0, weights)
    wanted = input_gradients([each.double() for each in gradients], x0.double(), weights.double())
    for ours, reference in zip(found, wanted, strict=True):
        assert relative(ours, reference) < 2**-8


@pytest.mark.parametrize("skips", [False, True])
def test_what_begins_a_block(skips):
    ended = [drawn(5000, 768), drawn(5000, 768).flip(0), rows(5000), drawn(768)]
    others = [drawn(5, 1000, 768), drawn(2, 768).float()]
    others += [drawn(5, 1000, 768).flip(1), drawn(768).float()] if skips else [None, None]
    found = begin(Ended(*ended), *others, True)
    exact = [each if each is None else each.double() for each in (*ended, *others)]
    for ours, reference in zip(found, begin(Ended(*exact[:4]), *exact[4:], True), strict=True):
        assert relative(ours, reference) < 2**-7


@torch.inference_mode()
def test_a_pass_of_kernels_is_the_network():
    model = record_model("ternary_v2")
    weights = {name: parameter.detach() for name, parameter in random_network(model).named_parameters()}
    narrow, wide = (build_network(m, weights) for m in (model, model.model_copy(update={"compute": "float32"})))
    tokens = torch.randint(model.vocab_size, (3, model.context), device="cuda")
    made = pass_by_kernels(narrow)
    assert made is not None
    for tail in (64, model.context):
        exact = wide(tokens)[:, -tail:]
        assert relative(made(tokens, tail), exact) < 1.5 * relative(narrow(tokens, tail), exact)
