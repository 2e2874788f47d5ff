"""The transformer's forms for a GPU: kernels against their definitions, and the network's gradients by both."""

import pytest
import torch

from tests.comparing import relative
from tests.model.kernel_checks import doubled, drawn
from tests.model.test_mixed_heads import SHAPES as MIXED
from tests.model.test_mixed_heads import leaves_of, on_parts
from tests.model.test_partial_heads import SHAPES as HEADS
from tests.model.test_unet_as_transformer import AS_920, BEST
from tests.small import random_transformer, small_transformer
from tritgolf.model.attention import choose_attention
from tritgolf.model.leaky_mlp import (
    add_leaky_mlp,
    add_leaky_mlp_fused,
    add_normed_leaky_mlp,
    add_normed_leaky_mlp_fused,
)
from tritgolf.model.mixed_heads import exclusive_gated
from tritgolf.model.partial_heads import make_partial_heads
from tritgolf.model.phase import Phase
from tritgolf.model.transformer import Transformer
from tritgolf.quantize.rounding import DTYPES

if torch.cuda.is_available():
    from tritgolf.model.mixed_heads_kernel import exclusive_gated_on_gpu
    from tritgolf.model.partial_heads_kernel import partial_heads_on_gpu

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
ALLOWED = {torch.float32: 1e-5, torch.bfloat16: 2**-7}  # a gain's gradient is a sum of few rounded numbers
FEWEST = 16  # a gradient of fewer numbers: one draw of its rounding says nothing of its spread


def there(tensors, dtype):
    return [tensor.detach().to("cuda", dtype).requires_grad_() for tensor in tensors]


def check(fast, plain, leaves, allowed):
    found, wanted = (results_on_gpu(f, x) for f, x in ((fast, leaves), (plain, doubled(leaves))))
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == leaves[0].dtype
        assert relative(ours, reference) < allowed


def results_on_gpu(function, leaves):
    found = function(*leaves)
    found = [found] if isinstance(found, torch.Tensor) else list(found)
    above = [drawn(*x.shape).detach().to(x) for x in found]
    return [x.detach() for x in found] + list(torch.autograd.grad(found, leaves, above))


@pytest.mark.parametrize("dtype", ALLOWED)
@pytest.mark.parametrize("shape", [*HEADS.values(), (3, 2048, 8, 4, 64, 16)], ids=[*HEADS, "many tokens"])
def test_heads_of_which_some_channels_turn(shape, dtype):
    batch, positions, heads, kv_heads, head_dim, rotary_dims = shape
    angles = 7 * torch.rand(positions, rotary_dims // 2, device="cuda")

    def by(make):
        return lambda fused, gain: make(
            fused, gain, angles.cos().to(dtype).to(fused.dtype), angles.sin().to(dtype).to(fused.dtype), heads, kv_heads
        )

    leaves = there([drawn(batch, positions, (heads + 2 * kv_heads) * head_dim), drawn(heads)], dtype)
    check(by(partial_heads_on_gpu), by(make_partial_heads), leaves, ALLOWED[dtype])


@pytest.mark.parametrize("dtype", ALLOWED)
@pytest.mark.parametrize("shape", [*MIXED.values(), (3, 2048, 8, 4, 64, 12)], ids=[*MIXED, "many tokens"])
def test_exclusive_and_gated(shape, dtype):
    fast, plain = (on_parts(function, shape[3]) for function in (exclusive_gated_on_gpu, exclusive_gated))
    check(fast, plain, there(leaves_of(shape), dtype), ALLOWED[dtype])


@pytest.mark.parametrize(
    "forms",
    [(add_leaky_mlp_fused, add_leaky_mlp), (add_normed_leaky_mlp_fused, add_normed_leaky_mlp)],
    ids=["bare", "normed"],
)
@pytest.mark.parametrize("sizes", [(512, 64, 256), (4099, 512, 2048), (300, 24, 1000)])
def test_the_mlp(sizes, forms):
    tokens, width, hidden = sizes
    tensors = [drawn(tokens, width), drawn(width), drawn(tokens, width)]
    tensors += [width**-0.5 * drawn(hidden, width), hidden**-0.5 * drawn(width, hidden)]
    fast, plain = (lambda *x, of=form: of(*x, 0.5) for form in forms)
    check(fast, plain, there(tensors, torch.bfloat16), 2**-6)


SIZES = {"width": 256, "context": 256, "rotary_dims": 16}
AS_BEST = AS_920 | BEST | SIZES | {"qat": None, "factored": {"width": 96, "format": "e4m3"}, "vectors": "bfloat16"}


def gradients_of(settings, weights, tokens, compute, fused, recurrence):
    """By name, of a network of four heads of 64 that is compiled."""
    model = small_transformer(**settings, compute=compute)
    attend = choose_attention("auto", torch.device("cuda"), DTYPES[compute])[1]
    network = Transformer(model, attend, fused=fused).cuda()
    network.load_state_dict(weights)
    network.enter(Phase(recurrence=recurrence))
    torch._dynamo.reset()
    hidden = torch.compile(network, dynamic=False, fullgraph=True)(tokens[:, :-1])
    network.head().loss(hidden.flatten(0, 1), tokens[:, 1:].flatten(), 0.0)[0].backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


@pytest.mark.parametrize(("settings", "recurrence"), [(SIZES, False), (SIZES, True), (AS_BEST, False)])
def test_a_compiled_network_s_gradients_are_as_near_as_the_plain_one_s(settings, recurrence):
    model = small_transformer(**settings)
    weights = random_transformer(model).state_dict()
    tokens = torch.randint(model.vocab_size, (4, 257), generator=torch.Generator().manual_seed(1)).cuda()
    exact, plain, ours = (
        gradients_of(settings, weights, tokens, compute, fused, recurrence)
        for compute, fused in (("float32", False), ("bfloat16", False), ("bfloat16", True))
    )
    for name, wanted in exact.items():
        if wanted.numel() < FEWEST:  # one sum over all tokens: in BF16 off by as much as itself, in either form
            continue
        assert relative(ours[name], wanted) < max(1.5 * relative(plain[name], wanted), 2e-2), name
