package lp

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestSmallRows multiplies a row by numbers from 1e-30 to 1e14, which changes nothing.
func TestSmallRows(t *testing.T) {
	for _, size := range []float64{1e-14, 1e-12, 1, 1e14, 1e-30} {
		cap := func(max float64) Description {
			return Description{Entities: testNames(3), Total: 1, Rows: []Row{{
				Name: "cap", Coef: []float64{size, size / 2, size / 2}, Min: math.Inf(-1), Max: max * size,
			}}}
		}
		p, err := New(cap(0.6)) // a_1 <= 0.2
		if err != nil {
			t.Fatal(err)
		}
		if _, hi, err := BoundingBox(p); err != nil || math.Abs(hi[0]-0.2) > 1e-12 {
			t.Errorf("size %g: the range is up to %v, %v", size, hi, err)
		}
		if k, err := RedundantRows(p); err != nil || len(k) > 0 {
			t.Errorf("size %g: redundant rows %v, %v", size, k, err)
		}
		if res := p.Residual([]float64{0.3, 0.7, 0}, nil); math.Abs(res-0.05/1.2) > 1e-12 {
			t.Errorf("size %g: residual %g of a point outside, want %g", size, res, 0.05/1.2)
		}
		var empty *EmptyError
		if _, err := New(cap(0.4)); !errors.As(err, &empty) {
			t.Errorf("size %g: %v of rows that nothing satisfies", size, err)
		}
	}
}

// TestCoefficientsFarApart has a bound of 2e10 by coefficients of ratio 1e10.
func TestCoefficientsFarApart(t *testing.T) {
	p, err := New(Description{
		Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{math.Inf(1), 2},
		Rows: []Row{{Coef: []float64{1e-5, -1e5}, Min: math.Inf(-1), Max: 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, hi, err := BoundingBox(p); err != nil || math.Abs(hi[0]-2e10) > 1e-2 || hi[1] != 2 {
		t.Errorf("upper endpoints %v, %v", hi, err)
	}
}

// A small entity has its own size, however small that is, unless rounding of the data could have made
// it: then its size is that of the largest entity.
func TestSizeOfSmallEntities(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name string
		d    Description
		want float64
	}{
		{"by a bound", Description{Total: 1, Upper: []float64{inf, inf, 1e-13}}, 1e-13},
		{"by a row", Description{Total: 1, Rows: []Row{{Coef: []float64{-0x1p-40, 0, 1}, Min: -inf}}}, 0x1p-40 / (1 + 0x1p-40)},
		{"by a row, far above its bound", Description{
			Total: 1, Lower: []float64{0, 0, -1},
			Rows: []Row{{Coef: []float64{0, 0, 1}, Min: -1e-12, Max: 1e-12}},
		}, 1e-12},
		{"by two decimals that do not add up", Description{Total: 0.30000000000000004, Lower: []float64{0.1, 0.2, 0}}, 0.2},
		{"by two decimals of 12 digits, and a row", Description{
			Total: 0.300000000003, Lower: []float64{0.1, 0.2, 0}, Rows: []Row{{Coef: []float64{0, -1, 7}, Min: -inf}},
		}, 0.2},
	} {
		c.d.Entities = testNames(3)
		p, err := New(c.d)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if s := p.Sizes()[2]; math.Abs(s-c.want) > 1e-6*c.want {
			t.Errorf("%s: size %v, want %v", c.name, s, c.want)
		}
		if said, negligible := strings.Join(p.Warnings(), "\n"), c.d.Total == 0.300000000003; strings.Contains(said, "the largest amount of "+c.d.Entities[2]+", ") != negligible {
			t.Errorf("%s: warnings %q", c.name, said)
		}
	}
}

// Entities that rows alone bound have the sizes that these leave, whatever the coefficients.
func TestSizesWithoutBounds(t *testing.T) {
	inf := math.Inf(1)
	for _, weights := range [][]float64{{1, 1, 1}, {0.1, 10, 1}, {1e-6, 1e6, 1}} {
		d := Description{Entities: testNames(3), Total: math.NaN(), Lower: []float64{-inf, -inf, -inf}}
		for signs := range 8 { // the sum of the magnitudes times the weights is at most 3
			coef := slices.Clone(weights)
			for j := range coef {
				if signs>>j&1 == 1 {
					coef[j] *= -1
				}
			}
			d.Rows = append(d.Rows, Row{Coef: coef, Min: -inf, Max: 3})
		}
		p, err := New(d)
		if err != nil {
			t.Errorf("weights %v: %v", weights, err)
			continue
		}
		lo, hi, err := BoundingBox(p)
		if err != nil {
			t.Fatal(err)
		}
		for j, w := range weights {
			if s, want := p.Sizes()[j], 3/w; math.Abs(s-want) > 1e-9*want || math.Abs(lo[j]+want) > 1e-9*want || math.Abs(hi[j]-want) > 1e-9*want {
				t.Errorf("weights %v: entity %d of size %g is in [%g, %g], want %g", weights, j, s, lo[j], hi[j], want)
			}
		}
		if len(p.Warnings()) > 0 {
			t.Errorf("weights %v: warnings %q", weights, p.Warnings())
		}
	}
}
