"""When does distillation pay? Methods at growing numbers of labels, with teachers of several qualities.

``budget`` says which examples are labelled and which folds they form, ``target`` is the posterior given that many labels,
``fitting`` tunes by cross-validation inside the labels and scores on the untouched test split, ``references`` are the teachers
and the ceiling on the same examples, ``crossing`` asks at how many labels a student without teachers catches up.
"""
