import pytest
import torch
from torch.testing import assert_close

from tests.model.reference import rotated, yarn_frequencies
from tests.small import record_model, small_model
from tritgolf.model.parts.rotary import rotate
from tritgolf.model.rotary import inverse_frequencies, rotary_tables


def test_the_published_frequencies_are_rounded_to_bf16():
    frequencies = inverse_frequencies(record_model("ternary_v2"))
    assert frequencies.dtype == torch.float32
    assert frequencies.shape == (48,)
    assert frequencies[:3].tolist() == [1.0, 0.8359375, 0.703125]
    assert torch.equal(frequencies, frequencies.bfloat16().float())


@pytest.mark.parametrize(("context", "longest"), [(1024, 2048), (1024, 1024), (1024, 8192)])
def test_the_honest_frequencies_follow_the_yarn_formula(context, longest):
    model = record_model("ternary_v2").model_copy(
        update={"rotary_frequencies": "float32", "context": context, "yarn_max": longest}
    )
    assert_close(inverse_frequencies(model).double(), yarn_frequencies(96, 5000.0, context, longest), rtol=1e-6, atol=0)


def test_yarn_by_hand():
    # head_dim 8, s = 1/2: i/8 = 0, .25, .5, .75 → ramp 0, 0, 1/3, 2/3 → divisors 1, 1, 4/3, 5/3
    model = small_model(rotary_base=16.0)
    assert model.head_dim == 8
    assert inverse_frequencies(model).tolist() == pytest.approx([1, 0.5, 0.25 * 3 / 4, 0.125 * 3 / 5])


def test_rounded_frequencies_move_the_angles_by_radians():
    model = record_model("ternary_v2")
    exact = model.model_copy(update={"rotary_frequencies": "float32"})
    apart = 1023 * (inverse_frequencies(model) - inverse_frequencies(exact)).abs().max()
    assert float(apart) == pytest.approx(1.9, abs=0.05)


def test_positions_and_angles_are_fp32_and_the_tables_bf16():
    model = record_model("ternary_v2")
    cos, sin = rotary_tables(model, 1024, torch.bfloat16)
    assert cos.dtype == sin.dtype == torch.bfloat16
    assert cos.shape == sin.shape == (1024, 48)
    angles = 1023 * inverse_frequencies(model).double()  # BF16 positions would stop at multiples of 4 here
    assert_close(cos[1023].double(), angles.cos(), rtol=2**-8, atol=2e-4)
    assert_close(sin[1023].double(), angles.sin(), rtol=2**-8, atol=2e-4)


def test_rotation_is_a_turn_of_complex_numbers_and_its_gradient_the_turn_back():
    model = small_model()
    cos, sin = rotary_tables(model, model.context, torch.float64)
    frequencies = inverse_frequencies(model)
    x = torch.randn(2, 16, 3, 8, dtype=torch.float64, requires_grad=True)
    turned = rotate(x, cos, sin)
    wanted = rotated(x.transpose(1, 2), frequencies).transpose(1, 2)
    assert_close(turned, wanted, rtol=0, atol=2e-6)  # the tables' angles are FP32
    upstream = torch.randn_like(x)
    (gradient,) = torch.autograd.grad(turned, x, upstream)
    (reference,) = torch.autograd.grad(wanted, x, upstream)
    assert_close(gradient, reference, rtol=0, atol=2e-6)
    assert_close(gradient, rotate(upstream, cos, -sin))
    assert_close(turned.norm(dim=-1), x.norm(dim=-1))


def test_rotation_by_hand():
    x = torch.tensor([3.0, 5.0]).reshape(1, 1, 1, 2)
    assert rotate(x, torch.tensor([[0.0]]), torch.tensor([[1.0]])).flatten().tolist() == [5.0, -3.0]


def test_rotated_products_depend_on_the_distance_alone():
    model = small_model()
    cos, sin = rotary_tables(model, model.context, torch.float64)
    q, k = (torch.randn(8, dtype=torch.float64).expand(1, 16, 1, 8) for _ in range(2))
    products = (rotate(q, cos, sin)[0, :, 0] @ rotate(k, cos, sin)[0, :, 0].T).numpy()
    for distance in range(16):
        diagonal = products.diagonal(-distance)
        assert diagonal == pytest.approx([diagonal[0]] * (16 - distance), abs=1e-5)
