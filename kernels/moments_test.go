//go:build gpu

package kernels_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"gonum.org/v1/gonum/stat"

	"paspo/kernels"
)

// seen are the statistics of an agent's observations.
type seen struct {
	count    float64
	mean, m2 []float64
}

// learn is what the kernel computes, in its order.
func (s *seen) learn(x []float64) {
	o := len(s.mean)
	rows := len(x) / o
	merge := func(na, ma, qa, nb, mb, qb float64) (n, m, q float64) {
		n = na + nb
		d, share := mb-ma, nb/n
		return n, math.FMA(d, share, ma), math.FMA(d*d, na*share, qa+qb)
	}
	after := s.count
	for c := range o {
		var n, mean, m2 float64
		for at := 0; at < rows; at += kernels.MomentsRows {
			part := x[at*o : min(at+kernels.MomentsRows, rows)*o]
			k := len(part) / o
			var sum, square [8]float64
			for r := range k {
				d := part[r*o+c] - part[c]
				sum[r%8] += d
				square[r%8] = math.FMA(d, d, square[r%8])
			}
			for w := 1; w < 8; w++ {
				sum[0] += sum[w]
				square[0] += square[w]
			}
			m := sum[0] / float64(k)
			mb, qb := part[c]+m, math.FMA(-sum[0], m, square[0])
			if at == 0 {
				n, mean, m2 = float64(k), mb, qb
			} else {
				n, mean, m2 = merge(n, mean, m2, float64(k), mb, qb)
			}
		}
		after, s.mean[c], s.m2[c] = merge(s.count, s.mean[c], s.m2[c], n, mean, m2)
	}
	s.count = after
}

// observer lays out agents' statistics and the rows of launches.
type observer struct {
	*arena
	o                          int
	obs, parts, mean, m2, norm region
}

func newObserver(t *testing.T, d *device, agents, rows, parts, o int) *observer {
	b := &observer{arena: newArena(t, d, agents), o: o}
	b.norm = b.region(int(kernels.NormalizerBytes(o)))
	b.obs, b.parts = b.region(8*rows*o), b.region(int(unsafe.Sizeof(kernels.MomentsPart{}))*parts)
	b.mean, b.m2 = b.region(8*parts*o), b.region(8*parts*o)
	b.place()
	for k := range agents {
		clear(b.raw(k, b.norm))
	}
	return b
}

// learn takes rows of each agent, one behind the other, into its statistics.
func (b *observer) learn(x [][]float64) {
	obs, parts := view[float64](b.arena, 0, b.obs)[:0], view[kernels.MomentsPart](b.arena, 0, b.parts)[:0]
	several := false
	for k, rows := range x {
		first, n := len(obs)/b.o, len(rows)/b.o
		obs = append(obs, rows...)
		count, before := (n+kernels.MomentsRows-1)/kernels.MomentsRows, b.seen(k).count
		several = several || count > 1
		for i := range count {
			at := i * kernels.MomentsRows
			parts = append(parts, kernels.MomentsPart{
				Agent: int64(k), First: int64(first + at), Rows: int64(min(kernels.MomentsRows, n-at)),
				Index: int64(i), Count: int64(count), Before: before,
			})
		}
	}
	a := kernels.MomentsArgs{
		Obs: b.at(b.obs), Parts: b.at(b.parts), Mean: b.at(b.mean), Squares: b.at(b.m2), Normalizer: b.at(b.norm),
		ObsDim: int64(b.o), PartCount: int64(len(parts)), Stride: int64(b.stride),
	}
	if !several {
		b.run([]region{b.norm}, &a)
		return
	}
	merge := kernels.MergeMomentsArgs(a)
	b.run([]region{b.norm, b.mean, b.m2}, &a, &merge)
}

func (b *observer) seen(agent int) seen {
	h := view[kernels.Normalizer](b.arena, agent, b.norm)[0]
	x := view[float64](b.arena, agent, b.norm)[unsafe.Sizeof(h)/8:]
	return seen{h.Count, x[:b.o], x[b.o:]}
}

// Statistics are those of the same sums in the same order on the host, bit for
// bit, whatever the other agents of a launch do, and launch by launch.
func TestMomentsInOrder(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		o        int
		launches [][]int // rows of every agent
	}{
		{1, [][]int{{1}}},
		{3, [][]int{{1, 7, 64}, {8, 0, 1}, {5, 9, 1024}}},
		{27, [][]int{{8, 8, 8, 8}, {8, 0, 2049, 1}, {1025, 8, 8, 3000}}},
		{70, [][]int{{1, 1100}, {2100, 33}}},
		{300, [][]int{{9, 1025}, {1030, 2}}},
		{2, [][]int{{65_536}, {65_535}}},
	} {
		agents, most, parts := len(c.launches[0]), 0, 0
		for _, rows := range c.launches {
			sum, n := 0, 0
			for _, k := range rows {
				sum, n = sum+k, n+(k+kernels.MomentsRows-1)/kernels.MomentsRows
			}
			most, parts = max(most, sum), max(parts, n)
		}
		b := newObserver(t, d, agents, most, parts, c.o)
		want := make([]seen, agents)
		for k := range want {
			want[k] = seen{mean: make([]float64, c.o), m2: make([]float64, c.o)}
		}
		for i, rows := range c.launches {
			x := make([][]float64, agents)
			for k, n := range rows {
				x[k] = make([]float64, n*c.o)
				for j := range x[k] {
					x[k][j] = float64(k) + float64(j%c.o)*r.NormFloat64()
				}
				if n > 0 {
					want[k].learn(x[k])
				}
			}
			b.learn(x)
			for k, w := range want {
				if got := b.seen(k); got.count != w.count || !slices.Equal(got.mean, w.mean) || !slices.Equal(got.m2, w.m2) {
					t.Fatalf("%d components, launch %d, agent %d: %+v, want %+v", c.o, i, k, got, w)
				}
			}
		}
	}
}

// Mean and variance are those of two passes over all rows, far from 0 too.
func TestMoments(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(1, 2))
	const o = 5
	offset := [o]float64{0, 1e9, -1e9, 3, 1e6}
	deviation := [o]float64{1, 1, 1e-3, 0, 1e-4}
	for _, launches := range [][]int{{1}, {1, 1, 1}, {8, 8, 8, 8, 8}, {64, 3, 1500}, {65_536}, {65_536, 100}} {
		b := newObserver(t, d, 1, slices.Max(launches), 64, o)
		var all [o][]float64
		for _, rows := range launches {
			x := make([]float64, rows*o)
			for i := range x {
				j := i % o
				x[i] = offset[j] + deviation[j]*r.NormFloat64()
				all[j] = append(all[j], x[i]-offset[j]) // without rounding
			}
			b.learn([][]float64{x})
		}
		got := b.seen(0)
		if got.count != float64(len(all[0])) {
			t.Errorf("%v rows: count %v", launches, got.count)
		}
		for j, x := range all {
			mean, variance := stat.PopMeanVariance(x, nil)
			mean += offset[j]
			// Means are merged as they are rounded: their last digit stands against the
			// deviation.
			digit := 0x1p-52 * math.Abs(offset[j])
			v, may := got.m2[j]/got.count, (1e-13+2*digit/deviation[j])*variance
			if deviation[j] == 0 {
				may = 0
			}
			if !(math.Abs(got.mean[j]-mean) <= 2*digit+1e-15*deviation[j]) || !(math.Abs(v-variance) <= may) {
				t.Errorf("%v rows, component %d: mean off by %.2g, variance by %.2g of %.2g", launches, j, got.mean[j]-mean, v-variance, variance)
			}
			if j == 3 && (got.mean[j] != 3 || got.m2[j] != 0) {
				t.Errorf("%v rows: a constant has the mean %v and the sum of squares %v", launches, got.mean[j], got.m2[j])
			}
		}
	}
}
