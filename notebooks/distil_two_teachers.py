# %% [markdown]
# # Distil two teachers into one small student
#
# Two models were trained elsewhere, each on other patients and on other measurements. We have 250 patients of our own, of whom
# only 20 have a diagnosis, and want one small model that uses everything and says how sure it is.
#
# This file is plain Python in cells: Jupyter (with jupytext), VS Code and Spyder open it as a notebook, `python` runs it.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtbkd import MultiTeacherClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = y.map({0: "malignant", 1: "benign"})
shuffled = np.random.default_rng(0).permutation(len(y))
elsewhere_1, elsewhere_2, ours, later = np.split(shuffled, [100, 200, 450])
print(f"{len(ours)} patients of our own, {len(later)} to test on, {X.shape[1]} measurements")

# %% [markdown]
# ## The teachers
#
# The first one saw mean values, the second one worst values. Both are fitted scikit-learn classifiers; all that the student
# needs of them is what they say of *our* patients, whom they have not seen. A teacher that was trained on the rows that it
# teaches is too sure of them: then hand over its predictions out of fold (`cross_val_predict`).

# %%
means, worsts = ([name for name in X.columns if name.startswith(kind)] for kind in ("mean", "worst"))
first = make_pipeline(StandardScaler(), LogisticRegression()).fit(X.loc[elsewhere_1, means], y[elsewhere_1])
second = RandomForestClassifier(random_state=0).fit(X.loc[elsewhere_2, worsts], y[elsewhere_2])


def say(rows: np.ndarray) -> dict[str, np.ndarray]:
    """What the teachers say of some patients, columns in the order of ``classes_``."""
    return {
        "regression": first.predict_proba(X.loc[rows, means]),
        "forest": second.predict_proba(X.loc[rows, worsts]),
    }


# %% [markdown]
# ## The student
#
# `None` marks a patient without a diagnosis: there the student hears its teachers only. How far it trusts them is chosen on a
# validation part that `fit` sets aside. The method follows from the size of the student; `choice_` says which one it is.

# %%
known = [*y[ours[:20]], *[None] * (len(ours) - 20)]
student = MultiTeacherClassifier(hidden=(8,)).fit(X.loc[ours], known, teachers=say(ours))
alone = MultiTeacherClassifier(hidden=(8,)).fit(X.loc[ours], known)
print(student.choice_)
print(student.gates_[["gate", "value", "threshold", "verdict"]].dropna().to_string(index=False))

# %% [markdown]
# Every gate is a check that the draws are those of the posterior; `verdict` is `True` where it passed.
#
# ## Was it worth it?
#
# On patients that nobody has seen: the teachers, their mean, a student of the 20 labels alone, and the distilled student.
# A low negative log-likelihood (NLL) means probabilities that can be relied on.

# %%
spoken = say(later)
found = {**spoken, "mean of both": sum(spoken.values()) / 2, "20 labels alone": alone.predict_proba(X.loc[later])}
found["student"] = student.predict_proba(X.loc[later])
scores = {
    name: (accuracy_score(y[later], student.classes_[prob.argmax(1)]), log_loss(y[later], prob)) for name, prob in found.items()
}
for name, (accuracy, nll) in scores.items():
    print(f"{name:24s} accuracy {accuracy:.3f}   NLL {nll:.3f}")

# %% [markdown]
# The student halves the loss of the same network without teachers. It comes close to the mean of both teachers, which needs
# two models and both sets of measurements at hand; it cannot know more than they and 20 labels do.
#
# ## How sure is it?
#
# The probability of a malignant tumour for each test patient, in order, with its 90 % credible interval. Where the interval is
# wide, the student does not know; where it is narrow around one half, the patient is a borderline case for all that the data
# can tell. Crosses are patients whose diagnosis is the other one.

# %%
at = list(student.classes_).index("malignant")
middle = found["student"][:, at]
interval = student.predict_interval(X.loc[later], level=0.9)
order = np.argsort(middle)
place, sick = np.arange(len(order)), (y[later] == "malignant").to_numpy()[order]
wrong = (middle[order] > 0.5) != sick

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=(1, 1.6), layout="constrained")
left.barh(list(scores), [nll for _, nll in scores.values()], color=["0.7"] * (len(scores) - 1) + ["#0072B2"])
left.invert_yaxis()
left.set(xlabel="NLL on test patients (nats, less is better)")
for label, mask, colour in (("malignant", sick, "#D55E00"), ("benign", ~sick, "#0072B2")):
    low, high = interval.low[order, at][mask], interval.high[order, at][mask]
    right.vlines(place[mask], low, high, color=colour, alpha=0.35)
    right.plot(place[mask], middle[order][mask], ".", color=colour, label=label)
right.plot(place[wrong], middle[order][wrong], "kx", label="wrong")
right.axhline(0.5, color="0.5", linewidth=0.8)
right.set(xlabel="test patients, by probability", ylabel="probability of malignant, 90 % interval")
right.legend(frameon=False)
plt.show()
