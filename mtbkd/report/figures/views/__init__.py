"""The interactive views of figures, for the page: one module each, named as the figure, with ``interactive``.

``interactive`` is given what the figure's ``draw`` is and returns a ``Spec`` of the same numbers, bounded. Views of the figures
of a question lie in its folder: ``view_<figure>``.
"""
