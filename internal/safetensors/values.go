package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Float32 returns a tensor of type F32. It panics if shape does not fit v; so do
// the other constructors.
func Float32(name string, v []float32, shape ...int) Tensor {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return build(name, F32, b, shape)
}

// Float64 returns a tensor of type F64.
func Float64(name string, v []float64, shape ...int) Tensor {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return build(name, F64, b, shape)
}

// Bytes returns a tensor of type U8 and one axis.
func Bytes(name string, v []byte) Tensor { return build(name, U8, v, []int{len(v)}) }

const badShape = "safetensors: shape does not fit the data"

func build(name string, d DType, b []byte, shape []int) Tensor {
	if n, ok := byteSize(d, shape); !ok || n != len(b) {
		panic(badShape)
	}
	return Tensor{name, d, shape, b}
}

func (t Tensor) expect(d DType) error {
	if t.DType != d {
		return fmt.Errorf("safetensors: %q has type %s, not %s", t.Name, t.DType, d)
	}
	return nil
}

// Float32 returns the elements of a tensor of type F32.
func (t Tensor) Float32() ([]float32, error) {
	v := make([]float32, len(t.Data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return v, t.expect(F32)
}

// Float64 returns the elements of a tensor of type F64.
func (t Tensor) Float64() ([]float64, error) {
	v := make([]float64, len(t.Data)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return v, t.expect(F64)
}
