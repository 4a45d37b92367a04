"""Writes beta_terms.csv: ln B and polygamma functions to 50 digits, rounded to
20. Needs mpmath (1.3.0 made the committed file)."""
import mpmath as mp

mp.mp.dps = 50

SHAPES = ["1e-3", "3.7e-3", "0.05", "0.31", "0.5", "0.999", "1", "1.0001", "1.4616321449683623",
          "2", "2.75", "5.5", "7.999", "8", "8.001", "15.99", "16", "33.3", "250", "4096.5", "1e5"]
EXTRA = [("1e-8", "1e-8"), ("1e-6", "1e6"), ("1e-6", "1"), ("1e8", "1e8"), ("1e9", "1e-3"), ("1e-6", "2e-6")]


def row(a, b):
    # The values are those of the doubles nearest to the shapes.
    x, y = mp.mpf(float(a)), mp.mpf(float(b))
    s = x + y
    v = [mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(s),
         mp.psi(0, x), mp.psi(0, y), mp.psi(0, s),
         mp.psi(1, x), mp.psi(1, y), mp.psi(1, s),
         mp.psi(0, s) - mp.psi(0, x)]
    return ",".join([a, b] + [mp.nstr(t, 20) for t in v])


pairs = [(a, b) for i, a in enumerate(SHAPES) for b in SHAPES[i:]]
pairs += [(b, a) for a, b in pairs[::7]] + EXTRA
with open("beta_terms.csv", "w") as f:
    f.write("a,b,lnbeta,psi_a,psi_b,psi_ab,tri_a,tri_b,tri_ab,psi_ab_minus_psi_a\n")
    for a, b in pairs:
        f.write(row(a, b) + "\n")
