"""Does uncertainty follow the disagreement of human annotators?"""
