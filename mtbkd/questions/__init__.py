"""Questions that a study asks besides its experiments; one folder a kind, with its lines in the registry.

The module ``question`` of a question holds, in this order:
``NEEDS`` (which of dataset, teachers, student, draws the configuration must name; draws are
those of an experiment's methods), optionally ``NAMES_METHODS`` (settings that name methods of the experiment, each one a choice
of those before it), ``TABLES`` (the names of its tables), ``Settings``, ``raw_files`` (keys of the raw files that it reads, of
its settings) and ``run`` (its tables, of ``Inputs`` and settings). A long one may be computed in parts, a job each, which
``run`` joins: ``parts`` (settings -> ``PartOf`` of each), ``PART_TABLES`` (the names of a part's tables) and ``PART`` (the
module whose ``run`` makes them, of ``Inputs`` and the part's content; parts do not run again where only the joining changes).
What the report says of it is in ``section`` (``mtbkd.report.questions``); its figures are the modules ``figure_*``, with
``SCOPE = "question"`` (``mtbkd.report.figures``).
"""
