// Package onnx writes neural networks in the ONNX format (https://onnx.ai, version 8 of
// the intermediate representation, operator set 18). It knows the few messages that
// graphs of tensors take, not the operators.
package onnx
