"""Writes dirichlet.csv: log-density, entropy, divergence and their gradients of Dirichlet
distributions over three components to 60 digits, rounded to 20. Needs mpmath (1.3.0 made
the committed file)."""
import mpmath as mp

mp.mp.dps = 60

SHAPES = [(1, 1, 1), (1e-3, 1e-3, 1e-3), (0.5, 1.3, 3.6), (27, 0.02, 410), (1e5, 1e5, 1e5), (1e5, 1e-3, 2), (12, 40, 0.7)]
OTHERS = [(1.01, 1.01), (0.5, 3), (40, 1e-3)]  # factors on the first and the last shape


def log_norm(a):
    return sum(mp.loggamma(x) for x in a) - mp.loggamma(sum(a))


def mean_logs(a):
    return [mp.psi(0, x) - mp.psi(0, sum(a)) for x in a]


with open("dirichlet.csv", "w") as f:
    names = [c + str(i) for c in ["alpha", "other", "lnx"] for i in "123"]
    names += ["logprob"] + ["dlogprob" + i for i in "123"] + ["entropy"] + ["dentropy" + i for i in "123"]
    f.write(",".join(names + ["kl"] + ["dkl" + i for i in "123"]) + "\n")
    for shapes in SHAPES:
        for first, last in OTHERS:
            a = [mp.mpf(float(x)) for x in shapes]
            b = [mp.mpf(float(shapes[0] * first)), a[1], mp.mpf(float(shapes[2] * last))]
            m = mean_logs(a)
            # A point near the typical one, its logarithms rounded to doubles.
            raw = [x * y for x, y in zip([mp.mpf("1.2"), mp.mpf("0.7"), mp.mpf("1.1")], [mp.exp(x) for x in m])]
            lnx = [mp.mpf(float(mp.log(x / sum(raw)))) for x in raw]
            s = sum(a)
            logprob = sum((x - 1) * l for x, l in zip(a, lnx)) - log_norm(a)
            entropy = log_norm(a) - sum((x - 1) * l for x, l in zip(a, m))
            kl = log_norm(b) - log_norm(a) + sum((x - y) * l for x, y, l in zip(a, b, m))
            v = a + b + lnx + [logprob] + [l - x for l, x in zip(lnx, m)]
            v += [entropy] + [(s - 3) * mp.psi(1, s) - (x - 1) * mp.psi(1, x) for x in a]
            v += [kl] + [y - x for x, y in zip(m, mean_logs(b))]
            f.write(",".join(mp.nstr(q, 20) for q in v) + "\n")
