"""Gradient steps of PPO a second: paspo beside RLtools with OpenBLAS, JAX and Stable-Baselines3, which take turns on the
same cores. It prints a table in Markdown, and what it left out and why.

    python3 tools/trainers/compare.py [--threads 1] [--turns 5] [--rltools FOLDER] [--folder FOLDER]

It needs Go with what paspo is built with (make deps), Python 3.10 or later with venv, g++, git, binutils and 3 GB of disk, and
fetches the rest: packages of PyPI, and RLtools from its repository unless --rltools names a clone. All goes to a folder that
is removed at the end unless --folder names one. The machine may be loaded where chrt is allowed (root): a program then runs
before all others while it is measured, a few seconds at a time."""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import standins

HERE = pathlib.Path(__file__).resolve().parent
COMMIT = "9acdf5c8"  # of RLtools
SOURCE = "https://github.com/rl-tools/rl-tools"
OPENBLAS = "scipy-openblas32==0.3.34.481.3"
JAX = "jax==0.10.2"
TORCH = "torch==2.15.0"
TORCH_NEEDS = ["filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec", "numpy"]
SB3 = "stable-baselines3==2.9.2"
SB3_NEEDS = ["gymnasium==1.4.0", "cloudpickle", "pandas", "matplotlib"]
WIDTH = 112  # of hidden layers, so that the work is that of paspo's network
MINIBATCHES = (64, 512)
HEADS = "12 Beta heads"  # of 32 x 32 that read latent and prefix, with an encoder and a critic of 32 x 32
WIDE = f"Gaussian of {WIDTH} x {WIDTH}"  # and such a critic


class LeftOut(Exception):
    pass


def run(*command, **more):
    """Returns what a command prints. Its last line of errors is why it is left out."""
    try:
        p = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=1200, **more)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise LeftOut(str(e)) from e
    if p.returncode:
        said = (p.stderr or p.stdout).strip().splitlines() or [f"exit status {p.returncode}"]
        raise LeftOut(f"{pathlib.Path(str(command[0])).name}: {said[-1]}")
    return p.stdout


def flops():
    """Multiplications and additions a row of the networks of RLtools and Stable-Baselines3: of products forward, and of
    gradients by weights and, but for the first layer, by inputs. Those of paspo are counted likewise."""
    return sum(4 * 27 * WIDTH + 6 * WIDTH * WIDTH + 6 * WIDTH * out for out in (12, 1))


class Programs:
    """Commands by minibatch, made in a folder; each prints steps a second first."""

    def __init__(self, folder, threads, seconds, rltools):
        self.folder, self.threads, self.seconds, self.clone = folder, threads, seconds, rltools
        self.python = folder / "venv" / "bin" / "python"

    def install(self, *packages):
        if not self.python.exists():
            run(sys.executable, "-m", "venv", self.folder / "venv")
        run(self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)

    def paspo(self):
        program = self.folder / "paspo"
        run("go", "build", "-o", program, "./tools/trainers/paspo", cwd=HERE.parents[1])
        return {m: [program, "-minibatch", m, "-threads", self.threads, "-seconds", self.seconds] for m in MINIBATCHES}

    def jax(self):
        self.install(JAX)
        for m in MINIBATCHES:
            run(self.folder / "paspo", "-minibatch", m, "-trace", self.folder / f"trace{m}.json")
        return {m: [self.python, HERE / "step_jax.py", self.folder / f"trace{m}.json", "--seconds", self.seconds] for m in MINIBATCHES}

    def rltools(self):
        self.install(OPENBLAS)
        include = self.folder / "include"
        if not include.exists():
            clone = self.clone
            if not clone:
                clone = self.folder / "rl-tools"
                run("git", "clone", "-q", "--no-checkout", "--filter=blob:none", SOURCE, clone)
            archive = self.folder / "include.tar"
            run("git", "-C", clone, "archive", "-o", archive, COMMIT, "include")
            run("tar", "-x", "-f", archive, "-C", self.folder)
        blas = pathlib.Path(run(self.python, "-c", "import scipy_openblas32 as b; print(b.get_lib_dir())").strip())
        out = {}
        for m in MINIBATCHES:
            program = self.folder / f"rltools{m}"
            run(
                "g++", "-std=c++17", "-O3", "-ffast-math", "-march=native", "-w", f"-DMINIBATCH={m}", f"-DHIDDEN_WIDTH={WIDTH}",
                "-DRL_TOOLS_BACKEND_ENABLE_OPENBLAS", "-Dcblas_sgemm=scipy_cblas_sgemm", "-Dcblas_dgemm=scipy_cblas_dgemm",
                "-I", include, HERE / "rltools.cpp", "-o", program, "-L", blas, "-lscipy_openblas", f"-Wl,-rpath,{blas}",
            )
            out[m] = [program, self.seconds]
        return out

    def sb3(self):
        self.install("--no-deps", TORCH, SB3)
        self.install(*TORCH_NEEDS, *SB3_NEEDS)
        try:
            run(self.python, "-c", "import torch")
        except LeftOut:
            at = run(self.python, "-c", "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])")
            standins.write(pathlib.Path(at.strip()) / "lib")
        options = ["--width", WIDTH, "--threads", self.threads, "--seconds", self.seconds]
        return {m: [self.python, "-W", "ignore", HERE / "step_sb3.py", "--minibatch", m, *options] for m in MINIBATCHES}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--threads", type=int, default=1, help="cores that each program gets")
    args.add_argument("--turns", type=int, default=5)
    args.add_argument("--seconds", type=float, default=2, help="time that a program is measured in a turn")
    args.add_argument("--rltools", type=pathlib.Path, help="a clone of RLtools, bare or not")
    args.add_argument("--folder", type=pathlib.Path, help="where what is fetched and built stays")
    args = args.parse_args()
    missing = [c for c in ("go", "g++", "git", "readelf", "nm", "taskset") if not shutil.which(c)]
    if missing or sys.version_info < (3, 10):
        sys.exit(f"compare.py needs Linux with Python 3.10 or later, and {', '.join(missing) or 'what is there'}")
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= args.threads <= len(cores):
        sys.exit(f"--threads {args.threads}: 1 to {len(cores)} is allowed")
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.folder or pathlib.Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        compare(args, folder, cores[-args.threads :])


def compare(args, folder, cores):
    env = os.environ | {k: str(args.threads) for k in ("GOMAXPROCS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")} | {"JAX_PLATFORMS": "cpu"}
    for k in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(k, None)  # OpenBLAS chooses its kernels itself
    if args.threads == 1:
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    before = ["taskset", "-c", ",".join(map(str, cores))]
    try:
        run("chrt", "-r", "1", "true")
        before += ["chrt", "-r", "1"]
    except LeftOut as e:
        print(f"The load of other programs counts: {e}\n")

    made = Programs(folder, args.threads, args.seconds, args.rltools)
    programs, left = {}, {}
    for name, network, make in (
        ("paspo", HEADS, made.paspo),
        (f"RLtools {COMMIT[:7]}, OpenBLAS {OPENBLAS.split('==')[1]}", WIDE, made.rltools),
        (JAX.replace("==", " "), HEADS, made.jax),
        (f"{SB3.replace('==', ' ')}, {TORCH.replace('==', ' ')}", WIDE, made.sb3),
    ):
        try:
            programs[name] = network, make()
        except LeftOut as e:
            left[name] = e
    if "paspo" in left:
        sys.exit(f"compare.py: paspo cannot be built: {left['paspo']}")

    rates, peak, work = {}, 0, {WIDE: flops()}
    for _ in range(args.turns):
        for m in MINIBATCHES:
            for name in list(programs):
                try:
                    said = [float(x) for x in run(*before, *programs[name][1][m], env=env).split()]
                except LeftOut as e:
                    del programs[name]
                    left[name] = e
                    continue
                rates.setdefault((name, m), []).append(said[0])
                if name == "paspo":
                    work[HEADS], peak = said[1], max(peak, said[2])

    print(f"Threads: {args.threads}; turns: {args.turns}; one core does {peak:.0f} GFLOP/s in a loop of multiply-adds.\n")
    for network, count in work.items():
        print(f"{network}: {count:.0f} FLOP a row\n")
    print("| | minibatch | steps a second, best turn (median) | GFLOP/s | of paspo's |\n|---|---|---|---|---|")
    for name, (network, _) in programs.items():
        for m in MINIBATCHES:
            mine, ours = (max(rates[n, m]) * m * work[programs[n][0]] / 1e9 for n in (name, "paspo"))
            median = statistics.median(rates[name, m])
            print(f"| {name}, {network} | {m} | {max(rates[name, m]):.0f} ({median:.0f}) | {mine:.1f} | {mine / ours:.2f} |")
    for name, why in left.items():
        print(f"\nLeft out: {name}: {why}")


if __name__ == "__main__":
    main()
