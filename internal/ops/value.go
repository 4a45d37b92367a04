package ops

import (
	"fmt"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/blas"
)

// Dtype returns Gorgonia's name of T.
func Dtype[T blas.Float]() tensor.Dtype {
	var zero T
	if unsafe.Sizeof(zero) == 4 {
		return tensor.Float32
	}
	return tensor.Float64
}

// Elements returns the memory of a value.
func Elements[T blas.Float](v G.Value) ([]T, error) {
	switch v := v.(type) {
	case *G.F32:
		if s, ok := any(unsafe.Slice((*float32)(v), 1)).([]T); ok {
			return s, nil
		}
	case *G.F64:
		if s, ok := any(unsafe.Slice((*float64)(v), 1)).([]T); ok {
			return s, nil
		}
	case *tensor.Dense:
		// A view that skips elements has no slice of its own.
		if s, ok := v.Data().([]T); ok && len(s) == v.Shape().TotalSize() && v.IsNativelyAccessible() {
			return s, nil
		}
	}
	return nil, fmt.Errorf("a %T of %v is not an array of %v", v, dtypeOf(v), Dtype[T]())
}

func dtypeOf(v G.Value) any {
	if v == nil {
		return nil
	}
	return v.Dtype()
}

func newValue[T blas.Float](s tensor.Shape) G.Value {
	if !s.IsScalar() {
		return tensor.New(tensor.WithShape(s...), tensor.Of(Dtype[T]()))
	}
	if Dtype[T]() == tensor.Float32 {
		return G.NewF32(0)
	}
	return G.NewF64(0)
}

// Tensor makes a value over data, which is not copied.
func Tensor[T blas.Float](data []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}
