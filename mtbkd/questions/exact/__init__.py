"""Posteriors that are known exactly, and what every inference algorithm makes of them.

``cases`` holds densities with their means and standard deviations in closed form, ``judge`` lets an algorithm sample them and
says whether it recovers them, ``sbc`` asks over many data sets whether its draws stay calibrated, ``published`` sets the
closed forms beside what a paper prints. All of it runs on the CPU: the largest case has 18 parameters.
"""
