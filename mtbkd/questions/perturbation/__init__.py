"""Does uncertainty grow where inputs are perturbed?"""
