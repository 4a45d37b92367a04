//go:build gpu

package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/kernels"
)

func TestDenseGradW(t *testing.T) {
	each(t, func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape) {
		a := newArena(t, d, agents)
		copies, size := kernels.Copies(s.rows), s.heads*s.n*(s.k+1)
		x, gz, gate := a.floats(s.rows*s.heads*s.k), a.floats(s.rows*s.heads*s.n), a.floats(s.rows*s.heads*s.n)
		g, squares := a.floats(copies*size), a.region(8*kernels.NormBlocks(size))
		a.place()
		for i := range agents {
			fill(r, a.f32(i, x))
			gates(r, a.f32(i, gz), a.f32(i, gate))
		}
		args := &kernels.DenseGradWArgs{
			X: a.at(x), GZ: a.at(gz), Gate: a.at(gate), GW: a.at(g), GB: a.at(g) + 4*uint64(s.heads*s.n*s.k),
			Rows: int64(s.rows), Heads: int64(s.heads), N: int64(s.n), K: int64(s.k), Copy: int64(4 * size), Stride: int64(a.stride),
		}
		norm := &kernels.GradNormArgs{
			G: a.at(g), Squares: a.at(squares), Size: int64(size),
			Copies: int64(copies), Copy: int64(4 * size), Stride: int64(a.stride),
		}
		a.run([]region{g, squares}, args, norm)
		for i := range agents {
			want, may := make([]float64, size), make([]float64, size)
			for h := range s.heads {
				for o := range s.n {
					at := h*s.n + o
					column := func(row int) float32 { return gated(a.f32(i, gz), a.f32(i, gate), row*s.heads*s.n+at) }
					var bias linear
					for row := range s.rows {
						bias.add(column(row), 1)
					}
					b := s.heads*s.n*s.k + at
					want[b], may[b] = bias.sum, bias.within(s.rows)
					for k := range s.k {
						var l linear
						for row := range s.rows {
							l.add(column(row), a.f32(i, x)[(row*s.heads+h)*s.k+k])
						}
						want[at*s.k+k], may[at*s.k+k] = l.sum, l.within(s.rows)
					}
				}
			}
			near(t, "gradient", a.f32(i, g)[:size], want, may)
			checkSquares(t, a.f32(i, g)[:size], view[float64](a, i, squares))
		}
	})
}

// checkSquares holds sums of squares to those of the gradient that they belong
// to.
func checkSquares(t *testing.T, g []float32, got []float64) {
	t.Helper()
	want, may := make([]float64, len(got)), make([]float64, len(got))
	for j, v := range g {
		want[j/kernels.NormParams] += float64(v) * float64(v)
	}
	for j, v := range want {
		may[j] = 1e-13 * v
	}
	near(t, "squares", got, want, may)
}

func TestMaskedGradW(t *testing.T) {
	each(t, func(t *testing.T, d *device, r *rand.Rand, agents int, s layerShape) {
		a := newArena(t, d, agents)
		copies, l, p := kernels.Copies(s.rows), s.k, s.heads
		all := l + s.heads - 1
		size := s.heads * s.n * (all + 1)
		latent, prefix := a.floats(s.rows*l), a.floats(s.rows*p)
		gz, gate := a.floats(s.rows*s.heads*s.n), a.floats(s.rows*s.heads*s.n)
		g, squares := a.floats(copies*size), a.region(8*kernels.NormBlocks(size))
		a.place()
		for i := range agents {
			fill(r, a.f32(i, latent))
			for row := range s.rows {
				fill(r, a.f32(i, prefix)[row*p:][:s.heads-1])
			}
			gates(r, a.f32(i, gz), a.f32(i, gate))
		}
		a.run([]region{g, squares},
			&kernels.MaskedGradWArgs{
				Latent: a.at(latent), Prefix: a.at(prefix), GZ: a.at(gz), Gate: a.at(gate),
				GW: a.at(g), GB: a.at(g) + 4*uint64(s.heads*s.n*all),
				Rows: int64(s.rows), Heads: int64(s.heads), N: int64(s.n), L: int64(l), P: int64(p),
				Copy: int64(4 * size), Stride: int64(a.stride),
			},
			&kernels.GradNormArgs{
				G: a.at(g), Squares: a.at(squares), Size: int64(size),
				Copies: int64(copies), Copy: int64(4 * size), Stride: int64(a.stride),
			})
		for i := range agents {
			want, may := make([]float64, size), make([]float64, size)
			for j := range s.heads * s.n {
				var bias linear
				for row := range s.rows {
					bias.add(gated(a.f32(i, gz), a.f32(i, gate), row*s.heads*s.n+j), 1)
				}
				want[s.heads*s.n*all+j], may[s.heads*s.n*all+j] = bias.sum, bias.within(s.rows)
				for k := range l + j/s.n {
					var sum linear
					for row := range s.rows {
						v := a.f32(i, latent)[row*l:]
						c := k
						if k >= l {
							v, c = a.f32(i, prefix)[row*p:], k-l
						}
						sum.add(gated(a.f32(i, gz), a.f32(i, gate), row*s.heads*s.n+j), v[c])
					}
					want[j*all+k], may[j*all+k] = sum.sum, sum.within(s.rows)
				}
			}
			near(t, "gradient", a.f32(i, g)[:size], want, may)
		}
	})
}

// Adding up copies that are already there, of a size that no block divides.
func TestGradNorm(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 1023, 1025, 5000} {
		for _, copies := range []int{1, 2, 5} {
			a := newArena(t, d, 2)
			g, squares := a.floats(copies*size), a.region(8*kernels.NormBlocks(size))
			a.place()
			var want, may [2][]float64
			for i := range a.agents {
				fill(r, a.f32(i, g))
				want[i], may[i] = make([]float64, size), make([]float64, size)
				for j, v := range a.f32(i, g) {
					want[i][j%size] += float64(v)
					may[i][j%size] += float64(copies) * single * math.Abs(float64(v))
				}
			}
			a.run([]region{{g.at, 4 * size}, squares}, &kernels.GradNormArgs{
				G: a.at(g), Squares: a.at(squares), Size: int64(size),
				Copies: int64(copies), Copy: int64(4 * size), Stride: int64(a.stride),
			})
			for i := range a.agents {
				near(t, "sum", a.f32(i, g)[:size], want[i], may[i])
				checkSquares(t, a.f32(i, g)[:size], view[float64](a, i, squares))
			}
		}
	}
}
