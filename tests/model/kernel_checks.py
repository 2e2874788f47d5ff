"""What the tests of kernels with two directions share."""

import torch


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator).to(dtype).requires_grad_()


def doubled(tensors):
    return [tensor.detach().double().requires_grad_() for tensor in tensors]


def results_and_gradients(function, leaves):
    """What ``function`` returns, a tensor or several, and all gradients of ``leaves`` under random ones from above."""
    found = function(*leaves)
    found = [found] if isinstance(found, torch.Tensor) else list(found)
    above = [drawn(*x.shape).detach().to(x.dtype) for x in found]
    return [x.detach() for x in found], torch.autograd.grad(found, leaves, above)
