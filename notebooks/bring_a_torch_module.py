# %% [markdown]
# # Bring a torch module
#
# The student can be any `torch.nn.Module`. Here it is a small convolutional network for images of digits, taught by two models
# that were trained on other digits. Only its last layer gets a posterior, which keeps the fit short; the layers before it are
# fitted once.
#
# This file is plain Python in cells: Jupyter (with jupytext), VS Code and Spyder open it as a notebook, `python` runs it.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from mtbkd import MultiTeacherClassifier

X, y = load_digits(return_X_y=True)
elsewhere_1, elsewhere_2, ours, later = np.split(np.random.default_rng(0).permutation(len(y)), [300, 600, 1200])
labels = np.full(len(ours), -1)
labels[:60] = y[ours[:60]]
print(f"{len(ours)} images of our own, {np.sum(labels >= 0)} with a label; {len(later)} to test on")

# %% [markdown]
# ## The network
#
# A class or function that makes the module is best: every fit then starts from fresh weights. `forward` takes a batch of
# images and returns logits. Layers whose output depends on the other images of a batch, such as BatchNorm, are refused or
# replaced (`normalization`), because a posterior needs a function of one image.


# %%
class Digits(nn.Module):
    def __init__(self, num_classes: int):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 12), nn.ReLU()
        )
        self.last = nn.Linear(12, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.features(x))


# %% [markdown]
# ## Teachers and student
#
# `shape` says how a row of 64 numbers becomes an image. `layers="last"` with `laplace` draws from a Gaussian with the curvature
# of the log-posterior in the last layer. The few settings below keep this short; leave them out for the usual ones.

# %%
forest = RandomForestClassifier(random_state=0).fit(X[elsewhere_1], y[elsewhere_1])
neighbours = KNeighborsClassifier(20).fit(X[elsewhere_2], y[elsewhere_2])
student = MultiTeacherClassifier(
    student={"architecture": "module", "settings": {"path": Digits, "shape": [1, 8, 8]}},
    signal="tip", weights="entropy", inference="laplace", layers="last",
    grid={"lambda": [0.5, 5.0], "prior_scale": 1.0}, training={"steps": 400, "restarts": 1},
)  # fmt: skip
student.fit(X[ours], labels, teachers={"forest": forest.predict_proba, "neighbours": neighbours.predict_proba})
print(student.choice_)
for name, model in {"forest": forest, "neighbours": neighbours, "student": student}.items():
    print(f"{name:10s} accuracy {model.score(X[later], y[later]):.3f}")

# %% [markdown]
# ## Keep it
#
# A saved student holds numbers, not code: whoever loads it needs the class. `mtbkd.load("student", module=Digits)`.
#
# ## Look at it
#
# The test images of which it is surest and least sure, with the probabilities of all digits and their 90 % credible intervals.
# Epistemic uncertainty, the disagreement of the draws, is what more labels would remove.

# %%
unsure = student.uncertainty(X[later])["total"].to_numpy()
chosen = later[np.argsort(unsure)[[0, -4, -3, -2, -1]]]
prob, interval = student.predict_proba(X[chosen]), student.predict_interval(X[chosen], level=0.9)

figure, axes = plt.subplots(2, len(chosen), figsize=(10, 4), sharey="row", layout="constrained")
for i, (image, below) in enumerate(axes.T):
    image.imshow(X[chosen[i]].reshape(8, 8), cmap="gray_r")
    image.set(title=f"digit {y[chosen[i]]}", xticks=[], yticks=[])
    colours = ["#D55E00" if digit == y[chosen[i]] else "#0072B2" for digit in range(10)]
    below.vlines(range(10), interval.low[i], interval.high[i], color=colours, linewidth=3, alpha=0.4)
    below.scatter(range(10), prob[i], color=colours, s=14)
    below.set(xticks=range(10), xlabel="digit", ylim=(-0.03, 1.03))
axes[1, 0].set_ylabel("probability")
figure.suptitle("Surest (left) and least sure images; orange: the true digit")
plt.show()
