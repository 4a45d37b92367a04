//go:build gpu

package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/kernels"
)

type layerShape struct{ rows, heads, n, k int }

// Odd sizes around those of tiles, and sizes of real networks.
var layerShapes = []layerShape{
	{1, 1, 1, 1}, {1, 3, 5, 33}, {65, 1, 33, 5}, {65, 3, 2, 32}, {64, 1, 32, 32}, {7, 1, 100, 33},
	{130, 3, 32, 44}, {300, 1, 5, 100}, {700, 2, 33, 33},
}

func fill(r *rand.Rand, x []float32) {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
}

// linear is a sum of products in float64, with the size of its terms.
type linear struct{ sum, size float64 }

func (l *linear) add(x, y float32) {
	p := float64(x) * float64(y)
	l.sum += p
	l.size += math.Abs(p)
}

// within bounds the error of a float32 sum of so many products in any order.
func (l *linear) within(terms int) float64 { return float64(terms+4) * single * l.size }

// each runs a test for several numbers of agents and layers.
func each(t *testing.T, f func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape)) {
	d := open(t)
	for i, s := range layerShapes {
		for _, agents := range []int{1, 3} {
			t.Run(title("%d agents %+v", agents, s), func(t *testing.T) {
				f(t, d, rand.New(rand.NewPCG(uint64(i), uint64(agents))), agents, s)
			})
		}
	}
}

func relu(x float64, on bool) float64 {
	if on {
		return max(x, 0)
	}
	return x
}

func TestDense(t *testing.T) {
	each(t, func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape) {
		a := newArena(t, d, agents)
		x, w, b, y := a.floats(s.rows*s.heads*s.k), a.floats(s.heads*s.n*s.k), a.floats(s.heads*s.n), a.floats(s.rows*s.heads*s.n)
		a.place()
		for i := range agents {
			fill(r, a.f32(i, x))
			fill(r, a.f32(i, w))
			fill(r, a.f32(i, b))
		}
		on := r.IntN(2) == 1
		args := &kernels.DenseArgs{
			X: a.at(x), W: a.at(w), B: a.at(b), Y: a.at(y),
			Rows: int64(s.rows), Heads: int64(s.heads), N: int64(s.n), K: int64(s.k), Stride: int64(a.stride),
		}
		if on {
			args.ReLU = 1
		}
		a.run([]region{y}, args)
		for i := range agents {
			want, may := make([]float64, s.rows*s.heads*s.n), make([]float64, s.rows*s.heads*s.n)
			for row := range s.rows {
				for h := range s.heads {
					for o := range s.n {
						var l linear
						l.add(a.f32(i, b)[h*s.n+o], 1)
						for k := range s.k {
							l.add(a.f32(i, x)[(row*s.heads+h)*s.k+k], a.f32(i, w)[(h*s.n+o)*s.k+k])
						}
						at := (row*s.heads+h)*s.n + o
						want[at], may[at] = relu(l.sum, on), l.within(s.k)
					}
				}
			}
			near(t, "y", a.f32(i, y), want, may)
		}
	})
}

func TestMasked(t *testing.T) {
	each(t, func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape) {
		a := newArena(t, d, agents)
		l, p := s.k, s.heads+1
		all := l + s.heads - 1
		latent, prefix := a.floats(s.rows*l), a.floats(s.rows*p)
		w, b, y := a.floats(s.heads*s.n*all), a.floats(s.heads*s.n), a.floats(s.rows*s.heads*s.n)
		a.place()
		for i := range agents {
			fill(r, a.f32(i, latent))
			fill(r, a.f32(i, b))
			// What no head sees, and weights without effect, stay poison.
			for row := range s.rows {
				fill(r, a.f32(i, prefix)[row*p:][:s.heads-1])
			}
			for j := range s.heads * s.n {
				fill(r, a.f32(i, w)[j*all:][:l+j/s.n])
			}
		}
		args := &kernels.MaskedArgs{
			Latent: a.at(latent), Prefix: a.at(prefix), W: a.at(w), B: a.at(b), Y: a.at(y),
			Rows: int64(s.rows), Heads: int64(s.heads), N: int64(s.n), L: int64(l), P: int64(p), ReLU: 1, Stride: int64(a.stride),
		}
		a.run([]region{y}, args)
		for i := range agents {
			want, may := make([]float64, s.rows*s.heads*s.n), make([]float64, s.rows*s.heads*s.n)
			for row := range s.rows {
				for j := range s.heads * s.n {
					var sum linear
					sum.add(a.f32(i, b)[j], 1)
					for k := range l + j/s.n {
						v := a.f32(i, latent)[row*l : (row+1)*l]
						if k >= l {
							v = a.f32(i, prefix)[row*p:][:s.heads-1]
							sum.add(v[k-l], a.f32(i, w)[j*all+k])
							continue
						}
						sum.add(v[k], a.f32(i, w)[j*all+k])
					}
					want[row*s.heads*s.n+j], may[row*s.heads*s.n+j] = max(sum.sum, 0), sum.within(all)
				}
			}
			near(t, "y", a.f32(i, y), want, may)
		}
	})
}

// gated returns gz as the kernels read it.
func gated(gz, gate []float32, i int) float32 {
	if gate != nil && !(gate[i] > 0) {
		return 0
	}
	return gz[i]
}

// gates fills a gate with signs, and the closed ones of gz with poison.
func gates(r *rand.Rand, gz, gate []float32) {
	fill(r, gz)
	fill(r, gate)
	for i := range gate {
		if gate[i] <= 0 {
			gz[i] = float32(math.NaN())
			if r.IntN(2) == 0 {
				gate[i] = 0
			}
		}
	}
}

func TestDenseGradX(t *testing.T) {
	each(t, func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape) {
		a := newArena(t, d, agents)
		gz, gate := a.floats(s.rows*s.heads*s.n), a.floats(s.rows*s.heads*s.n)
		w, gx := a.floats(s.heads*s.n*s.k), a.floats(s.rows*s.heads*s.k)
		a.place()
		with := r.IntN(3) > 0
		args := &kernels.DenseGradXArgs{
			GZ: a.at(gz), W: a.at(w), GX: a.at(gx),
			Rows: int64(s.rows), Heads: int64(s.heads), N: int64(s.n), K: int64(s.k), Stride: int64(a.stride),
		}
		if with {
			args.Gate = a.at(gate)
		}
		for i := range agents {
			fill(r, a.f32(i, w))
			fill(r, a.f32(i, gz))
			if with {
				gates(r, a.f32(i, gz), a.f32(i, gate))
			}
		}
		a.run([]region{gx}, args)
		for i := range agents {
			var open []float32
			if with {
				open = a.f32(i, gate)
			}
			want, may := make([]float64, s.rows*s.heads*s.k), make([]float64, s.rows*s.heads*s.k)
			for row := range s.rows {
				for h := range s.heads {
					for k := range s.k {
						var l linear
						for o := range s.n {
							l.add(gated(a.f32(i, gz), open, (row*s.heads+h)*s.n+o), a.f32(i, w)[(h*s.n+o)*s.k+k])
						}
						at := (row*s.heads+h)*s.k + k
						want[at], may[at] = l.sum, l.within(s.n)
					}
				}
			}
			near(t, "gx", a.f32(i, gx), want, may)
		}
	})
}

func TestMaskedGradLatent(t *testing.T) {
	each(t, func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape) {
		a := newArena(t, d, agents)
		l, all := s.k, s.k+s.heads-1
		gz, gate := a.floats(s.rows*s.heads*s.n), a.floats(s.rows*s.heads*s.n)
		w, gl := a.floats(s.heads*s.n*all), a.floats(s.rows*l)
		a.place()
		for i := range agents {
			for j := range s.heads * s.n {
				fill(r, a.f32(i, w)[j*all:][:l])
			}
			gates(r, a.f32(i, gz), a.f32(i, gate))
		}
		a.run([]region{gl}, &kernels.MaskedGradLatentArgs{
			GZ: a.at(gz), Gate: a.at(gate), W: a.at(w), GL: a.at(gl),
			Rows: int64(s.rows), Heads: int64(s.heads), N: int64(s.n), L: int64(l), Stride: int64(a.stride),
		})
		for i := range agents {
			want, may := make([]float64, s.rows*l), make([]float64, s.rows*l)
			for row := range s.rows {
				for k := range l {
					var sum linear
					for j := range s.heads * s.n {
						sum.add(gated(a.f32(i, gz), a.f32(i, gate), row*s.heads*s.n+j), a.f32(i, w)[j*all+k])
					}
					want[row*l+k], may[row*l+k] = sum.sum, sum.within(s.heads*s.n)
				}
			}
			near(t, "gl", a.f32(i, gl), want, may)
		}
	})
}
