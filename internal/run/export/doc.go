// Package export writes trained policies as ONNX graphs, for use without this program.
package export
