"""Figures: one module each, with ``TITLE``, ``SCOPE`` (experiment or study), ``CATEGORY``, ``CAPTION``, ``applies``, ``draw``.

``applies`` decides from the configuration alone, before any file exists, so that a study's figures are known from the start.
Figures of an experiment are given a ``material.Experiment`` (applies) and ``Material`` (draw), those of a study a
``material.Study``.
"""

# Every figure, in the order of the report: one line each, a module of this folder.
FIGURES = (
    "metrics",
    "planes",
    "weights_plane",
    "coverage_levels",
    "coverage",
    "coverage_size",
    "reliability",
    "maps",
    "boxes",
    "extremes",
    "abstention",
    "classes",
    "rank",
    "ess",
    "forest",
    "lambda_curve",
    "label_curve",
    "teacher_quality",
    "quality_methods",
    "perturbation",
    "votes",
    "location_scores",
    "location_calibration",
    "experts",
    "conformance",
    "guarantees",
    "weightings",
    "table_gains",
    "gain_by_labels",
    "critical_difference",
    "literature_gains",
    "literature_weights",
    "sbc",
    "toy",
    "residue_bits",
    "residue_safety",
    "safety_price",
)
