"""Writes classical.csv.gz, the price relatives of six stocks of the New York Stock Exchange, 1962-07-03 to 1984-12-31, and prints
what portfolios make of a wealth of 1 on all 36 of the set: python classical.py nyse_o.csv classical.csv.gz

The set was collected by Hal Stern for Cover (Universal Portfolios, Mathematical Finance 1, 1991). nyse_o.csv is that of
github.com/Marigold/universal-portfolios, universal/data, commit 698544c7a6520c71dfafaac205c20497855c5d47: products of relatives. To 1e-15 they
are those of Data/nyse-o.mat of github.com/OLPS/OLPS. Relatives have five decimals, here as whole numbers of hundred-thousandths."""

import gzip
import sys

with open(sys.argv[1]) as f:
    prices = [[float(p) for p in line.split(",")] for line in f.read().split()[1:]]
relatives = [[p / q for p, q in zip(a, b)] for a, b in zip(prices, [[1.0] * len(prices[0])] + prices)]
assert len(relatives) == 5651 and len(relatives[0]) == 36
units = [[round(1e5 * x) for x in row] for row in relatives]
assert max(abs(u - 1e5 * x) for a, b in zip(units, relatives) for u, x in zip(a, b)) < 1e-6
stocks = {"coke": 4, "comme": 5, "ibm": 17, "iroqu": 19, "kinar": 22, "meico": 25}
text = "\n".join([",".join(stocks)] + [",".join(str(row[j]) for j in stocks.values()) for row in units]) + "\n"
with open(sys.argv[2], "wb") as out:
    out.write(gzip.compress(text.encode(), 9, mtime=0))


def projected(v):
    total, theta = 0.0, 0.0
    for k, x in enumerate(sorted(v, reverse=True), 1):
        total += x
        if x > (total - 1) / k:
            theta = (total - 1) / k
    return [max(0.0, x - theta) for x in v]


def olmar(window, toolbox):
    """The code of OLPS, Strategy/olmar1_expert.m, takes the last relatives for its prediction, from the third day on, until there
    are as many of them as the window is long. The paper says nothing of these days, in which this project holds equal weights."""
    n, wealth = 36, 1.0
    b = [1 / n] * n
    for t, today in enumerate(relatives):
        x = None
        if t >= (window + 1 if toolbox else window - 1):
            x, p = [1.0] * n, [1.0] * n
            for k in range(1, window):
                p = [q / r for q, r in zip(p, relatives[t - k])]
                x = [u + q for u, q in zip(x, p)]
            x = [u / window for u in x]
        elif toolbox and t >= 2:
            x = relatives[t - 1]
        if x:
            mean = sum(x) / n
            step = max(0, 10 - sum(p * q for p, q in zip(b, x))) / sum((u - mean) ** 2 for u in x)
            b = projected([p + step * (u - mean) for p, u in zip(b, x)])
        wealth *= sum(p * q for p, q in zip(b, today))
    return wealth


for window in (5, 4):
    print(f"OLMAR-1, window {window}: {olmar(window, False):.4g}, with the first days of OLPS {olmar(window, True):.4g}")
