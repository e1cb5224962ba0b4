"""When should a student abstain?"""
