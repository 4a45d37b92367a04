"""Runs graphs in ONNX Runtime on the states of a folder, and prints by how much they are off.

Of every graph NAME.onnx there is NAME.json with the shapes of the float64 arrays in
NAME.INPUT, NAME.action and NAME.intervals.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1


def each(f, seconds=0.1):
    """Microseconds of processor time that f takes."""
    f()
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        f()
        count += 1
    return 1e6 * (time.process_time() - begin) / count


for graph in sorted(Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(str(graph), full_check=True)
    model = onnx.load(str(graph)).graph
    assert {x.name for x in model.initializer} <= {name for n in model.node for name in n.input}, "constants that nothing reads"
    shapes = json.loads(graph.with_suffix(".json").read_text())
    arrays = {name: np.fromfile(graph.with_suffix("." + name)).reshape(shape) for name, shape in shapes.items()}
    want = {name: arrays.pop(name) for name in ("action", "intervals")}
    session = onnxruntime.InferenceSession(str(graph), options)
    assert [i.name for i in session.get_inputs()] == list(arrays), "inputs"
    got = dict(zip([o.name for o in session.get_outputs()], session.run(None, arrays)))
    first = {name: x[:1] for name, x in arrays.items()}
    # Rows of a NaN in one of the inputs, and of an infinite observation, have no answer.
    bad = {name: x[: len(arrays) + 2].copy() for name, x in arrays.items()}
    for row, x in enumerate(bad.values()):
        x[row, 1] = np.nan
    bad["obs"][len(arrays), -1] = np.inf
    residual = session.run(["residual"], bad)[0]
    rows = len(arrays["obs"])
    print(json.dumps({
        "name": graph.stem,
        "rows": rows,
        "action": float(np.abs(got["action"] - want["action"]).max()),
        "intervals": float(np.abs(got["intervals"] - want["intervals"]).max()),
        "residual": float(got["residual"].max()),
        "refused": bool(np.isposinf(residual[:-1]).all() and residual[-1] <= 1e-9),
        "batch": each(lambda: session.run(None, arrays)) / rows,
        "alone": each(lambda: session.run(None, first)),
    }))
