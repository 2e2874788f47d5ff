"""The same bits from eager CPU, eager GPU and compiled GPU code: rounding, trits, scales, and a lossless artifact."""

import pytest
import torch

from tests.small import lossless_storage, matrices_of, random_network, random_tokens, stacks_of
from tests.small import small_model as cpu_model
from tritgolf.artifact.container import read_artifact, write_artifact
from tritgolf.artifact.header import ArtifactHeader
from tritgolf.artifact.storage import store
from tritgolf.config.model import UNetConfig
from tritgolf.config.record import load_record
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.load import reloaded_network, trained_network
from tritgolf.evaluate.roundtrip import paired_gap
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.window_sums import compiled_window_sums, window_sums
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.model.loss import capped_logits
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.rounding import DTYPES, rounded, rounded_through
from tritgolf.quantize.ternary import ScaledE4m3Quantizer, TernaryQuantizer, ternarize

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

NARROW = ("bfloat16", "float16", "e4m3", "e5m2")
GROUP = 128
ROWS = 3000


def compiled(function):
    """Compiled afresh, so that no test meets another's recompilation limit."""
    torch._dynamo.reset()
    return torch.compile(function, dynamic=False)


def signs(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return torch.randint(2, shape, generator=generator) * 2.0 - 1.0


def halves(estimator: str, generator: torch.Generator) -> torch.Tensor:
    """Groups whose scale is a and half of whose weights are ±a/2, or a neighbour of it in BF16 or FP32."""
    twos = 28 if estimator == "rms" else 48  # 64/4 + 4·28 = 64/2 + 2·48 = 128
    pattern = torch.tensor([0.5] * 64 + [2.0] * twos + [0.0] * (64 - twos))
    a = (torch.rand(ROWS, 1, generator=generator) + 1) * 2.0 ** torch.randint(-14, 1, (ROWS, 1), generator=generator)
    a[::2] = a[::2].bfloat16().float()
    weight = a * pattern
    which = torch.rand(weight.shape, generator=generator) < 0.02
    factor = torch.where(torch.arange(ROWS)[:, None] % 4 < 2, 2.0**-8, 2.0**-23)
    nudged = weight * (1 + factor * signs((ROWS, GROUP), generator))
    return torch.where(which, nudged, weight) * signs((ROWS, GROUP), generator)


def weights(kind: str, estimator: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(len(kind + estimator))
    if kind == "halves of a scale":
        return halves(estimator, generator)
    normal = 0.02 * torch.randn(ROWS, 8 * GROUP, generator=generator)
    if kind == "many decades":
        normal *= 10 ** (-12 * torch.rand(normal.shape, generator=generator))
    if kind == "zeros and specks":
        normal[:, ::3] = 0
        normal[:1000] *= 1e-7
        normal[-1000:, : 4 * GROUP] = 0
    return normal


@pytest.mark.parametrize("name", NARROW)
def test_rounding(name):
    dtype = DTYPES[name]
    bits = torch.randint(-(2**31), 2**31, (1 << 22,), generator=torch.Generator().manual_seed(0))
    x = bits.to(torch.int32).view(torch.float32)
    x = x[x.isfinite() & (x.abs() >= 2.0**-126)]  # GPU code may flush FP32 subnormals; no weight is one
    wanted = rounded(x, dtype)
    ours = x.cuda()
    assert torch.equal(rounded(ours, dtype).cpu(), wanted)
    assert torch.equal(compiled(lambda t: rounded(t, dtype))(ours).cpu(), wanted)
    assert torch.equal(compiled(lambda t: rounded_through(t, name) * 1.0)(ours).cpu(), wanted)


@pytest.mark.parametrize("kind", ["as trained", "halves of a scale", "many decades", "zeros and specks"])
@pytest.mark.parametrize("estimator", ["rms", "absmean"])
@pytest.mark.parametrize("arithmetic", ["bf16_weight", "float64"])
@pytest.mark.parametrize("scale_dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_trits_and_scales(kind, estimator, arithmetic, scale_dtype):
    weight = weights(kind, estimator)
    settings = {
        "group_size": GROUP, "estimator": estimator, "arithmetic": arithmetic, "scale_dtype": scale_dtype
    }  # fmt: skip
    plain = ternarize(weight, **settings)
    ours = weight.cuda()
    eager = ternarize(ours, **settings)
    fused = Quantized(*compiled(lambda w: tuple(ternarize(w, **settings)))(ours))
    for found in (eager, fused):
        assert torch.equal(found.scale.cpu(), plain.scale)
        assert torch.equal(found.codes.cpu(), plain.codes)
    product = dequantize(plain)
    assert torch.equal(compiled(lambda w: dequantize(ternarize(w, **settings)))(ours).cpu(), product)
    assert torch.equal(compiled(lambda w: TernaryQuantizer(**settings).fake(w))(ours).cpu(), product)
    if kind == "halves of a scale":
        assert 0.1 < float((plain.codes == 0).float().mean()) < 0.9


@pytest.mark.parametrize("kind", ["as trained", "many decades", "zeros and specks"])
def test_scales_in_e4m3_times_a_power_of_two(kind):
    quantizer, weight = ScaledE4m3Quantizer(GROUP, "rms", "float64"), weights(kind, "rms")
    plain = quantize(weight, quantizer)
    ours = Quantized(*compiled(lambda w: tuple(quantize(w, quantizer)))(weight.cuda()))
    assert torch.equal(ours.scale.cpu(), plain.scale)
    assert torch.equal(ours.codes.cpu(), plain.codes)


def small_record(estimator: str, arithmetic: str, smear: bool, compute: str = "bfloat16") -> UNetConfig:
    """The full width of #920, four layers, a small vocabulary."""
    changes = {
        "layers": 4,
        "vocab_size": 1024,
        "smear": smear,
        "compute": compute,
        "rotary_frequencies": "bfloat16" if arithmetic == "bf16_weight" else "float32",
        "quantizer": {"estimator": estimator, "arithmetic": arithmetic},
    }
    return load_record("ternary_v2", overrides={"model": changes, "export": {"storages": exact_for(compute)}}).model


def exact_for(compute: str) -> dict:
    return {"lossless": {"scales": compute, "mixes": compute}}


@pytest.mark.parametrize("arithmetic", ["bf16_weight", "float64"])
def test_the_weights_of_a_compiled_training_step_are_those_of_the_evaluated_checkpoint(arithmetic):
    model = small_record("rms", arithmetic, smear=False)
    network = random_network(model)
    on_cpu = matrices_of(network)
    network.cuda()
    stacks = stacks_of(network, compile_functions=True)
    stacks.requantize()
    for name, layer in network.linears():
        assert layer.effective is not None
        assert torch.equal(layer.effective.detach().cpu(), dequantize(on_cpu[name]).bfloat16()), name


@pytest.mark.parametrize("arithmetic", ["bf16_weight", "float64"])
@pytest.mark.parametrize("estimator", ["rms", "absmean"])
@pytest.mark.parametrize("compute", ["bfloat16", "float32"])
def test_a_lossless_artifact_gives_the_trained_model_s_logits_to_the_bit(arithmetic, estimator, compute, tmp_path):
    model = small_record(estimator, arithmetic, smear=True, compute=compute)
    state = {name: p.detach() for name, p in random_network(model).named_parameters()}  # on the CPU
    storage = lossless_storage(model)
    header = ArtifactHeader(
        record="ternary_v2", seed=1, checkpoint="final", step=1, storage_name="lossless", model=model, storage=storage
    )
    write_artifact(tmp_path / "lossless.tgolf", store(state, model, storage.by_role(model)), header)
    trained = trained_network(model, state)
    reloaded = reloaded_network(read_artifact(tmp_path / "lossless.tgolf"))
    assert trained.vocab_bias.is_cuda
    tokens = random_tokens(model, batch=8)
    with torch.inference_mode():
        pairs = [(n(tokens.cuda()), capped_logits(n(tokens.cuda()), *n.head())) for n in (trained, reloaded)]
    assert torch.equal(pairs[0][0], pairs[1][0])
    assert torch.equal(pairs[0][1], pairs[1][1])
    text: Tokens = random_tokens(model, batch=20, seed=1).flatten().numpy().astype("uint16")
    windows = chunked_windows(len(text), model.context)
    torch._dynamo.reset()
    for sums in (window_sums, compiled_window_sums()):
        before, after = (score_windows(network, text, windows, 8, sums=sums) for network in (trained, reloaded))
        gap = paired_gap(before, after, 1)
        assert (gap.bpb, gap.standard_error) == (0.0, 0.0)


def test_scores_are_the_same_when_scored_again():
    """Nothing in an evaluation depends on the order in which a GPU happens to add."""
    network = trained_network(
        cpu_model(compute="bfloat16", smear=True), dict(random_network(cpu_model(smear=True)).named_parameters())
    )
    text = random_tokens(network.model, batch=4000).flatten().numpy().astype("uint16")
    windows = chunked_windows(len(text), network.model.context)
    first = score_windows(network, text, windows, 512)
    for _ in range(3):
        again = score_windows(network, text, windows, 512)
        assert (again.nats == first.nats).all()
        assert (again.squares == first.squares).all()
