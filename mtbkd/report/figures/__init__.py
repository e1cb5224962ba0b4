"""Figures: one module each, with ``TITLE``, ``SCOPE`` (experiment, question or study), ``CATEGORY``, ``CAPTION``, ``applies``
and ``draw``.

``applies`` decides from the configuration alone, before any file exists, so that a study's figures are known from the start.
Figures of an experiment are given a ``material.Experiment`` (applies) and ``Material`` (draw), those of a question a
``material.Question``, those of a study a ``material.Study``, of which they name with ``READS`` the one field that ``draw``
reads, or "". The order of the report is in ``mtbkd.base.registry``; those of a kind of question lie in its folder.

One job draws the figures of one experiment, question, or field of the study (``catalogue.Owner``), once its tables are there.
"""
