"""The kernels between the product and attention against their definition, on a GPU."""

import pytest
import torch

from tests.comparing import relative
from tests.model.test_heads import SHAPES, doubled, inputs, outputs_and_gradients, weights_like
from tritgolf.cuda_graph import Replay
from tritgolf.model.attention import choose_attention
from tritgolf.model.heads import make_heads, make_heads_fast

if torch.cuda.is_available():
    from tritgolf.model.heads_kernel import heads_on_gpu

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

SHAPES_ON_GPU = SHAPES | {"many tokens": (8, 1000, 8, 4, 96)}
ALLOWED = {torch.float32: 1e-5, torch.bfloat16: 2**-8}


def on_gpu(shape, dtype):
    found = [x.cuda() if isinstance(x, torch.Tensor) else x for x in inputs(*shape, dtype=dtype)]
    return (*(x.detach().requires_grad_(True) for x in found[:2]), *found[2:])


def upstream(arguments):
    return [x.to(arguments[0].device) for x in weights_like([a.cpu() if torch.is_tensor(a) else a for a in arguments])]


@pytest.mark.parametrize("shape", SHAPES_ON_GPU.values(), ids=SHAPES_ON_GPU)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_compute_the_definition(shape, dtype):
    arguments = on_gpu(shape, dtype)
    weights = upstream(arguments)
    found = outputs_and_gradients(heads_on_gpu, arguments, weights)
    wanted = outputs_and_gradients(make_heads, doubled(arguments), [w.double() for w in weights])
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == dtype
        assert relative(ours, reference) < ALLOWED[dtype]


def test_bf16_on_a_gpu_goes_to_the_kernels_and_other_dtypes_do_not():
    wide, narrow = (on_gpu((2, 9, 4, 2, 32), dtype) for dtype in (torch.float32, torch.bfloat16))
    assert "Heads" in type(make_heads_fast(*narrow)[0].grad_fn).__name__
    for ours, reference in zip(make_heads_fast(*wide), make_heads(*wide), strict=True):
        assert torch.equal(ours, reference)


@pytest.mark.parametrize("attention", ["auto", "sdpa"])
def test_a_compiled_layer_follows_the_definition(attention):
    attend = choose_attention(attention, torch.device("cuda"), torch.bfloat16)[1]
    arguments = on_gpu((2, 256, 8, 4, 96), torch.bfloat16)
    weights = torch.randn(2, 256, 8, 96, device="cuda", dtype=torch.bfloat16)

    def mixed(heads, fused, *others):
        return attend(*heads(2 * fused, *others))

    torch._dynamo.reset()
    compiled = torch.compile(mixed, dynamic=False, fullgraph=True)(make_heads_fast, *arguments)
    exact = doubled(arguments)
    wanted = choose_attention("math", torch.device("cuda"), torch.float64)[1](*make_heads(2 * exact[0], *exact[1:]))
    assert relative(compiled, wanted) < 1e-2
    found = torch.autograd.grad(compiled, arguments[:2], weights)
    for ours, reference in zip(found, torch.autograd.grad(wanted, exact[:2], weights.double()), strict=True):
        assert relative(ours, reference) < 2e-2


def test_recorded_and_repeated_gradients_are_the_same_to_the_bit():
    arguments = on_gpu((8, 1000, 8, 4, 96), torch.bfloat16)
    weights = upstream(arguments)
    kept = [torch.empty_like(x) for x in outputs_and_gradients(make_heads_fast, arguments, weights)]

    def work():
        for place, value in zip(kept, outputs_and_gradients(make_heads_fast, arguments, weights), strict=True):
            place.copy_(value)

    replay = Replay(work, torch.device("cuda", 0))
    for _ in range(2):
        replay()
    called = [x.clone() for x in kept]
    for _ in range(3):
        for place in kept:
            place.zero_()
        replay()
        for ours, reference in zip(kept, called, strict=True):
            assert torch.equal(ours, reference)
