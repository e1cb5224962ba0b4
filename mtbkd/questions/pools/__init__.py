"""Which way of pooling strong teachers is accurate and calibrated, at home and abroad?"""
