import pytest

from tests.small import small_transformer
from tritgolf.artifact.estimate import coded_bytes
from tritgolf.config.storage import RoleStorage
from tritgolf.errors import InputError
from tritgolf.experiments.width import WidthConfig, solve_width
from tritgolf.model.specs import parameters_of

MODEL = small_transformer(heads=2, kv_heads=1)
OTHERS = ("embedding", "hash_embedding", "projection", "gate", "mix", "control")


def storage(**form):
    on_grid = {role: {"grid": "integer", **form} for role in ("attention", "mlp")}
    return RoleStorage.model_validate({"roles": on_grid | {role: {"format": "float16"} for role in OTHERS}})


TERNARY, BYTES = storage(bits=2, clip_sigmas=1.224), storage(bits=8, clip_sigmas=3.921)


def bytes_at(width, mlp_width, of):
    model = MODEL.model_copy(update={"width": width, "mlp_multiple": mlp_width / width})
    return coded_bytes(parameters_of(model), of)


@pytest.mark.parametrize("target", [400_000, 401_234])
@pytest.mark.parametrize("of", [TERNARY, BYTES])
def test_no_other_mlp_comes_nearer_to_the_bytes(of, target):
    found = solve_width(MODEL, of, target, WidthConfig(step=8, mlp_multiple=3))
    assert found.width % 8 == 0
    sizes = {step: bytes_at(found.width, found.mlp_width + step, of) for step in (-1, 0, 1)}
    assert found.estimate == sizes[0]
    assert min(sizes, key=lambda step: abs(sizes[step] - target)) == 0
    assert found.mlp_width / found.width == pytest.approx(3, rel=0.25)


def test_a_wider_model_fits_where_a_weight_has_fewer_bits():
    ternary, bytes_each = (solve_width(MODEL, of, 100_000, WidthConfig(step=4)) for of in (TERNARY, BYTES))
    assert ternary.width > 1.5 * bytes_each.width


def test_bytes_over_the_estimate_make_it_narrower():
    settings = WidthConfig(step=4, mlp_step=1)
    found = solve_width(MODEL, BYTES, 100_000, settings, over_estimate=1.25)
    assert bytes_at(found.width, found.mlp_width, BYTES) == pytest.approx(80_000, rel=0.01)


def test_what_can_not_be_solved_is_told():
    with pytest.raises(InputError, match="10 are too few for any width in steps of 8"):
        solve_width(MODEL, TERNARY, 10, WidthConfig(step=8))
    with pytest.raises(InputError, match="has no estimate of its bytes"):
        solve_width(MODEL, storage(bits=8), 10_000, WidthConfig(step=8))
