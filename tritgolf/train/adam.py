"""Adam and AdamW as PyTorch computes them, for groups of parameters that differ in learning rate and weight decay.

Sources: Kingma and Ba, 2015; Loshchilov and Hutter, 2019 (decoupled decay).

PyTorch's function of it, not ``torch.optim.Adam``: the class imports all that torch.compile needs, which takes a
process on a CPU, where nothing is compiled, as long as importing torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam

from tritgolf.config.train import AdamConfig


@dataclass
class Group:
    """Parameters and their learning rate: on a GPU an FP32 scalar there, which a recorded step reads.

    ``weight_decay`` is decoupled: p ← p·(1 − lr·``weight_decay``) before the update; only AdamW has any.
    """

    parameters: Sequence[Tensor]
    lr: float | Tensor
    weight_decay: float = 0.0


class Adam:
    """``state`` has each parameter's two moments, in its dtype, and its steps, an FP32 scalar."""

    def __init__(self, groups: Sequence[Group], settings: AdamConfig, on_gpu: bool) -> None:
        self.groups, self.settings, self.on_gpu = groups, settings, on_gpu
        self.decoupled = settings.kind == "adamw"
        self.state: dict[Tensor, dict[str, Tensor]] = {
            parameter: {
                "step": torch.zeros((), device=parameter.device if on_gpu else None),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
            for group in groups
            for parameter in group.parameters
        }

    @torch.no_grad()
    def step(self) -> None:
        """Update in place every parameter that has a gradient."""
        beta1, beta2 = self.settings.betas
        for group in self.groups:
            moving = [(p, p.grad, self.state[p]) for p in group.parameters if p.grad is not None]
            adam(
                params=[parameter for parameter, _, _ in moving],
                grads=[gradient for _, gradient, _ in moving],
                exp_avgs=[state["exp_avg"] for _, _, state in moving],
                exp_avg_sqs=[state["exp_avg_sq"] for _, _, state in moving],
                max_exp_avg_sqs=[],
                state_steps=[state["step"] for _, _, state in moving],
                fused=self.on_gpu or self.decoupled,
                capturable=self.on_gpu,
                decoupled_weight_decay=self.decoupled,
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=group.lr,
                weight_decay=group.weight_decay,
                eps=self.settings.epsilon,
                maximize=False,
            )

    def zero_gradients(self) -> None:
        """Let go of all gradients."""
        for parameter in self.state:
            parameter.grad = None
