"""Next-residue distillation: teachers of one kingdom's proteins each, weighted anew at every residue of a sequence.

Shapes: S sequences, L residues of one, n positions (residues of all sequences), G teachers (one a kingdom), A = 20 residues.
"""
