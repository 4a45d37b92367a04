"""Writes model.onnx with the onnx package (1.23), for the test to compare with."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["obs", "constant_1", "constant_2"], ["Gemm_1"], name="Gemm_1", transB=1),
        helper.make_node("Cast", ["Gemm_1"], ["Cast_1"], name="Cast_1", to=TensorProto.DOUBLE),
        helper.make_node("Split", ["Cast_1", "constant_3"], ["Split_1", "Split_2"], name="Split_1", axis=1),
        helper.make_node("Where", ["constant_4", "Split_1", "constant_5"], ["Where_1"], name="Where_1"),
        helper.make_node("Identity", ["Where_1"], ["action"], name="action"),
    ],
    "tiny",
    [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", 3], doc_string="what is seen")],
    [helper.make_tensor_value_info("action", TensorProto.DOUBLE, ["batch", 1], doc_string="what is done")],
    [
        numpy_helper.from_array(np.array([[1, 2, 3], [4, 5, -6.5]], np.float32), "constant_1"),
        numpy_helper.from_array(np.array([0.25, -1], np.float32), "constant_2"),
        numpy_helper.from_array(np.array([1, 1], np.int64), "constant_3"),
        numpy_helper.from_array(np.array([[True]]), "constant_4"),
        numpy_helper.from_array(np.array(1e-300), "constant_5"),
    ],
)
model = helper.make_model(
    graph, producer_name="paspo", producer_version="1", doc_string="A model.", ir_version=8, opset_imports=[helper.make_opsetid("", 18)]
)
helper.set_model_props(model, {"key": "value"})
checker.check_model(model, full_check=True)
Path(__file__).with_name("model.onnx").write_bytes(model.SerializeToString(deterministic=True))
