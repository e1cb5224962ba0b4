"""Questions that a study asks besides its experiments; a folder a kind, found by itself.

The module ``question`` of a kind holds, in this order: ``NEEDS`` (which of dataset, teachers, student, draws the configuration
must name; draws are those of an experiment's methods), optionally ``READS`` (the other keys of its entry that it reads; without
it, all are) and ``NAMES_METHODS`` (settings that name methods of the experiment, each one a choice of those before it),
``TABLES`` (the names of its tables), ``Settings``, optionally ``raw_files`` (keys of the raw files that it reads, of
its settings), and ``run`` (its tables, of ``Inputs`` and settings).

Beside it may lie, each where it is needed:

- ``section``: what the page says (``mtbkd.report.questions``); ``together``: what it says of several questions at once;
- ``figure_<name>``: a figure, with ``SCOPE = "question"`` (``mtbkd.report.figures``); ``view_<name>``: its interactive view;
- ``planning``: ``resolve``, of ``mtbkd.study.asked.Asked``, follows the names of entries that the settings hold and returns a
  ``Resolved``, whose content takes the place of the settings; the module ``question`` types it with ``Spec`` where it differs.
  A long question is computed in parts, a job each, which ``run`` joins (``Inputs.gathered``): ``STEPS`` in ``question`` says
  what parts there are (``mtbkd.study.questions.Step``), ``Resolved.parts`` names them. What joins them reads nothing else;
- ``checks``: ``mistakes``, of ``Asked``; optionally ``teachers`` (names, of settings) and ``jobs`` (how many, of settings and
  the number of blocks).

``planning`` and ``checks`` are read by the plan alone, so that editing them computes nothing anew.
"""
