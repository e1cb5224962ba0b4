"""How often do two teachers name different classes?"""
