"""Tests of the package. PASPO_BINARY names the program, TINY the folder of tiny.py."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest
import warnings
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), os.environ.get("TINY") or str(Path(__file__).parents[2] / "envs/python/testdata")]
import paspo
import tiny

SMALL = {"report.episodes": 4, "debias.points": 1000, "debias.cache_dir": "", "ppo.steps_per_env": 16}
ROUNDED = 1e-9 + 2**-24  # the residual of actions of float32
LIMITS = {"constraints": [{"name": "power", "abs": {"a0": 1, "a1": 1}, "max": 0.5}]}


def train(make, out, **k):
    k = {"steps": 512, "device": "cpu", "quiet": True, "config": SMALL, **k}
    return paspo.train(make, out=out, **k)


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)

    def test_train_and_act(self):
        """A closure trains as a function that is imported does, and its policy keeps to the limits."""
        length = 20
        obs = np.random.default_rng(1).uniform(-1, 1, (50, 3))
        seen = []
        for name, make, start in (("fork", lambda: tiny.Target() if length else None, None), ("spawn", tiny.Target, None), ("named", "tiny:Target", "fork")):
            run = train(make, self.dir / name, start=start, constraints=LIMITS, workers=1 + (name == "fork"))
            config = (run.path / "config.yaml").read_text()
            self.assertIn(f"start: {'spawn' if name == 'spawn' else 'fork'}", config)
            self.assertEqual(run.summary["tables"][0]["rows"][0]["violations"], 0)
            with paspo.load(run) as policy:
                one, all = policy.act(obs[0]), policy.act(obs)
                sampled = policy.act(obs, seed=3)
                self.assertEqual(policy.entities, ["a0", "a1"])
                with policy.polytope() as p:  # with the bounds of the action space, and no total
                    self.assertEqual((p.entities, len(p.f)), (["a0", "a1"], 0))
                    self.assertLessEqual(p.check(all).max(), ROUNDED)
                    self.assertGreater(p.check(2 * p.upper).max(), 0.1)
            self.assertEqual((one.shape, all.shape), ((2,), (50, 2)))
            np.testing.assert_array_equal(one, all[0])
            self.assertFalse(np.array_equal(all, sampled))
            for actions in (all, sampled):
                self.assertLessEqual(np.abs(actions).sum(1).max(), 0.5 + ROUNDED)
            with paspo.load(os.fspath(run)) as policy:
                np.testing.assert_array_equal(policy.act(obs, seed=3), sampled)
                lower = np.where(obs[:, :1] > 0, [-0.25, -0.5], [0.125, -0.5])
                limited = policy.act(obs, limits={"lower": lower, "upper": [0.25, 0.25]}, seed=4)
                self.assertTrue((limited >= lower - 1e-9).all() and (limited <= 0.25 + 1e-9).all())
                np.testing.assert_allclose(policy.act(obs, limits={"lower": [-0.5, -0.5], "upper": [np.inf, 0.5]}), policy.act(obs, limits={"upper": [9, 0.5]}), rtol=0, atol=1e-12)
                self.assertEqual(policy.act(obs, limits={"lower": [0, 0], "upper": [0, 0]}).dtype, np.float32)  # of whole numbers too
                with self.assertRaisesRegex(ValueError, r"^obs has shape \(50, 2\): \(3,\) is allowed, or that of a batch with rows of such$"):
                    policy.act(obs[:, :2])
                with self.assertRaisesRegex(paspo.Error, "^(?!line |row )"):
                    policy.act(obs[0], limits={"upper": [-np.inf, 0.5]})
                with self.assertRaisesRegex(paspo.Error, "^row 1: component 2 of the observation is nan: finite numbers are allowed$"):
                    policy.act([[0, 0, 0], [0, 0, np.nan]])
                with self.assertRaisesRegex(paspo.Error, "^limits\\['upper'\\] has NaN: numbers are allowed$"):
                    policy.act(obs, limits={"upper": [np.nan, 0.5]})
                with self.assertRaisesRegex(ValueError, "^obs has masked numbers: numbers without a mask are allowed$"):
                    policy.act(np.ma.array(obs, mask=obs > 0.5))
                with self.assertRaisesRegex(ValueError, r"^limits\['upper'\] has masked numbers: numbers without a mask are allowed$"):
                    policy.act(obs, limits={"upper": np.ma.array([0.25, 0.25], mask=[True, False])})
                with self.assertRaisesRegex(ValueError, "limits has 'c': b, total, lower, upper, holdings, A are allowed"):
                    policy.act(obs, limits={"c": 1})
                with self.assertRaisesRegex(ValueError, r"^limits is \[1\]: a dictionary of b, total, .* is allowed"):
                    policy.act(obs, limits=[1])
                for limits, want in (
                    ({"total": [1]}, "^row 0: total has length 1, the polytope has 0 equalities$"), ({"holdings": [0, 0]}, "^row 0: holdings are given, and no constraint has terms that count from holdings$"),
                    ({"b": [0.5]}, "^row 0: b has length 1, the polytope has 4 inequalities$"), ({"lower": [0, 1e300]}, '^row 0: lower is 1e\\+300 for entity "a1"'),
                ):
                    with self.assertRaisesRegex(paspo.Error, want):
                        policy.act(obs, limits=limits)
                for upper in (0.5, np.full((3, 2), 0.5)):
                    with self.assertRaisesRegex(ValueError, r"^limits\['upper'\] has shape .*: \(n\) is allowed, or that of 50 states, one a row$"):
                        policy.act(obs, limits={"upper": upper})
                for seed in (-1, 1.5, 2**64):
                    with self.assertRaisesRegex(ValueError, f"^seed is {seed}: an integer from 0"):
                        policy.act(obs, seed=seed)
            seen.append(all)
        np.testing.assert_array_equal(seen[0], seen[1])
        np.testing.assert_array_equal(seen[0], seen[2])

    def test_act_as_the_environment(self):
        """A policy takes what an environment shows, one or many, and gives what its step takes."""
        run = train(tiny.Shaped, self.dir / "run", envs=4, constraints={"constraints": ["a0 + a1 + a2 + a3 <= 0.1"]})
        env, seen, flat = tiny.Shaped(), [], []
        env.reset(seed=3)
        for _ in range(20):
            o = env.obs()
            seen.append(o)
            c = np.zeros(5)
            c[[o["c"][0], 2 + o["c"][1]]] = 1
            flat.append(np.concatenate([np.ravel(o["a"]), np.eye(3)[o["b"] - 1], c, o["d"]]))
        batch = {k: np.array([o[k] for o in seen]) for k in seen[0]}
        with paspo.load(run) as policy:
            actions = policy.act(batch)
            self.assertEqual((actions.shape, actions.dtype), ((20, 2, 2), np.float32))
            self.assertLessEqual(actions.astype(float).sum((1, 2)).max(), 0.1 + 4 * ROUNDED)
            self.assertGreater(np.ptp(actions), 0)
            for obs in (seen, np.array(flat), [list(f) for f in flat]):
                np.testing.assert_array_equal(policy.act(obs), actions)
            for obs in (seen[7], flat[7]):
                one = policy.act(obs)
                np.testing.assert_array_equal(one, actions[7])
                env.step(one)
            self.assertEqual(policy.act({k: v[:0] for k, v in batch.items()}).shape, (0, 2, 2))
            for obs, want in (
                ({**seen[0], "b": 4}, r"^obs.b is 4: an integer from 1 to 3"), ({**batch, "b": np.arange(20)}, r"^row 0: obs.b is 0: an integer from 1 to 3"),
                ({**seen[0], "a": [[0, np.nan]]}, r"^obs.a\[0\]\[1\] is nan"), ({**batch, "a": np.full((20, 1, 2), np.inf)}, r"^row 0: obs.a\[0\]\[0\] is inf"),
            ):
                with self.assertRaisesRegex(paspo.Error, want):
                    policy.act(obs)
            for obs, want in (
                ({"a": [[0, 0]]}, "^obs has a: a, b, c, d are allowed$"), ({**batch, "b": 2}, "^obs.a has 20 rows, obs.b one observation: as many in all are allowed$"),
                (flat[0][:3], "^obs is a ndarray: a dictionary with a, b, c, d is allowed, or a list of such$"), ({**seen[0], "a": [0, 0, 0]}, r"^obs.a has shape \(3,\): \(1, 2\) is allowed"),
                ({**seen[0], "b": "x"}, "^obs.b is a str, no array of numbers: "),
                ({**batch, "d": np.ma.array(batch["d"], mask=batch["d"] > 0)}, "^obs.d has masked numbers: numbers without a mask are allowed$"),
            ):
                with self.assertRaisesRegex(ValueError, want):
                    policy.act(obs)
        with paspo.load(train(tiny.Chooses, self.dir / "chooses")) as policy:
            one_of, rows = [(0, [[0.25, 0.5, 0.75]]), (np.int64(1), 2), (2, 0.625)], np.array([[0, 0.25, 0.5, 0.75], [1, 0, 1, 0], [2, 0.625, 0.625, 0.625]])
            want = policy.act(rows)
            self.assertGreater(np.ptp(want, 0).min(), 0)
            np.testing.assert_array_equal(policy.act(one_of), want)
            np.testing.assert_array_equal([policy.act(o) for o in one_of], want)
            np.testing.assert_array_equal(policy.act(rows[1]), want[1])
            for obs, want in (((3, 1), "^obs is of space 3: 0 to 2 are allowed$"), ((2, [1, 2]), r"^obs.2 has 2 rows: one observation is allowed$"), (5, "^obs is a int: a tuple of the number")):
                with self.assertRaisesRegex(ValueError, want):
                    policy.act(obs)
        wordy = tiny.Wordy()
        wordy.reset(seed=1)
        with paspo.load(train(tiny.Wordy, self.dir / "wordy", envs=2, steps=32)) as policy:
            self.assertEqual(policy.act(wordy.draw()).shape, (2,))
        # Where the description is of an older version, observations and actions are flat.
        path = run.path / "environment.json"
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k not in ("observation", "action")}))
        with paspo.load(run) as policy:
            old = policy.act(np.array(flat))
            self.assertEqual((old.shape, old.dtype), ((20, 4), float))
            np.testing.assert_array_equal(old.astype(np.float32).reshape(-1, 2, 2), actions)

    def test_command(self):
        """The package's command keeps its name, and its Python is that of environments."""
        code = f"import sys; sys.path[:0] = [{str(Path(__file__).parents[1])!r}]; sys.argv[0] = '/x/paspo'; from paspo._binary import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "-c", "echo $0; command -v python3"], env={**os.environ, "PASPO_BINARY": "bash"}, capture_output=True, text=True, check=True
        )
        name, found = done.stdout.split()
        self.assertEqual((name, os.path.abspath(found)), ("/x/paspo", os.path.abspath(Path(sys.executable).with_name("python3"))))

    def test_answers_in_step(self):
        """No batch, an interruption or many seeds leave the next answer that of its observation."""
        run = train(tiny.Target, self.dir / "run", constraints=LIMITS)
        obs = np.random.default_rng(1).uniform(-1, 1, (20_000, 3))
        with paspo.load(run) as policy:
            self.assertEqual(policy.entities, ["a0", "a1"])
            self.assertEqual(policy.act(np.empty((0, 3))).shape, (0, 2))
            actions = policy.act(obs)
            np.testing.assert_array_equal(policy.act(obs[7]), actions[7])
            inner = policy._answers

            def interrupted(process, lines):
                inner(process, lines[:1])
                process.popen.stdin.write((lines[0] + "\n").encode())
                process.popen.stdin.flush()
                raise KeyboardInterrupt

            policy._answers = interrupted
            with self.assertRaises(KeyboardInterrupt):
                policy.act(obs[:5])
            del policy._answers
            np.testing.assert_array_equal(policy.act(obs[9]), actions[9])
            first = [policy.act(obs[0], seed=seed) for seed in range(20)]
            self.assertLessEqual(len(policy._processes), 9)
            np.testing.assert_array_equal(policy.act(obs[0], seed=0), first[0])
            self.assertFalse(np.array_equal(policy.act(obs[0], seed=0), first[0]))
        with self.assertRaisesRegex(paspo.Error, "nowhere"):
            paspo.load(self.dir / "nowhere")

    def in_fork(self, check):
        """What check returns in a copy of this process, as text."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                said = str(check())
            except BaseException as e:
                said = f"{type(e).__name__}: {e}"
            os.write(write, said.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as f:
            said = f.read().decode()
        os.waitpid(pid, 0)
        return said

    def test_forks_and_threads(self):
        """Neither a copy of the process nor a thread reads an answer that is another's."""
        run = train(tiny.Target, self.dir / "run", constraints=LIMITS)
        obs = np.random.default_rng(1).uniform(-1, 1, (200, 3))
        with paspo.Polytope.from_yaml({"entities": ["a", "b"], "total": "none", "constraints": ["a + b <= 1"]}) as p, paspo.load(run) as policy:
            points, actions, sampled = p.sample(200), policy.act(obs), policy.act(obs[0], seed=5)

            def asked(i):
                np.testing.assert_array_equal(p.project(points[i]), p.project(points[i : i + 1])[0])
                np.testing.assert_allclose(p.project(points[i]), points[i], atol=1e-9)
                np.testing.assert_array_equal(policy.act(obs[i]), actions[i])

            self.assertIn("Error: the polytope belongs to the process that this one is a fork of", self.in_fork(lambda: p.sample(3)))
            self.assertEqual(self.in_fork(p.close), "None")
            self.assertEqual(self.in_fork(lambda: (policy.act(obs) == actions).all() and (policy.act(obs[0], seed=5) == sampled).all()), "True")
            asked(0)
            self.assertFalse(np.array_equal(policy.act(obs[0], seed=5), sampled))  # its stream goes on
            wrong = []

            def ask(k):
                try:
                    for i in range(k, 200, 4):
                        asked(i)
                except BaseException as e:
                    wrong.append(e)

            threads = [threading.Thread(target=ask, args=(k,)) for k in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(wrong, [])

    def test_polytope_with_a_convex_row(self):
        """A limit of the magnitudes of more entities than rows are written for holds in all answers."""
        names = [f"a{i}" for i in range(10)]
        rows = [{"name": "power", "abs": dict.fromkeys(names, 1), "max": 1.5}, "a0 + a1 <= 0.3"]
        with paspo.Polytope.from_yaml({"entities": names, "total": "none", "bounds": {"default": [-1, 1]}, "constraints": rows}) as p:
            self.assertEqual((p.convex, len(p.rows), p.A.shape), (["power"], 1, (1, 10)))
            points = p.sample(200)
            self.assertLessEqual(np.abs(points).sum(1).max(), 1.5 + 1e-9)
            self.assertLessEqual((points @ p.A.T - p.b).max(), 1e-9)
            far = 3 * points
            self.assertLessEqual(np.abs(p.project(far)).sum(1).max(), 1.5 + 1e-9)
            self.assertGreater(p.check(far).max(), 1e-3)
            lo, hi = p.intervals(points[:, :9])  # the last entity may take what the others left
            left = np.minimum(1.5 - np.abs(points[:, :9]).sum(1), 1)
            np.testing.assert_allclose(np.c_[lo, hi], np.c_[-left, left], atol=1e-9)
            with self.assertRaisesRegex(paspo.Error, "no closed form"):
                p.pieces()

    def test_polytope(self):
        """What a polytope answers agrees with its rows, and its pieces with its intervals."""
        for text in (
            "entities: [a, b, c, d]\nbounds: {a: [0.1, 0.6], d: [0, 0.5]}\nconstraints: [a + 2*b <= 0.9, b + c >= 0.2]",
            "entities: [a, b]\ntotal: none\nbounds: {a: [-1, 1], b: [-2, 1]}\nconstraints: [{name: power, abs: {a: 1, b: 1}, max: 1.5}]",
            "generate: {method: points, entities: 4, points: 12, seed: 1}",
        ):
            with paspo.Polytope.from_yaml(text) as p:
                n = len(p.entities)
                points = p.sample(200, seed=2)
                self.assertLessEqual(p.check(points).max(), 1e-9)
                np.testing.assert_array_equal(points, p.sample(200, seed=2))
                self.assertLessEqual((points @ p.A.T - p.b).max(initial=-1), 1e-9)
                np.testing.assert_allclose(p.project(points), points, atol=1e-9)
                far = points + np.random.default_rng(1).normal(size=points.shape)
                near = p.project(far)
                self.assertLessEqual(p.check(near).max(), 1e-9)
                self.assertGreater(p.check(far).max(), 1e-3)
                self.assertTrue((np.sum((far - near) ** 2, 1) <= np.sum((far - points) ** 2, 1) + 1e-12).all())
                f = p.pieces()
                rho = np.tile(f["begin"], (len(points), 1))
                for i in range(n):
                    lo, hi = p.intervals(points[:, :i])
                    self.assertTrue((lo <= points[:, i] + 1e-9).all() and (points[:, i] <= hi + 1e-9).all())
                    width = f["lower"][i].shape[1]
                    low = (rho[:, :width] @ f["lower"][i].T).max(1)
                    high = (rho[:, : f["upper"][i].shape[1]] @ f["upper"][i].T).min(1)
                    np.testing.assert_allclose(f["base"][i] + low, lo, atol=1e-9)
                    np.testing.assert_allclose(f["base"][i] + high, hi, atol=1e-9)
                    rho -= np.outer(points[:, i] - f["base"][i], f["cols"][i])
                one = p.project(far[0])
                self.assertEqual((one.shape, np.shape(p.check(one))), ((n,), ()))
                with self.assertRaises(ValueError):
                    p.check(np.zeros((2, n + 1)))
                with self.assertRaisesRegex(paspo.Error, "row 1: component 0 is NaN"):
                    p.check([[0] * n, [np.nan] * n])
                with self.assertRaisesRegex(paspo.Error, "row 0: no allocation has this prefix"):
                    p.intervals([[5.0]])
                none = np.empty((0, n))
                self.assertEqual([p.sample(0).shape, p.project(none).shape, p.check(none).shape, p.intervals(none[:, :1])[1].shape], [(0, n), (0, n), (0,), (0,)])
                for seed in (-1, 1.5, 2**64):
                    with self.assertRaisesRegex(ValueError, f"^seed is {seed}: an integer from 0"):
                        p.sample(3, seed)
                with self.assertRaisesRegex(ValueError, "^rows is -1: an integer from 0"):
                    p.sample(-1)
                one = p.sample(1, seed=2**63)
                self.assertEqual((one.shape, one.flags.writeable), ((1, n), True))
            with self.assertRaisesRegex(paspo.Error, "is closed"):
                p.sample(1)
        with self.assertRaisesRegex(paspo.Error, r"no allocation satisfies all of total = 1; a \+ b <= 0.5"):
            paspo.Polytope.from_yaml({"entities": ["a", "b"], "constraints": ["a + b <= 0.5"]})
        with paspo.Polytope.from_yaml({"entities": ["a", "b"], "total": "none", "constraints": ["a + b <= 1"]}) as p:
            self.assertEqual((p.lower.dtype, p.upper.dtype), (float, float))
            np.testing.assert_allclose(p.project([1e6, 0]), [1, 0], atol=1e-9)
            for size in (1e7, 1e12, 1e16):
                with self.assertRaisesRegex(paspo.Error, r"^row 1: lp: entity a of the point to project is 1e\+.*: a magnitude up to 1e\+06 is allowed"):
                    p.project([[0, 0], [size, 0]])
        for file in ("", " \n", None, []):
            with self.assertRaisesRegex(ValueError, "^the constraints are .*: a path, the text of a file or a dictionary is allowed$"):
                paspo.Polytope.from_yaml(file)
        with self.assertRaisesRegex(paspo.Error, "nothing.yaml"):
            paspo.Polytope.from_yaml("nothing.yaml")
        p = paspo.Polytope.from_yaml({"entities": ["a", "b"]})
        p._process.popen.kill()
        p._process.popen.wait()
        with self.assertRaises(paspo.Error):
            p.sample(1)  # of a process that has been killed

    def example(self, needs, name, *arguments):
        """What an example prints, where the modules that it needs are there."""
        for module in needs:
            if importlib.util.find_spec(module) is None:
                self.skipTest(f"SKIPPED: no {module}")
        root = Path(__file__).parents[1]
        code = [sys.executable, str(root / "examples" / name), *arguments]
        done = subprocess.run(code, cwd=self.dir, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_pendulum(self):
        """The example runs, and learns where there is time for it: seeds 1 to 5 came to -148 to -161."""
        steps, least = ("300000", -200) if os.environ.get("PASPO_TEST_LONG") else ("2048", -2000)
        out = self.example(["gymnasium"], "pendulum.py", steps, str(self.dir / "x"))
        returns = re.search(r"trained policy +(-[\d.]+)\n(?s:.*)return of one episode: -", out)
        self.assertGreater(float(returns[1]), least)

    def test_power(self):
        out = self.example(["gymnasium", "mujoco", "imageio"], "power.py", "HalfCheetah-v5", "2048", str(self.dir / "x"))
        self.assertIn("violations of the comparison: 0", out)
        most, allowed = map(float, re.search(r"largest sum .* actions: ([\d.]+), allowed ([\d.]+)", out).groups())
        self.assertEqual(allowed, 2)
        self.assertTrue(0 < most <= 2 * (1 + ROUNDED))

    def test_portfolio(self):
        out = self.example(["rlportfolio", "pandas"], "portfolio.py", "1024", str(self.dir / "x"))
        years = re.findall(r"^year \d+: value ([\d.]+) of 1, the mean allocation's ([\d.]+)$", out, re.M)
        self.assertEqual([float(mean) for _, mean in years], [0.824, 0.777, 1.133])
        residuals = re.search(r"^largest residual (\S+), of training (\S+); violations 0$", out, re.M).groups()
        self.assertLessEqual(max(map(float, residuals)), ROUNDED)

    def test_refusals(self):
        for make, k, want in (
            (tiny.Target, {"config": {"ppo.gama": 1}}, "did you mean ppo.gamma"),
            (tiny.NoBox, {}, "the action space is a NoneType: a Box is allowed"),
            (lambda: 1, {}, "made a int without reset"), ("tiny:instance", {}, "tiny:instance is <tiny.Target object at .*: a function that makes an environment is allowed"),
            (tiny.LimitsNone, {}, r"limits\(\) of LimitsNone returned None: a dictionary with b, lower, total, upper or some of them is allowed"),
            (tiny.EmptyDict, {}, "the observation space has a Tuple of nothing as obs: one space at least is needed"),
            (tiny.Target, {"constraints": {"bounds": {"a0": [0, 2]}}}, "reaches beyond"),
            (tiny.Target, {"constraints": {"constraints": ["a0 + z <= 1"]}}, "^constraints:1: "),
            ("tiny.Target", {}, "python:MODULE:FUNCTION is allowed"),
            (tiny.Target, {"preset": "best"}, "one of auto, tuned, control, paper is allowed"),
        ):
            with self.assertRaisesRegex(paspo.Error, want):
                train(make, self.dir / "x", **k)
        with self.assertRaisesRegex(TypeError, "^make is <tiny.Target object at .*>: a function that returns an environment is allowed"):
            train(tiny.Target(), self.dir / "x")
        with self.assertRaisesRegex(ValueError, "cannot be imported"):
            train(lambda: 1, self.dir / "x", start="spawn")
        with self.assertRaisesRegex(paspo.Error, "no such"):
            paspo.load(self.dir / "nothing").act([1])
        with self.assertRaises(TypeError):
            paspo.train()
        with self.assertRaisesRegex(TypeError, "^1j is a complex: numbers, text, lists"):
            train(tiny.Target, self.dir / "x", config={"ppo.gamma": 1j})

    def test_arguments(self):
        """What is wrong with an argument is said in its own words, and what is given twice is not chosen from."""
        for k, want in (
            ({"config": "settings.yaml"}, "^config is 'settings.yaml': a dictionary of settings is allowed"),
            ({"constraints": ["a0 <= 1"]}, r"^constraints is \['a0 <= 1'\]: the path of a file or a dictionary is allowed$"),
            ({"config": {"ppo.envs": 4}, "envs": 2}, "^config has ppo.envs 4, and envs is 2: one of them is allowed$"),
            ({"config": {"env.name": "portfolio"}}, "^config has env.name 'portfolio', and make is 'tiny:Target': one of them is allowed$"),
            ({"config": {"env.python.start": "spawn"}, "start": "fork"}, "^config has env.python.start 'spawn', and start is 'fork': one of them is allowed$"),
        ):
            with self.assertRaisesRegex((TypeError, ValueError), want):
                train("tiny:Target", self.dir / "run", **k)
        (self.dir / "kept").mkdir()
        (self.dir / "kept/notes").touch()
        with self.assertRaisesRegex(paspo.Error, "is not empty: name another one with out$"):
            train("tiny:Target", self.dir / "kept")
        run = train("tiny:Target", self.dir / "run", config={**SMALL, "env.python.start": "fork"}, envs=2, steps=32, constraints=LIMITS)
        self.assertIn("start: fork", (run.path / "config.yaml").read_text())
        with self.assertRaisesRegex(paspo.Error, "exists already: name another folder with out, or go on with it by resume "):
            train("tiny:Target", run.path)
        with paspo.load(run) as policy:
            for limits, want in (({"upper": ["1", "1"]}, r"\['1', '1'\]"), ({"total": [None]}, r"\[None\]"), ({"upper": [1j, 1]}, r"\[1j, 1\]")):
                with self.assertRaisesRegex(ValueError, rf"^limits\['{[*limits][0]}'\] is {want}: numbers are allowed$"):
                    policy.act(np.zeros(3), limits=limits)
            for free, stated in (({"upper": [None, 0.25]}, {"upper": [np.inf, 0.25]}), ({"lower": [[None, 0], [0, None]]}, {"lower": [[-np.inf, 0], [0, -np.inf]]})):
                np.testing.assert_array_equal(policy.act(np.zeros((2, 3)), limits=free), policy.act(np.zeros((2, 3)), limits=stated))
            self.assertEqual(repr(policy), f"Policy({str(run.path)!r}, checkpoint='latest'): 2 entities, 3 numbers observed")
            with policy.polytope() as p:
                self.assertRegex(repr(p), "^Polytope .*: 2 entities, 4 inequalities, 0 equalities$")
        for checkpoint in (20, "bets"):
            with self.assertRaisesRegex(ValueError, f"^checkpoint is {checkpoint!r}: 'latest', 'best', 'initial' are allowed$"):
                paspo.load(run, checkpoint=checkpoint)
        with paspo.load(run) as policy:
            with self.assertRaisesRegex(ValueError, r"^obs is a list, no array of numbers: \(3,\) is allowed"):
                policy.act(["a", "b", "c"])

    def test_warnings(self):
        """What a run warns of at its end is a warning of Python at the line that trained."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            run = train("tiny:Target", self.dir / "run", config={**SMALL, "ppo.lr": 1e-12})
        texts = [str(w.message) for w in said if w.category is UserWarning]
        self.assertEqual(texts, run.summary["warnings"])
        self.assertTrue(texts)
        self.assertTrue(all(w.filename == __file__ for w in said))

    def test_resume_with_make(self):
        """A run goes on with the environment that it was begun with, and with no other."""
        for name, begun in (("module", tiny.Target), ("closure", lambda: tiny.Target())):
            train(begun, self.dir / name, config={**SMALL, "ppo.gamma": np.float32(0.5)}, constraints={"bounds": {"a0": [np.float64(-1), np.array(0.5)]}})
            run = paspo.train(tiny.Target, resume=self.dir / name, steps=1024, device="cpu", quiet=True)
            self.assertEqual(run.summary["steps"], 1024)
        with self.assertRaisesRegex(ValueError, "^make is tiny:Mixed, the run .*module was trained on tiny:Target: that, or none, is allowed$"):
            paspo.train(tiny.Mixed, resume=self.dir / "module", steps=1536, device="cpu", quiet=True)

    def test_exception(self):
        """An exception shows its own lines, and the run goes on from what it had."""
        failing = True

        def make():
            return tiny.Raises() if failing else tiny.Target()

        with self.assertRaisesRegex(paspo.Error, "ValueError: no such price.*the run has a checkpoint") as caught:
            train(make, self.dir / "x", envs=4)
        self.assertIn("tiny.py", caught.exception.traceback)
        self.assertTrue(caught.exception.traceback.endswith("ValueError: no such price\n"))
        self.assertIn(caught.exception.traceback.rstrip(), "".join(traceback.format_exception(caught.exception)))
        self.assertIn(f'go on with: paspo.train(.., resume="{self.dir / "x"}")', str(caught.exception))
        failing = False
        run = paspo.train(make, resume=self.dir / "x", device="cpu", quiet=True)
        self.assertEqual(run.summary["steps"], 512)

    def test_from_run(self):
        """A run begins with what another one has learned under other limits."""
        first = train(tiny.Target, self.dir / "x", constraints=LIMITS)
        self.assertNotIn("from", first.summary)
        wider = {"constraints": [{"name": "power", "abs": {"a0": 1, "a1": 1}, "max": 0.75}]}
        second = train(tiny.Target, self.dir / "y", constraints=wider, from_run=first)
        begun = second.summary["from"]
        self.assertEqual((Path(begun["checkpoint"]).parent.parent, begun["steps"]), (first.path, 512))
        self.assertRegex(begun["differences"][0], "0.5, that of this run .* 0.75")
        with self.assertRaisesRegex(paspo.Error, r"its policy.latent is 32, that of this run 8"):
            train(tiny.Target, self.dir / "z", from_run=first, config={**SMALL, "policy.latent": 8})

    def test_interrupt(self):
        """Ctrl-C saves what was learned, and ends every process."""
        threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with self.assertRaisesRegex(KeyboardInterrupt, "interrupted at step .*go on with"):
            train(lambda: tiny.Target(), self.dir / "x", steps=10**9)
        last = (self.dir / "x" / "metrics.jsonl").read_text().splitlines()[-1]
        self.assertGreater(json.loads(last)["step"], 0)
        with self.assertRaises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def test_terminate(self):
        """TERM to this process alone saves what was learned, as Ctrl-C does, and ends it so."""
        for start, make in (("fork", "lambda: tiny.Target()"), ("spawn", "tiny.Target")):
            out = self.dir / start
            config = {**SMALL, "ppo.checkpoint_every": 10**6}
            code = f"import sys; sys.path[:0] = {sys.path[:2]}; import paspo, tiny; paspo.train({make}, steps=10**9, out={str(out)!r}, device='cpu', quiet=True, config={config})"
            parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
            while not (out / "metrics.jsonl").exists() or not (out / "metrics.jsonl").read_text():
                self.assertIsNone(parent.poll())
                time.sleep(0.05)
            parent.terminate()
            said = parent.communicate()[1]
            self.assertEqual(parent.returncode, 143)
            last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["step"]
            self.assertRegex(said, rf"interrupted.* step {last}[;,] go on with: paspo.train\(.., resume=")
            self.assertTrue(any((out / "checkpoints").iterdir()))

    def test_killed_program(self):
        """Where the program is killed the error says how its run goes on, and it does."""
        out = self.dir / "x"

        def kill():
            until = time.time() + 60
            while time.time() < until and not any((out / "checkpoints").glob("iteration-*.safetensors")):
                time.sleep(0.02)
            for pid in processes(str(out)):
                if Path(f"/proc/{pid}/exe").resolve() == Path(paspo.binary()).resolve():
                    os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with self.assertRaises(paspo.Error) as caught:
            train(tiny.Target, out, steps=10**9, config={**SMALL, "ppo.checkpoint_every": 1, "ppo.checkpoint_seconds": 0})
        killer.join()
        self.assertEqual(str(caught.exception), f'the program was ended by SIGKILL; the run has a checkpoint, go on with: paspo.train(.., resume="{out}")')
        last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["step"]
        run = paspo.train(tiny.Target, resume=out, steps=last + 512, device="cpu", quiet=True)
        self.assertGreaterEqual(run.summary["steps"], last + 512)

    def test_kill(self):
        """Nothing is left where this process is killed, and the run can be resumed."""
        for start, make in (("fork", "lambda: tiny.Target()"), ("spawn", "tiny.Target")):
            out = self.dir / start
            code = f"import sys; sys.path[:0] = {sys.path[:2]}; import paspo, tiny; paspo.train({make}, steps=10**9, out={str(out)!r}, device='cpu', quiet=True, config={SMALL})"
            parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
            while not (out / "metrics.jsonl").exists() or not (out / "metrics.jsonl").read_text():
                self.assertIsNone(parent.poll())
                time.sleep(0.05)
            group = processes(str(out)) | descendants(parent.pid)
            self.assertGreater(len(group), 2)
            parent.kill()
            parent.wait()
            until = time.time() + 10
            while any(map(alive, group)) and time.time() < until:
                time.sleep(0.05)
            self.assertEqual([p for p in group if alive(p)], [])
            self.assertEqual([f for f in os.listdir("/dev/shm") if "paspo" in f], [])


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(word):
    found = set()
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word in Path(f"/proc/{p}/cmdline").read_text():
                found.add(int(p))
        except OSError:
            pass
    return found


def descendants(pid):
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[1]), []).append(int(p))
        except OSError:
            pass
    found, todo = set(), [pid]
    while todo:
        more = children.get(todo.pop(), [])
        found.update(more)
        todo += more
    return found


if __name__ == "__main__":
    unittest.main()
