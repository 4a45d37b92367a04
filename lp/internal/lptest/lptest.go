package lptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
)

// Presets returns the polytopes of the paper.
func Presets(t testing.TB) []*lp.Polytope {
	t.Helper()
	var all []*lp.Polytope
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// RowsOnly describes the set of p by rows alone.
func RowsOnly(t testing.TB, p *lp.Polytope) *lp.Polytope {
	t.Helper()
	n := p.Dim()
	d := lp.Description{Entities: p.Entities(), Total: math.NaN()}
	d.Lower, d.Upper = p.Bounds()
	a, b, _ := p.Inequalities()
	for k, v := range b {
		d.Rows = append(d.Rows, lp.Row{Coef: a[k*n : (k+1)*n], Min: math.Inf(-1), Max: v})
	}
	e, f, _ := p.Equalities()
	for k, v := range f {
		d.Rows = append(d.Rows, lp.Row{Coef: e[k*n : (k+1)*n], Min: v, Max: v})
	}
	q, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// CappedPortfolio is the portfolio of the presets with no more than limit in any
// asset.
func CappedPortfolio(t testing.TB, limit float64) *lp.Polytope {
	t.Helper()
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Description()
	d.Upper = make([]float64, p.Dim())
	for j := range d.Upper {
		d.Upper[j] = limit
	}
	capped, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return capped
}

// CappedSimplex is a simplex cut by m rows with a cap of about 4/n on every entity.
func CappedSimplex(t testing.TB, n, m int) *lp.Polytope {
	return RandomSimplex(t, rand.New(rng.New(uint64(n*100+m), "capped")), n, m, 4/float64(n))
}

// CPUSeconds returns what the process has used, which tells more than the time
// where the machine has other work.
func CPUSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BothForms returns the hull of points without facets and with them.
func BothForms(t testing.TB, points [][]float64, total float64) (bare, rows *lp.Polytope) {
	t.Helper()
	d := lp.Description{Name: "hull", Entities: Names(len(points[0])), Total: total, Points: points}
	var err error
	if rows, err = lp.New(d); err != nil {
		t.Fatal(err)
	}
	d.FacetEffort = lp.NoFacets
	if bare, err = lp.New(d); err != nil {
		t.Fatal(err)
	}
	if rows.HullOnly() {
		t.Fatal("the facets were not found")
	}
	return bare, rows
}

// BareHull is a hull of 60 points in 10 dimensions, which has more facets than
// hull.Effort finds.
func BareHull(t testing.TB) *lp.Polytope {
	t.Helper()
	d := DrawnPoints(10, 60)
	d.FacetEffort = lp.NoFacets
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	if !p.HullOnly() {
		t.Fatal("not a hull without facets")
	}
	return p
}

// Names returns E1 .. En.
func Names(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	return names
}
