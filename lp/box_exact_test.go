package lp_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/exact"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/optima"
	"paspo/lp/internal/vec"
)

// first returns the description with an entity in front of the others.
func first(d lp.Description, j int) lp.Description {
	move := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		out := append([]float64{v[j]}, v[:j]...)
		return append(out, v[j+1:]...)
	}
	d.Lower, d.Upper = move(d.Lower), move(d.Upper)
	rows := d.Rows
	d.Rows = nil
	for _, r := range rows {
		r.Coef = move(r.Coef)
		d.Rows = append(d.Rows, r)
	}
	return d
}

// The range of every entity lies between the exact ranges on limits that are tightened a little and
// relaxed a little.
func TestBoundingBoxExact(t *testing.T) {
	const share = 1e-11
	r := rand.New(rng.New(1, "box"))
	ranges, proved := 0, 0
	for range 60 {
		d := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil {
			continue
		}
		lo, hi, err := lp.BoundingBox(p)
		if err != nil {
			t.Fatal(err)
		}
		sweep := optima.New(p.Form())
		for j := range lo {
			q, err := lp.New(first(d, j))
			if err != nil {
				t.Fatal(err)
			}
			ranges++
			l, h, ok := lptest.ExactInterval(q, nil, nil, share)
			if !ok || lo[j] < l || hi[j] > h {
				t.Fatalf("entity %d: [%v, %v] leaves [%v, %v] %v\n%+v", j, lo[j], hi[j], l, h, ok, d)
			}
			l, h, ok = lptest.ExactInterval(q, nil, nil, -share)
			if ok && (lo[j] > l || hi[j] < h) {
				t.Fatalf("entity %d: [%v, %v] is less than [%v, %v]\n%+v", j, lo[j], hi[j], l, h, d)
			}
			if sweep != nil {
				if _, _, ok := sweep.Endpoint(j, 1); ok {
					proved++
				}
			}
		}
	}
	if ranges < 50 || proved < ranges*9/10 {
		t.Errorf("%d ranges, %d of them by the sweep", ranges, proved)
	}
}

// So many entities that their ranges are found in several goroutines. The ranges are known: with a
// total of 1 and caps that add up to more, an entity is at most its cap, and at least 1 less the
// caps of the others.
func TestBoundingBoxOfMany(t *testing.T) {
	const n = 200
	r := rand.New(rng.New(2, "box"))
	d := lp.Description{Entities: lptest.Names(n), Total: 1, Upper: make([]float64, n), Rows: []lp.Row{{Name: "half", Coef: make([]float64, n), Min: math.Inf(-1), Max: 0.5}}}
	for j := range n {
		d.Upper[j] = (0.5 + r.Float64()) / n * 1.2
		if j < n/2 {
			d.Rows[0].Coef[j] = 1
		}
	}
	d.Upper[n-1] = 1
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	head, tail := 0., 0.
	for j, u := range d.Upper {
		if j < n/2 {
			head += u
		} else if j < n-1 {
			tail += u
		}
	}
	for j := range n {
		wantLo, wantHi := 0., d.Upper[j]
		if j == n-1 {
			wantLo = max(0, 1-tail-min(head, 0.5))
		}
		if math.Abs(lo[j]-wantLo) > 1e-12 || math.Abs(hi[j]-wantHi) > 1e-12 {
			t.Errorf("entity %d: [%v, %v], want [%v, %v]", j, lo[j], hi[j], wantLo, wantHi)
		}
	}
}

// exactlyRedundant decides for every row, by a linear program in rational arithmetic, whether it is
// redundant.
func exactlyRedundant(t *testing.T, p *lp.Polytope) []int {
	t.Helper()
	n := p.Dim()
	q := &exact.Problem{C: make([]*big.Rat, n), Lower: make([]*big.Rat, n), Upper: make([]*big.Rat, n)}
	form := p.Form()
	for k := range len(form.B) + len(form.F) {
		row, rhs := form.Side(k)
		q.A, q.B, q.Eq = append(q.A, vec.Rationals(row)), append(q.B, vec.Rational(rhs)), append(q.Eq, k >= len(p.Form().B))
	}
	for j := range n {
		if !math.IsInf(p.Form().L[j], 0) {
			q.Lower[j] = vec.Rational(p.Form().L[j])
		}
		if !math.IsInf(p.Form().U[j], 0) {
			q.Upper[j] = vec.Rational(p.Form().U[j])
		}
	}
	var redundant []int
	for k := len(p.Form().B) - 1; k >= 0; k-- {
		scale := max(1, math.Abs(p.Form().B[k]), vec.MaxAbs(p.Form().A[k*n:(k+1)*n]))
		for j, v := range q.A[k] {
			q.C[j] = new(big.Rat).Neg(v)
		}
		q.B[k] = vec.Rational(p.Form().B[k] + scale)
		s, status := exact.Minimize(q)
		if status != exact.Optimal {
			return nil
		}
		q.B[k] = vec.Rational(p.Form().B[k])
		if most := -vec.Float(s.Value); most <= p.Form().B[k]+optima.RedundantTol*scale {
			redundant, q.B[k] = append([]int{k}, redundant...), vec.Rational(1e18)
		}
	}
	return redundant
}

func TestRedundantRowsOneByOne(t *testing.T) {
	r := rand.New(rng.New(3, "redundant"))
	rows, found := 0, 0
	for range 100 {
		d := lptest.RandomPolytope(r)
		// Copies and sums of rows follow from these.
		for k, row := range d.Rows {
			if r.IntN(2) == 0 && row.Min != row.Max {
				row.Name = fmt.Sprintf("again %d", k)
				row.Coef = slices.Clone(row.Coef)
				f := float64(1 + r.IntN(3))
				for j := range row.Coef {
					row.Coef[j] *= f
				}
				row.Min, row.Max = f*row.Min, f*row.Max+0.1*float64(r.IntN(2))
				d.Rows = append(d.Rows, row)
			}
		}
		p, err := lp.New(d)
		if err != nil {
			continue
		}
		got, err := lp.RedundantRows(p)
		if err != nil {
			t.Fatal(err)
		}
		if want := exactlyRedundant(t, p); want != nil && !slices.Equal(got, want) {
			t.Errorf("redundant rows %v, want %v\n%+v", got, want, d)
		}
		rows, found = rows+len(p.Form().B), found+len(got)
	}
	if found == 0 || found == rows {
		t.Errorf("%d of %d rows redundant", found, rows)
	}
}

// Where many rows limit few entities, rays from a point inside prove most of the needed rows to be
// needed, and none that is redundant.
func TestRedundantRowsOfMany(t *testing.T) {
	r := rand.New(rng.New(4, "redundant"))
	rows, redundant, pierced := 0, 0, 0
	for range 40 {
		n, inf := 2+r.IntN(3), math.Inf(1)
		d := lp.Description{Entities: lptest.Names(n), Total: 1}
		for k := range 2*n + 1 + r.IntN(3*n) {
			row := lp.Row{Name: fmt.Sprint(k), Coef: make([]float64, n), Min: -inf}
			if k > 0 && r.IntN(5) == 0 { // almost one that is there
				copy(row.Coef, d.Rows[k-1].Coef)
				row.Coef[0] += math.Pow(10, -4-10*r.Float64()) * r.NormFloat64()
				row.Max = d.Rows[k-1].Max
			} else {
				for j := range row.Coef {
					row.Coef[j] = math.Round(100*r.NormFloat64()) / 100
					row.Max += row.Coef[j] / float64(n)
				}
				row.Max += vec.Norm(row.Coef) * (0.7 + 0.6*r.Float64()) / float64(n)
			}
			d.Rows = append(d.Rows, row)
		}
		if r.IntN(8) == 0 { // all in a plane, which no equality states
			plane := lp.Row{Name: "plane", Coef: make([]float64, n), Min: 0, Max: inf}
			plane.Coef[0], plane.Coef[1] = 1, -1
			back := plane
			back.Name, back.Min, back.Max = "back", -inf, 0
			d.Rows = append(d.Rows, plane, back)
		}
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := lp.RedundantRows(p)
		if err != nil {
			t.Fatal(err)
		}
		want := exactlyRedundant(t, p)
		if !slices.Equal(got, want) {
			t.Errorf("redundant rows %v, want %v\n%+v", got, want, d)
		}
		s := optima.New(p.Form())
		if s == nil {
			t.Fatal("no vertex")
		}
		tol := slices.Repeat([]float64{1e-9}, len(p.Form().B))
		needed, err := s.Pierced(t.Context(), tol, func(string, int) func(int) { return func(int) {} })
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range needed {
			if v {
				pierced++
				if slices.Contains(want, k) {
					t.Errorf("a ray meets row %d, which is redundant\n%+v", k, d)
				}
			}
		}
		rows, redundant = rows+len(needed), redundant+len(want)
	}
	t.Logf("%d rows, %d redundant, %d met by rays", rows, redundant, pierced)
	if redundant == 0 || 3*pierced < rows-redundant {
		t.Errorf("of %d rows, %d of them redundant, rays meet %d", rows, redundant, pierced)
	}
}
