package lptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
)

// New returns the polytope of a description.
func New(t testing.TB, d lp.Description) *lp.Polytope {
	t.Helper()
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Preset returns a preset, of so many entities where it has no number of its own.
func Preset(t testing.TB, name string, entities int) *lp.Polytope {
	t.Helper()
	p, err := constraints.Preset(name, entities)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Presets returns the polytopes of the paper.
func Presets(t testing.TB) (all []*lp.Polytope) {
	t.Helper()
	for _, name := range []string{"portfolio", "compute", "synthetic"} {
		all = append(all, Preset(t, name, 0))
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
	return New(t, d)
}

// CappedPortfolio is the portfolio of the presets with no more than limit in any
// asset.
func CappedPortfolio(t testing.TB, limit float64) *lp.Polytope {
	t.Helper()
	d := Preset(t, "portfolio", 0).Description()
	d.Upper = slices.Repeat([]float64{limit}, len(d.Entities))
	return New(t, d)
}

// CappedSimplex is a simplex cut by m rows with a cap of about 4/n on every entity.
func CappedSimplex(t testing.TB, n, m int) *lp.Polytope {
	return RandomSimplex(t, rand.New(rng.New(uint64(n*100+m), "capped")), n, m, 4/float64(n))
}

// CPUSeconds returns the processor time that the process has used. Where the machine has
// other work it tells more than the time on the clock.
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
	rows = New(t, d)
	d.FacetEffort = lp.NoFacets
	bare = New(t, d)
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
	p := New(t, d)
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
