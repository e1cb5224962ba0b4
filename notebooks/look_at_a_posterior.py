# %% [markdown]
# # Look at a posterior with ArviZ
#
# A student is not one network but many: draws from a posterior. Here we fit one to two measurements of 178 wines, ask whether
# the draws can be trusted, and see where in the plane the student does not know.
#
# This file is plain Python in cells: Jupyter (with jupytext), VS Code and Spyder open it as a notebook, `python` runs it.

# %%
import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine

from mtbkd import MultiTeacherClassifier

X, y = load_wine(return_X_y=True, as_frame=True)
X = X[["alcohol", "flavanoids"]]
student = MultiTeacherClassifier(hidden=(12,)).fit(X, y)
print(student.choice_)

# %% [markdown]
# ## What is kept
#
# `draws_` is an xarray DataTree, which ArviZ reads as it is. Its dimensions are chain, draw and replicate; a fit in Python has
# one replicate, so we select it.
#
# Exchanging two hidden units changes the weights of a network but not its function: two chains may agree although no weight
# does. The posterior is therefore kept as functions of the weights: the log-posterior, and the class probabilities of some
# inputs, the *probes*.

# %%
draws = student.draws_.isel(replicate=0)
for name, group in draws.children.items():
    print(f"{name:15s} {', '.join(map(str, group.data_vars))}")

# %% [markdown]
# ## Can the draws be trusted?
#
# `r_hat` compares the spread between chains with the spread within them and should be at most 1.01. `ess_bulk` and `ess_tail`
# say how many independent draws the correlated ones are worth; 400 are enough for means and 90 % intervals. ArviZ 1 reports
# 89 % intervals unless told otherwise, so we say which ones we want.

# %%
summary = az.summary(draws, var_names=["log_posterior", "probe_prob"], ci_prob=0.9, ci_kind="eti", round_to="none")
print(summary.iloc[:7].round(3).to_string())
print(f"worst of all {len(summary)}: r_hat {summary['r_hat'].max():.3f}, ess_bulk {summary['ess_bulk'].min():.0f}")

# %% [markdown]
# `gates_` makes the same checks, and some more, with thresholds that were fixed before. `None` means that a gate does not
# apply. After `False`, do not believe the intervals before you know why; more draws (`settings={"draws": ...}`) often help.

# %%
print(student.gates_[["gate", "value", "threshold", "verdict"]].to_string(index=False))

# %% [markdown]
# The ranks of each chain's draws among all draws are uniform if all chains draw from the same distribution: lines near zero.
# `p` is the probability of lines that stray further; a very small one, and black dots, would mean that a chain is elsewhere.

# %%
least_sure = draws["posterior"]["probe_prob"].std(("chain", "draw")).max("class").argmax("probe").item()
seen = az.from_dict(
    {
        "posterior": {
            "log posterior": draws["posterior"]["log_posterior"].values,
            "probability of class 1 at the least sure probe": draws["posterior"]["probe_prob"].values[..., least_sure, 1],
        }
    }
)
az.plot_rank(seen, backend="matplotlib", figure_kwargs={"figsize": (10, 3.4), "layout": "constrained"})

# %% [markdown]
# Chains start at modes, which an optimiser found. Its curve is kept, too: the log-posterior per training example against its
# steps. A curve that still rises at the end asks for more steps.

# %%
for curve in draws["optimiser"].data_vars.values():
    print(f"{curve.attrs['objective']}, best start: {curve.values[:, 0].max():.2f} -> {curve.values[:, -1].max():.2f}")

# %% [markdown]
# ## Where does it not know?
#
# The uncertainty of a prediction has two parts. The *expected* entropy of the draws stays however many wines we measure: there
# classes overlap. The *epistemic* part is the disagreement of the draws; it is large where there were no wines to tell where
# one class ends and the next begins. Only the last layer was drawn, as `choice_` says: what the layers before it do not know
# is missing here.

# %%
edges = [np.linspace(X[name].min() - 0.7, X[name].max() + 0.7, 70) for name in X.columns]
plane = pd.DataFrame(np.stack([side.ravel() for side in np.meshgrid(*edges)], axis=1), columns=X.columns)
unsure = student.uncertainty(plane)

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
titles = {"expected": "expected entropy: classes overlap", "epistemic": "epistemic: the draws disagree"}
for ax, (part, title) in zip(axes, titles.items(), strict=True):
    shown = ax.contourf(*edges, unsure[part].to_numpy().reshape(70, 70), levels=12, cmap="cividis")
    figure.colorbar(shown, ax=ax, label="nats")
    for k, marker in enumerate("os^"):
        ax.plot(*X[y == k].to_numpy().T, marker, color="white", markeredgecolor="black", markersize=4, label=f"class {k}")
    ax.set(title=title, xlabel=X.columns[0])
axes[0].set_ylabel(X.columns[1])
axes[0].legend(loc="upper left", fontsize=8)
plt.show()
