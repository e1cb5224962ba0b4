"""Which weights of teachers suit which conditions?"""
