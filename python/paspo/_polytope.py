"""Polytopes: what constraints allow, for policies of one's own."""

import json
import os
import threading
from pathlib import Path

import numpy as np

from ._binary import Error, Process, constraints_file, integer

# Of one request.
MAX_NUMBERS = 1 << 26


class Polytope:
    """The actions a with A a <= b, E a = f, lower <= a <= upper, of a constraints file.

    Batches are arrays of float64, one action a row. Threads may share it: one is
    answered after the other. A process that os.fork makes has to read the constraints itself.

    entities: names, n.
    A, b, rows: inequalities (m, n), (m), and their names.
    convex: names of further rows with convex terms, such as a sum of magnitudes of many entities. They hold
        in all answers, and have no place in A.
    E, f: equalities, the total among them.
    lower, upper: bounds, infinite for none.
    """

    def __init__(self, path):
        self._lock = threading.Lock()
        self._process = Process("constraints", "serve", os.fspath(path))
        d, _ = self._ask("describe")
        n = len(d["entities"])
        self.name, self.entities, self.rows = d["name"], d["entities"], d["rows"]
        self.convex = d["convex"]
        self.A, self.b = np.array(d["A"], float).reshape(-1, n), np.array(d["b"], float)
        self.E, self.f = np.array(d["E"], float).reshape(-1, n), np.array(d["f"], float)
        self.lower = np.array([-np.inf if x is None else x for x in d["lower"]], float)
        self.upper = np.array([np.inf if x is None else x for x in d["upper"]], float)
        self._pieces = d["pieces"]

    def __repr__(self):
        return f"Polytope {self.name!r}: {len(self.entities)} entities, {len(self.b) + len(self.convex)} inequalities, {len(self.f)} equalities"

    @classmethod
    def from_yaml(cls, file):
        """The polytope of a constraints file, or of its text, or of the same as a dictionary."""
        if not isinstance(file, (str, dict, os.PathLike)) or isinstance(file, str) and not file.strip():
            raise ValueError(f"the constraints are {file!r}: a path, the text of a file or a dictionary is allowed")
        if isinstance(file, os.PathLike) or isinstance(file, str) and "\n" not in file and ":" not in file:
            return cls(file)
        with constraints_file(file) as path:
            return cls(path)

    def intervals(self, prefix):
        """lo and hi, each (rows), of entity k where the entities before have the values of
        prefix (rows, k), 0 <= k < n. Any value between leaves an action that satisfies all."""
        prefix = np.asarray(prefix, float)
        if prefix.ndim != 2:
            raise ValueError(f"prefix has shape {prefix.shape}: (rows, k) is allowed")
        _, ends = self._ask("intervals", prefix)
        return ends[:, 0], ends[:, 1]

    def sample(self, rows, seed=1):
        """Uniform points (rows, n), the same for the same seed."""
        return self._ask("sample", np.empty((integer("rows", rows, MAX_NUMBERS), 0)), integer("seed", seed))[1]

    def project(self, actions):
        """The closest point in the polytope to each action, (n) or (rows, n). Raises Error where an
        action is a million times as large as what the polytope allows, and rounding would show."""
        return self._points("project", actions)

    def check(self, actions):
        """The largest residual of each action over all constraints, relative to what their
        terms can be: at most 0 where all hold, 1e-9 for rounding. A number for (n), else (rows)."""
        return self._points("check", actions)[..., 0]

    def pieces(self):
        """The closed form of the intervals as arrays, for evaluation in any library:

            rho = begin
            for i in range(n):
                lo = base[i] + max(lower[i] @ rho[:lower[i].shape[1]])
                hi = base[i] + min(upper[i] @ rho[:upper[i].shape[1]])
                a_i = anything from lo to hi
                rho = rho - cols[i] * (a_i - base[i])

        A dictionary of these names; lower and upper are lists of arrays (pieces, width), none
        without a piece.
        Raises Error where there is no closed form.
        """
        if self._pieces is None:
            raise Error(f"{self.name} has no closed form of its intervals: intervals() answers all the same")
        p, width = self._pieces, len(self._pieces["begin"])

        lower, upper = [], []
        for e in p["endpoints"]:
            upper.append(np.array(e["upper"], float))
            pieces = np.array(e["lower"], float).reshape(len(e["lower"]), -1 if e["lower"] else width)
            if e["floor"]:  # not below base[i], a piece that is 0
                pieces = np.vstack([np.zeros((1, pieces.shape[1])), pieces])
            lower.append(pieces)
        return {
            "begin": np.array(p["begin"], float), "cols": np.array(p["cols"], float), "base": np.array(p["base"], float), "lower": lower, "upper": upper,
        }

    def _points(self, op, actions):
        actions = np.asarray(actions, float)
        if actions.ndim not in (1, 2) or actions.shape[-1] != len(self.entities):
            raise ValueError(f"actions have shape {actions.shape}: ({len(self.entities)}) or (rows, {len(self.entities)}) is allowed")
        out = self._ask(op, np.atleast_2d(actions))[1]
        return out[0] if actions.ndim == 1 else out

    def _ask(self, op, numbers=np.empty((0, 0)), seed=1):
        if not self._process.ours:
            raise Error("the polytope belongs to the process that this one is a fork of: read its constraints again in this one")
        with self._lock:
            if self._process.popen.stdin.closed:
                raise Error("the polytope is closed, or was interrupted: read its constraints again")
            try:
                return self._answer(op, numbers, seed)
            except (KeyboardInterrupt, MemoryError):
                self._process.kill()  # what it has yet to answer belongs to nothing else
                raise

    def _answer(self, op, numbers, seed):
        rows, cols = numbers.shape
        if numbers.size > MAX_NUMBERS:
            raise ValueError(f"{numbers.size} numbers at once: at most {MAX_NUMBERS} are allowed")
        popen = self._process.popen
        try:
            popen.stdin.write((json.dumps({"op": op, "rows": rows, "cols": cols, "seed": seed}) + "\n").encode())
            popen.stdin.write(np.ascontiguousarray(numbers, "<f8").data.cast("B") if numbers.size else b"")
            popen.stdin.flush()
            line = popen.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise self._process.failed()
        answer = json.loads(line)
        if "error" in answer:
            raise Error(answer["error"])
        if op == "describe":
            return answer, None
        out = np.frombuffer(bytearray(popen.stdout.read(8 * answer["rows"] * answer["cols"])), "<f8")
        return answer, out.reshape(rows, {"intervals": 2, "check": 1}.get(op, len(self.entities)))

    def close(self):
        self._process.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if hasattr(self, "_process"):
            self.close()
