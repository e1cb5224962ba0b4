"""Figures: one module each, with ``TITLE``, ``SCOPE`` (experiment, question or study), ``CATEGORY``, ``CAPTION``, ``applies``
and ``draw``.

``applies`` decides from the configuration alone, before any file exists, so that a study's figures are known from the start.
Figures of an experiment are given a ``material.Experiment`` (applies) and ``Material`` (draw), those of a question a
``material.Question``, those of a study a ``material.Study``. Each has a line in the registry, in the order of the
report; those of one kind of question lie in its folder.
"""
