from mtbkd.serving.estimator import MultiTeacherClassifier as MultiTeacherClassifier
from mtbkd.serving.loading import load as load

__version__: str
