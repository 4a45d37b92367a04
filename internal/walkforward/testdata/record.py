"""Records what OLMAR-1 and EG hold on hand-made prices, from their papers' formulas in rational and decimal arithmetic:
python record.py > online.json. The projection on the simplex is found by trying all sets of assets that are held."""

import itertools
import json
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 40
prices = [
    [100, 50, 20], [103, 49, 21], [101, 52, 20], [104, 51, 19], [99, 53, 22], [97, 55, 21], [102, 54, 18], [105, 50, 19],
    [104, 48, 20], [108, 49, 23], [107, 53, 22], [103, 56, 20], [101, 55, 19], [106, 51, 21], [109, 52, 22], [105, 50, 20],
    [900, 70, 15], [80, 60, 200], [120, 500, 19], [95, 40, 30], [100, 45, 18], [20, 9, 60], [90, 70, 5], [110, 30, 40],
]
n, window, epsilon, eta = 3, 5, 10, Decimal("0.05")


def projected(v):
    best = None
    for size in range(1, n + 1):
        for held in itertools.combinations(range(n), size):
            shift = (1 - sum(v[i] for i in held)) / size
            a = [v[i] + shift if i in held else Fraction(0) for i in range(n)]
            distance = sum((x - y) ** 2 for x, y in zip(a, v))
            if min(a) >= 0 and (best is None or distance < best[0]):
                best = distance, a
    return best[1]


olmar, b = [], [Fraction(1, n)] * n
eg, w = [], [Decimal(1) / n] * n
for t in range(len(prices) - 1):  # the decision before period t, which leads from prices t to t + 1
    if t >= window - 1:
        x = [sum(Fraction(prices[t - k][i], prices[t][i]) for k in range(window)) / window for i in range(n)]
        mean = sum(x) / n
        step = (epsilon - sum(p * q for p, q in zip(b, x))) / sum((q - mean) ** 2 for q in x)
        b = projected([p + max(0, step) * (q - mean) for p, q in zip(b, x)])
    olmar.append([float(p) for p in b])
    if t > 0:
        x = [Decimal(prices[t][i]) / prices[t - 1][i] for i in range(n)]
        earned = sum(p * q for p, q in zip(w, x))
        w = [p * (eta * q / earned).exp() for p, q in zip(w, x)]
        w = [p / sum(w) for p in w]
    eg.append([float(p) for p in w])
json.dump({"prices": prices, "olmar": olmar, "eg": eg}, sys.stdout, separators=(",", ":"))
print()
