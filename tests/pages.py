"""How tests read the pages written by hand."""


def one_line(page: str) -> str:
    """The text of a page without its line breaks, so that a sentence can be looked for."""
    return " ".join(page.split())


def table_after(page: str, marker: str) -> list[list[str]]:
    """The cells of the Markdown table that follows ``marker``, without its header."""
    lines = page.split(marker, 1)[1].strip().splitlines()
    rows = lines[: next(i for i, line in enumerate([*lines, ""]) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
