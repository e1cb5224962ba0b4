"""What are teachers worth to a student with few labels? Many tables, each under several regimes of teachers.

``spec`` holds the settings, ``regimes`` makes a table's dataset and teachers, ``methods`` is the catalogue of students,
``fitting`` tunes and fits them at every number of labels, ``references`` scores the teachers, ``part`` does all of it for one
table under one regime: one job. The question itself is the question ``mtbkd.questions.tables.question``.
"""
