"""Networks: their parameters, their parts, their loss."""
