"""What is guaranteed of an aggregated teacher?"""
