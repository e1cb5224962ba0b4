"""The estimator keeps scikit-learn's contract, but for what is listed with its reason."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from mtbkd import MultiTeacherClassifier

EXCEPTIONS = {
    "check_classifiers_classes": "it takes -1 for a class, which here means no label, as in sklearn.semi_supervised",
}


def quick() -> MultiTeacherClassifier:
    return MultiTeacherClassifier(inference="map", hidden=(8,), training={"steps": 150, "restarts": 1}, device="cpu")


@parametrize_with_checks([quick()], expected_failed_checks=lambda estimator: EXCEPTIONS)
def test_scikit_learn_finds_an_estimator(estimator, check):
    check(estimator)
