"""`mtbkd doctor`: what a run will need, checked before it starts. A module a subject; ``examine`` asks them all."""
