"""The grid that weights are rounded to, and the formats that numbers are stored in."""
