# %% [markdown]
# # Reading a board honestly
#
# A board is a table of numbers that were computed in the same way. That does not mean that the first row is the best method.
# This tutorial reads one board, that of `ssh_ose_jet`, from left to right: what may be concluded from it, and what may
# not. In this challenge the truth is what a real experiment has, one altimeter that no method received, with its noise.

# %%
import matplotlib.pyplot as plt
import numpy as np

import oceanbench

board = oceanbench.leaderboard("ssh_ose_jet")
board.computed.drop(columns=["σ(RMSE)", "physics", "method", "notes"])

# %% [markdown]
# ## Intervals: six weeks are a small sample
#
# Brackets are 95 % intervals. They come from how much the days differ among themselves, and from how long one day
# resembles the next: 42 days of sea are far fewer than 42 independent cases. So intervals are wide, and those of
# neighbouring rows overlap.

# %%
rows = [row for row in board.rows if not row["observations"] and not row["breaks_a_rule"]]


found = np.array([[row["scores"]["µ(RMSE)"][k] for k in ("value", "low", "high")] for row in rows])
places = np.arange(len(rows))
plt.figure(figsize=(7, 3))
plt.hlines(places, found[:, 1], found[:, 2], lw=3, alpha=0.5)
plt.plot(found[:, 0], places, "o")
plt.yticks(places, [row["submission"] for row in rows])
plt.gca().invert_yaxis()
plt.xlabel("µ(RMSE)")
plt.title("ssh_ose_jet: 95 % intervals")
plt.show()

# %% [markdown]
# ## Pairs: overlapping intervals do not mean a tie
#
# A day that is hard for one map is hard for the other. The *difference* of two rows on the same days is known far better
# than either score, and this is what decides.

# %% language="bash"
# oceanbench compare duacs oi fourdvarnet_anywhere --challenge ssh_ose_jet --figure pairs.png

# %%
oceanbench.compare("duacs", "oi", "ssh_ose_jet").to_dataframe()

# %% [markdown]
# The intervals of `duacs` and `oi` overlap, and yet `duacs` is better: what made a day hard for both cancels. From
# Python, `figures.differences` draws it.

# %%
from oceanbench.figures.differences import differences

others = ["oi", "fourdvarnet_anywhere"]
differences([oceanbench.compare("duacs", other, "ssh_ose_jet") for other in others])

# %% [markdown]
# ## Ranks that are shared
#
# `1=` is a rank that several rows share. Two rows that have a letter of the column *group* in common cannot be told apart; a rank is one
# more than the number of rows that are surely better. All pairs of the board are compared at once, and the thresholds
# are such that the whole board errs once in twenty times, not each pair. So a verdict of `compare`, which errs once in twenty by itself, can be
# surer than the board's. **Do not write "first of ten"** of a method that shares its group with three others.
#
# ## Leagues: like with like
#
# Ranks begin again further down. Rows of another league are not worse or better, they were given something else:
#
# - *observations*: rows that used more than the usual ones, here the wide swath `swot_karin`;
# - rows that **learned from the truth of the same world**, where this challenge gives no maps to learn from.

# %%
for row in board.rows:
    league = row["observations"] or "usual observations"
    rule = ", learned from the truth's world" if row["breaks_a_rule"] else ""
    print(f"{row['rank']:>3}  {row['submission']:<28} {league}{rule}")

# %% [markdown]
# ## Learned from, and of the truth's family
#
# A network that was trained on nine months of the very simulation that scores it knows that simulation's statistics; a
# method whose model has the equations of the simulation (*physics*: of the truth's family) knows its dynamics. Either may gain less
# on another ocean. On a challenge with a real sea these columns say what is comparable:
# *observations only* can be repeated anywhere there are altimeters.

# %%
board.computed[["submission", "learned from", "physics"]]

# %% [markdown]
# ## The ceiling
#
# The truth here is measured, with an error of 3.6 cm. The sea itself, without any error, would not score µ = 1. The row `perfect` has
# no rank and says what can be reached at most:

# %%
perfect = next(row for row in board.rows if row["submission"] == "perfect")
ceiling, first = (row["scores"]["RMSE"]["value"] for row in (perfect, rows[0]))
print(f"perfect: {100 * ceiling:.2f} cm; {rows[0]['submission']}: {100 * first:.2f} cm")
print(f"so the error of its map is about {100 * np.sqrt(first**2 - ceiling**2):.2f} cm of sea")

# %% [markdown]
# Two rows near the ceiling look alike although their maps differ: noise that is common to both hides the rest.
#
# ## Before you quote a row
#
# - Quote the interval with the number, the version of the challenge, and the group with the rank.
# - Quote the difference of a pair, if you claim that one is better.
# - Compare inside a league, and say what was learned from.
# - A score that is *unresolved*, or has `≤`, is an answer, not a gap: [Flags](../scores.md#flags).
# - A number that matters is worth one command: the board has that of every row, and
#   `oceanbench verify` scores a file again.
