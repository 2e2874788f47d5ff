"""Mean, sample standard deviation, Welch's test, and how to print them."""

import math
import statistics
from collections.abc import Iterable, Sequence

NOT_KNOWN = "—"
LEVEL = 0.05  # of significance
LEAST_P = 1e-3  # what quasi-random integration (Dunnett's test) tells for sure
EXACTLY_ZERO = "0 exactly"  # a difference that is zero in every bit, not by rounding
MOST_DECIMALS = 9


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean; NaN for no values."""
    numbers = [float(value) for value in values]
    return statistics.fmean(numbers) if numbers else math.nan


def number_or_nan(value: float | None) -> float:
    """A number, NaN where it is not known."""
    return math.nan if value is None else value


def sample_std(values: Iterable[float]) -> float:
    """Sample standard deviation (n − 1 in the denominator), as the published tables have it; else NaN."""
    numbers = [float(value) for value in values]
    known = len(numbers) >= 2 and not any(map(math.isnan, numbers))
    return statistics.stdev(numbers) if known else math.nan


def mean_error(errors: Iterable[float]) -> float:
    """Standard error of the mean of values with these standard errors, as if independent; NaN for no values."""
    numbers = [float(error) for error in errors]
    return math.hypot(*numbers) / len(numbers) if numbers else math.nan


def welch(excess: float, spreads: tuple[float, float], counts: tuple[int, int]) -> tuple[float, float, float]:
    """t, degrees of freedom (Welch–Satterthwaite) and one-sided p of ``excess``, a difference of two means, above 0.

    ``spreads``, ``counts``: sample standard deviations and numbers of values, at least two, of the two sides.
    """
    variances = [spread**2 / count for spread, count in zip(spreads, counts, strict=True)]
    if sum(variances) == 0:
        return math.copysign(math.inf, excess), math.inf, 0.0 if excess > 0 else 1.0
    statistic = excess / math.sqrt(sum(variances))
    degrees = sum(variances) ** 2 / sum(v**2 / (count - 1) for v, count in zip(variances, counts, strict=True))
    from scipy import stats  # noqa: PLC0415  (a second of import, needed where runs are compared alone)

    return statistic, degrees, float(stats.t.sf(statistic, degrees))


def dunnett(groups: Sequence[Sequence[float]], control: Sequence[float]) -> list[float]:
    """One-sided p of each group's mean being above the control's, of all tests together (Dunnett, 1955).

    The variance is pooled over all groups, so that two values of each tell something; NaN where each has but one.
    """
    if max(map(len, (*groups, control))) < 2:
        return [math.nan] * len(groups)
    if not any(sample_std(values) for values in (*groups, control) if len(values) > 1):
        return [0.0 if mean(values) > mean(control) else 1.0 for values in groups]
    from scipy import stats  # noqa: PLC0415  (a second of import, needed where runs are compared alone)

    found = stats.dunnett(*groups, control=control, alternative="greater", random_state=0)
    return [float(p) for p in found.pvalue]


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of several tests together (Holm, 1979): each as large as the share of chance findings allows.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def blocked_error(rows: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Standard deviation of what neither a row's mean nor a column's explains, and its degrees of freedom.

    ``rows``: equally many values each, a column a seed: a two-way analysis of variance, without replication. NaN and 0
    for one row or one column.
    """
    means, columns = [mean(row) for row in rows], [mean(column) for column in zip(*rows, strict=True)]
    degrees = (len(rows) - 1) * (len(columns) - 1)
    if degrees == 0:
        return math.nan, 0
    middle = mean(means)
    left = [[v - means[i] - columns[j] + middle for j, v in enumerate(row)] for i, row in enumerate(rows)]
    return math.sqrt(sum(value**2 for row in left for value in row) / degrees), degrees


def students_p(difference: float, error: float, degrees: int) -> float:
    """Two-sided p of Student's t-test that a difference with this standard error is 0; NaN for no ``degrees``."""
    if degrees == 0:
        return math.nan
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    from scipy import stats  # noqa: PLC0415  (a second of import, needed where records are compared alone)

    return float(2 * stats.t.sf(abs(difference) / error, degrees))


def least_told(error: float, degrees: int, tests: int, level: float) -> float:
    """The least difference with this standard error that Holm's p of all ``tests`` tells from 0, whatever the rest."""
    if degrees == 0 or tests == 0:
        return math.nan
    from scipy import stats  # noqa: PLC0415  (a second of import, needed where records are compared alone)

    return float(error * stats.t.isf(level / (2 * tests), degrees))


def uncertainty_decimals(uncertainty: float) -> int | None:
    """Decimals that show two significant digits of an uncertainty (GUM 7.2.6); None where it is 0 or unknown.

    >>> uncertainty_decimals(0.00042), uncertainty_decimals(1033)
    (5, 0)
    """
    if not math.isfinite(uncertainty) or uncertainty <= 0:
        return None
    # Rounding first: 0.0996 becomes 0.10, which has one decimal fewer than its leading digit suggests.
    exponent = int(f"{uncertainty:.1e}".split("e")[1])
    return max(0, 1 - exponent)


def format_value(value: float | None, decimals: int, signed: bool = False) -> str:
    """A number with fixed decimals and thousands separators; an em dash where it is not known.

    >>> format_value(15951196, 0), format_value(0.00211, 4, signed=True), format_value(None, 2)
    ('15,951,196', '+0.0021', '—')
    """
    if value is None or not math.isfinite(value):
        return NOT_KNOWN
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    return text.replace("-", "−")


def format_p(p: float) -> str:
    """A p-value with three decimals; below ``LEAST_P`` only that it is.

    >>> format_p(0.0344), format_p(0.0002), format_p(math.nan)
    ('0.034', '<0.001', '—')
    """
    return f"<{LEAST_P:g}" if p < LEAST_P else format_value(p, 3)


def format_exact(value: float, decimals: int, signed: bool = False) -> str:
    """``format_value`` of a difference or an error: told apart from what is only printed as zero.

    >>> format_exact(0.0, 6), format_exact(4e-7, 6, signed=True)
    ('0 exactly', '+0.000000')
    """
    return EXACTLY_ZERO if value == 0 else format_value(value, decimals, signed)


def format_with_error(value: float, error: float, decimals: int) -> str:
    """``+0.000123 ± 0.000045``: a difference and its standard error; more ``decimals`` where the error has no digit.

    >>> format_with_error(0.000123, 0.000045, 6), format_with_error(0.0, 0.0, 6), format_with_error(2.6e-7, 3.4e-7, 6)
    ('+0.000123 ± 0.000045', '0 exactly', '+0.0000003 ± 0.0000003')
    """
    if value == 0 and error == 0:
        return EXACTLY_ZERO
    two_digits = uncertainty_decimals(error)
    shown = decimals if two_digits is None else min(max(decimals, two_digits - 1), MOST_DECIMALS)
    return f"{format_value(value, shown, signed=True)} ± {format_value(error, shown)}"


def format_mean_std(
    values: Iterable[float], decimals: int, unit: str = "", signed: bool = False, fixed: bool = False
) -> str:
    """``mean ± std unit``, both to the second significant digit of the std, or with ``decimals`` where ``fixed``.

    One value, or equal ones, have no digit to go by: they too get ``decimals``. A ``signed`` figure is a difference:
    where every value is zero it is ``0 exactly``.

    >>> format_mean_std([1.1535, 1.1538, 1.1542], 4)
    '1.15383 ± 0.00035'
    """
    numbers = list(values)
    if signed and numbers and not any(numbers):
        return EXACTLY_ZERO
    std = sample_std(numbers)
    by_std = None if fixed else uncertainty_decimals(std)
    shown = decimals if by_std is None else by_std
    text = format_value(mean(numbers), shown, signed)
    if math.isfinite(std):
        text += f" ± {format_value(std, shown)}"
    return f"{text} {unit}".rstrip()
