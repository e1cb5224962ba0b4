"""Figures: one module each, with ``TITLE``, ``SCOPE`` (experiment or study), ``CATEGORY``, ``CAPTION``, ``applies``, ``draw``.

``applies`` decides from the configuration alone, before any file exists, so that a study's figures are known from the start.
"""

# Every figure, in the order of the report: one line each, a module of this folder.
FIGURES = (
    "metrics",
    "coverage",
    "reliability",
    "maps",
    "boxes",
    "rank",
    "ess",
    "forest",
    "validation",
    "toy",
)
