"""GPU paths against their plain references, on a GPU. Their logic is tested on the CPU in the other folders."""

import pytest
import torch

from tests.comparing import relative
from tests.small import small_transformer
from tritgolf.config.record import load_record
from tritgolf.model.attention import available_backends, choose_attention, math_attention
from tritgolf.model.fused_loss import fused_training_loss
from tritgolf.model.heads import make_heads, make_heads_fast
from tritgolf.model.joined import add_both, add_both_fused
from tritgolf.model.loss import training_loss
from tritgolf.model.phase import Phase
from tritgolf.model.transformer import Transformer
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer

if torch.cuda.is_available():
    from tritgolf.model.fused_loss_kernel import nats_and_gradient_on_gpu

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


HEADS = {"unet": (10.0, 1e-4, "polynomial"), "transformer": (30.0, 0.0, "tanh")}  # cap, z-loss, softcap


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("tokens", "vocabulary", "width"), [(700, 1000, 64), (20000, 8192, 312), (9000, 8192, 254)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_loss_kernel_computes_the_plain_loss(tokens, vocabulary, width, dtype, head):
    """Of the U-Net's head with its bias, of the transformer's without one and with its constant."""
    cap, z_loss, kind = HEADS[head]
    generator = torch.Generator("cuda").manual_seed(tokens)
    hidden = torch.randn(tokens, width, device="cuda", generator=generator).to(dtype).requires_grad_(True)
    table = (0.6 * torch.randn(vocabulary, width, device="cuda", generator=generator)).to(dtype).requires_grad_(True)
    bias = torch.randn(vocabulary, device="cuda", generator=generator).requires_grad_(True)
    targets = torch.randint(vocabulary, (tokens,), device="cuda", generator=generator)
    leaves, scale = (hidden, table, bias), None
    if kind == "tanh":
        leaves, bias, scale = (hidden, table), None, torch.tensor(1.25, device="cuda", dtype=dtype)
    losses, gradients = [], []
    for loss in (fused_training_loss, training_loss):
        total, cross_entropy = loss(hidden, table, bias, targets, cap, z_loss, kind, scale)
        gradients.append(torch.autograd.grad(total, leaves))
        losses.append((float(total), float(cross_entropy)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5 if dtype == torch.float32 else 1e-3)
    for found, wanted in zip(*gradients, strict=True):
        assert relative(found, wanted) < (1e-4 if dtype == torch.float32 else 1e-2)


@pytest.mark.parametrize("kind", ["polynomial", "tanh"])
def test_a_logit_that_is_no_number_makes_a_loss_that_is_none(kind):
    logits = torch.randn(3, 8192, device="cuda").bfloat16()
    logits[1] = torch.nan
    bias, targets = torch.zeros(8192, device="cuda"), torch.zeros(3, dtype=torch.int64, device="cuda")
    nats, lse = nats_and_gradient_on_gpu(logits, bias, targets, 10.0, 1e-4, 1.0, kind)
    assert nats.isnan().tolist() == lse.isnan().tolist() == [False, True, False]
    assert logits.isnan().all(1).tolist() == [False, True, False]


def test_phases_of_a_step_are_timed_on_the_device():
    demo = load_record("demo", overrides={"model": {"compute": "bfloat16"}})
    trainer = Trainer(demo.model, demo.train, 1, Ranks(0, 1, torch.device("cuda")))
    tokens = torch.randint(demo.model.vocab_size, (16, demo.model.context + 1), device="cuda")
    for index in range(4):
        trainer.step(index, 1.0, tokens[:, :-1], tokens[:, 1:])
    torch.cuda.synchronize()
    times = trainer.phases.milliseconds()
    assert list(times) == ["gradients", "average", "update"]
    assert times["gradients"] > times["average"] >= 0
    assert times["update"] > 0


@pytest.mark.parametrize("name", ["fa3", "cudnn", "fa4", "fa2", "sdpa"])
def test_every_backend_computes_the_definition(name):
    if name not in available_backends(torch.device("cuda"), torch.bfloat16):
        pytest.skip(f"{name} is not installed")
    attend = choose_attention(name, torch.device("cuda"), torch.bfloat16)[1]
    q, k, v = (
        torch.randn(2, 256, heads, 96, device="cuda", dtype=torch.bfloat16, requires_grad=True) for heads in (8, 4, 4)
    )
    upstream = torch.randn(2, 256, 8, 96, device="cuda", dtype=torch.bfloat16)
    wanted = math_attention(q.double(), k.double(), v.double())
    found = attend(q, k, v)
    assert relative(found, wanted) < 1e-2
    for queries in (1, 16, 100):
        assert relative(attend(q[:, -queries:], k, v), wanted[:, -queries:]) < 1e-2
    gradients = torch.autograd.grad(found, (q, k, v), upstream)
    for ours, reference in zip(gradients, torch.autograd.grad(wanted, (q, k, v), upstream.double()), strict=True):
        assert relative(ours, reference) < 2e-2


@pytest.mark.parametrize("record", ["demo", "demo_lossless"])
def test_a_compiled_step_follows_the_eager_one(record):
    """Ten steps of a demo model in BF16 on the GPU end near ten FP32 steps on the CPU."""
    demo = load_record(record)
    torch.manual_seed(0)
    tokens = torch.randint(demo.model.vocab_size, (32, demo.model.context + 1))
    losses = {}
    for device, compute in (("cpu", "float32"), ("cuda", "bfloat16")):
        model = demo.model.model_copy(update={"compute": compute})
        trainer = Trainer(model, demo.train, 1, Ranks(0, 1, torch.device(device)))
        inputs, targets = tokens[:, :-1].to(device), tokens[:, 1:].to(device)
        losses[device] = [float(trainer.step(i, 1.0, inputs, targets)[1]) for i in range(10)]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.02)
    assert losses["cpu"][-1] < losses["cpu"][0] - 1


def use_heads(block, heads):
    block.attn.make_heads = heads


def use_joined(block, form):
    block.add_both = form


@pytest.mark.parametrize(
    ("use", "forms"),
    [(use_heads, (make_heads_fast, make_heads)), (use_joined, (add_both_fused, add_both))],
    ids=["heads", "joined"],
)
def test_the_network_trains_with_a_form_as_with_its_definition(use, forms):
    """Eight steps of the demo model, two called and six replayed, by the form and by the definition."""
    demo = load_record("demo", overrides={"model": {"compute": "bfloat16"}})
    torch.manual_seed(0)
    tokens = torch.randint(demo.model.vocab_size, (32, demo.model.context + 1), device="cuda")
    losses = []
    for form in forms:
        torch._dynamo.reset()
        trainer = Trainer(demo.model, demo.train, 1, Ranks(0, 1, torch.device("cuda")))
        for block in trainer.network.blocks:
            use(block, form)
        losses.append([float(trainer.step(i, 1.0, tokens[:, :-1], tokens[:, 1:])[1]) for i in range(8)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("attention", ["cudnn", "sdpa", "fa4"])
def test_the_network_is_one_compiled_graph(attention):
    if attention not in available_backends(torch.device("cuda"), torch.bfloat16):
        pytest.skip(f"{attention} is not installed")
    demo = load_record("demo", overrides={"model": {"compute": "bfloat16"}, "train": {"attention": attention}})
    trainer = Trainer(demo.model, demo.train, 1, Ranks(0, 1, torch.device("cuda")))
    trainer.stacks.requantize()
    tokens = torch.randint(demo.model.vocab_size, (16, demo.model.context), device="cuda")
    assert trainer.network.blocks[0].add_both is add_both_fused
    found = torch._dynamo.explain(trainer.network)(tokens)
    assert found.graph_count == 1, [str(reason) for reason in found.break_reasons]


@pytest.mark.parametrize("attention", ["cudnn", "sdpa", "fa4"])
def test_the_transformer_is_one_compiled_graph_a_phase(attention):
    if attention not in available_backends(torch.device("cuda"), torch.bfloat16):
        pytest.skip(f"{attention} is not installed")
    model = small_transformer(width=256, compute="bfloat16")
    network = Transformer(model, choose_attention(attention, torch.device("cuda"), torch.bfloat16)[1]).to("cuda")
    tokens = torch.randint(model.vocab_size, (16, model.context), device="cuda")
    for recurrence in (False, True):
        network.enter(Phase(recurrence))
        torch._dynamo.reset()
        found = torch._dynamo.explain(network)(tokens)
        assert found.graph_count == 1, [str(reason) for reason in found.break_reasons]


def test_replayed_steps_follow_a_batch_that_changes_its_shape():
    """Five steps of one shape and five of another, replayed and called plainly."""
    demo = load_record("demo", overrides={"model": {"compute": "bfloat16"}})
    torch.manual_seed(0)
    tokens = torch.randint(demo.model.vocab_size, (32, demo.model.context + 1), device="cuda")
    ends = []
    for replays in (True, False):
        trainer = Trainer(demo.model, demo.train, 1, Ranks(0, 1, torch.device("cuda")))
        for index in range(10):
            rows = tokens[: 32 if index < 5 else 16]
            if not replays:
                trainer._take(rows[:, :-1], rows[:, 1:])
                trainer._compute_gradients, trainer._update = trainer.compute_gradients, trainer.update
            trainer.step(index, 1.0, rows[:, :-1], rows[:, 1:])
        ends.append(trainer.weights())
    for name, weight in ends[0].items():
        if weight.float().norm() > 0:
            assert relative(weight, ends[1][name]) < 2e-2, name


def test_replayed_steps_are_the_steps_called_plainly():
    """Losses and weights of eight steps, of which two are called and six replayed, against eight that are called."""
    demo = load_record("demo", overrides={"model": {"compute": "bfloat16"}})
    torch.manual_seed(0)
    tokens = torch.randint(demo.model.vocab_size, (32, demo.model.context + 1), device="cuda")
    ends = []
    for replays in (True, False):
        trainer = Trainer(demo.model, demo.train, 1, Ranks(0, 1, torch.device("cuda")))
        if not replays:
            trainer._take(tokens[:, :-1], tokens[:, 1:])
            trainer._compute_gradients, trainer._update = trainer.compute_gradients, trainer.update
        losses = [float(trainer.step(i, 1.0, tokens[:, :-1], tokens[:, 1:])[1]) for i in range(8)]
        ends.append((losses, trainer.state()))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-3)
    assert ends[0][0][-1] < ends[0][0][0]
    for name, tensor in ends[0][1].items():
        if name.startswith("weight.") and tensor.float().norm() > 0:
            assert relative(tensor, ends[1][1][name]) < 2e-2, name
