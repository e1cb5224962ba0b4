"""What does a student learn from experts of parts of the data?"""
