package ops

import (
	"fmt"
	"math"
	"testing"
)

func TestDenseGradient(t *testing.T) {
	for _, heads := range []int{0, 1, 3} {
		for _, relu := range []bool{false, true} {
			t.Run(fmt.Sprint(heads, relu), func(t *testing.T) {
				b := newBench(t, 1)
				const m, n, k = 5, 4, 3
				h := max(heads, 1)
				w, bias := []int{n, k}, []int{n}
				if heads > 0 {
					w, bias = []int{h, n, k}, []int{h, n}
				}
				x := b.input("x", b.normal, m, h*k)
				y, err := NewDense[float64](heads, relu, x, b.input("w", b.normal, w...), b.input("b", b.normal, bias...))
				b.check(b.scalar(y, err), 1e-6, "x", "w", "b")
			})
		}
	}
}

func TestMaskedGradient(t *testing.T) {
	for _, heads := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(heads), func(t *testing.T) {
			b := newBench(t, 2)
			const m, n, l = 6, 3, 4
			y, err := NewMasked[float64](heads, true, b.input("latent", b.normal, m, l), b.input("prefix", b.normal, m, heads+1),
				b.input("w", b.normal, heads, n, l+heads-1), b.input("b", b.normal, heads, n))
			b.check(b.scalar(y, err), 1e-6, "latent", "w", "b")
		})
	}
}

// Head i of the masked layer is a plain layer on latent and a_<i.
func TestMaskedSeesItsPrefixAlone(t *testing.T) {
	b := newBench(t, 3)
	const m, n, l, h = 5, 3, 4, 4
	latent, prefix := b.input("latent", b.normal, m, l), b.input("prefix", b.normal, m, h)
	w, bias := b.input("w", b.normal, h, n, l+h-1), b.input("b", b.normal, h, n)
	y, err := NewMasked[float64](h, false, latent, prefix, w, bias)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := NewMachine(b.g, y)
	if err != nil {
		t.Fatal(err)
	}
	machine.RunAll()
	got, _ := Elements[float64](y.Value())
	wd, bd := b.inputs["w"].data, b.inputs["b"].data
	for r := range m {
		for i := range h {
			for j := range n {
				want := bd[i*n+j]
				row := wd[(i*n+j)*(l+h-1):]
				for k := range l {
					want += row[k] * b.inputs["latent"].data[r*l+k]
				}
				for k := range i {
					want += row[l+k] * b.inputs["prefix"].data[r*h+k]
				}
				if g := got[r*h*n+i*n+j]; math.Abs(g-want) > 1e-12 {
					t.Fatalf("row %d, head %d, output %d: %g, want %g", r, i, j, g, want)
				}
			}
		}
	}
}
