"""Writes beta.csv: log-density, entropy, gradients and variance of Beta
distributions to 60 digits, rounded to 20. Needs mpmath (1.3.0 made the
committed file)."""
import mpmath as mp

mp.mp.dps = 60

SHAPES = ["1e-3", "0.02", "0.5", "1", "1.3", "3.6", "27", "410", "1e4", "1e5"]
# x as its logit: how far it is from the mean in standard deviations of ln x.
OFFSETS = [-3, -0.2, 1.5]

with open("beta.csv", "w") as f:
    f.write("alpha,beta,lnx,ln1mx,logprob,dlogprob_dalpha,dlogprob_dbeta,"
            "entropy,dentropy_dalpha,dentropy_dbeta,variance\n")
    for a in SHAPES:
        for b in SHAPES:
            x, y = mp.mpf(float(a)), mp.mpf(float(b))
            s = x + y
            lnb = mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(s)
            dx, dy = mp.psi(0, x) - mp.psi(0, s), mp.psi(0, y) - mp.psi(0, s)
            ent = lnb - (x - 1) * dx - (y - 1) * dy
            t = (s - 2) * mp.psi(1, s)
            for o in OFFSETS:
                logit = mp.psi(0, x) - mp.psi(0, y) + o * mp.sqrt(mp.psi(1, x) + mp.psi(1, y))
                # Rounded to doubles, which the values below are those of.
                lnx = mp.mpf(float(-mp.log(1 + mp.exp(-logit))))
                ln1mx = mp.mpf(float(-mp.log(1 + mp.exp(logit))))
                v = [lnx, ln1mx, (x - 1) * lnx + (y - 1) * ln1mx - lnb, lnx - dx, ln1mx - dy,
                     ent, t - (x - 1) * mp.psi(1, x), t - (y - 1) * mp.psi(1, y),
                     x * y / (s * s * (s + 1))]
                f.write(",".join([a, b] + [mp.nstr(q, 20) for q in v]) + "\n")
