package onnx

import (
	"bytes"
	"os"
	"testing"
)

// The bytes are those that the onnx package writes of the same model.
func TestMarshal(t *testing.T) {
	want, err := os.ReadFile("testdata/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	var b Builder
	b.Producer, b.ProducerVersion, b.Name, b.Doc = "paspo", "1", "tiny", "A model."
	b.Metadata = [][2]string{{"key", "value"}}
	obs := b.Input("obs", Float32, 3, "what is seen")
	x := b.Op("Gemm", Int("transB", 1), obs, b.Floats([]float32{1, 2, 3, 4, 5, -6.5}, 2, 3), b.Floats([]float32{0.25, -1}, 2))
	x = b.Op("Cast", Int("to", int64(Float64)), x)
	parts := b.Ops("Split", 2, Int("axis", 1), x, b.Ints(1, 1))
	y := b.Op("Where", nil, b.Bools([]bool{true}, 1, 1), parts[0], b.Doubles([]float64{1e-300}))
	b.Output("action", Float64, "what is done", y, 1)
	b.Floats([]float32{7}, 1) // which nothing reads
	b.Prune()
	if b.Ints(1, 1) != "constant_3" || len(b.Constants) != 5 {
		t.Errorf("a constant is there twice: %d of them", len(b.Constants))
	}
	if got := b.Marshal(); !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
