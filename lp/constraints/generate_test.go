package constraints

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"paspo/internal/long"
	"paspo/lp"
)

func built(d lp.Description, err error) (*lp.Polytope, error) {
	if err != nil {
		return nil, err
	}
	return lp.New(d)
}

func TestGenerateRejection(t *testing.T) {
	long.Test(t)
	hashes := map[string]bool{}
	for seed := range uint64(20) {
		p, err := GenerateRejection(9, 5, seed)
		if err != nil {
			t.Fatal(err)
		}
		again, err := GenerateRejection(9, 5, seed)
		if err != nil || p.Hash() != again.Hash() {
			t.Errorf("seed %d draws two polytopes", seed)
		}
		hashes[p.Hash()] = true
		a, b, _ := p.Inequalities()
		for k, limit := range b {
			entities := 0
			for _, c := range append(a[9*k:9*k+9:9*k+9], limit) {
				if c < 0 || c > 1 || math.Round(100*c)/100 != c {
					t.Errorf("seed %d: %g is not a fraction of 2 digits", seed, c)
				}
				if c > 0 {
					entities++
				}
			}
			if entities < 3 || limit == 0 {
				t.Errorf("seed %d: row %d has %d numbers above 0", seed, k, entities)
			}
		}
	}
	if len(hashes) != 20 {
		t.Errorf("%d polytopes of 20 seeds", len(hashes))
	}
	// Feasible at once is rare here.
	if _, err := GenerateRejection(3, 12, 1); err != nil {
		t.Error(err)
	}
	if _, err := GenerateRejection(2, 60, 1); err == nil || err.Error() != "none of 2000 draws is feasible: too many rows for 2 entities" {
		t.Errorf("%v", err)
	}
	for _, c := range []struct {
		entities, rows int
		want           string
	}{
		{1, 5, "5 rows of 1 entity: at least 1 of 2, and at most 65536 numbers in all"},
		{9, 0, "0 rows of 9 entities: at least 1 of 2, and at most 65536 numbers in all"},
		{1000, 66, "66 rows of 1000 entities: at least 1 of 2, and at most 65536 numbers in all"},
	} {
		if _, err := GenerateRejection(c.entities, c.rows, 1); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestDrawPoints(t *testing.T) {
	p, err := built(drawPoints(4, 12, 3))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Points()); n < 5 || n > 12 {
		t.Errorf("%d points", n)
	}
	if _, f, names := p.Equalities(); len(f) != 1 || names[0] != "total = 1" {
		t.Errorf("equalities %q", names)
	}
	for _, q := range []*lp.Polytope{must(built(drawPoints(4, 12, 3))), must(Parse("f.yaml", []byte("generate: {method: points, entities: 4, points: 12, seed: 3}")))} {
		if q.Hash() != p.Hash() {
			t.Error("equal seeds draw two polytopes")
		}
	}
	if must(built(drawPoints(4, 12, 4))).Hash() == p.Hash() {
		t.Error("two seeds draw one polytope")
	}
	// The rows are those of the hull: each is met by n-1 points, and by no less.
	a, b, _ := p.Inequalities()
	for k := range b {
		met := 0
		for _, v := range p.Points() {
			if math.Abs(floats.Dot(a[4*k:4*k+4], v)-b[k]) < 1e-9 {
				met++
			}
		}
		if met < 3 {
			t.Errorf("row %d is met by %d points", k, met)
		}
	}
}

func must(p *lp.Polytope, err error) *lp.Polytope {
	if err != nil {
		panic(err)
	}
	return p
}

// The constraints file draws what the functions draw.
func TestGenerateByFile(t *testing.T) {
	for file, want := range map[string]*lp.Polytope{
		"{method: rejection_sampling, entities: 9, rows: 4, seed: 7}": must(GenerateRejection(9, 4, 7)),
		"{method: portfolio, rows: 3, seed: 7}":                       must(built(drawPortfolio(3, 7))),
		"{method: unconstrained, entities: 4}":                        must(Unconstrained(4)),
	} {
		p, err := Parse("f.yaml", []byte("generate: "+file))
		if err != nil || p.Hash() != want.Hash() {
			t.Errorf("%s: %v", file, err)
		}
	}
	p, err := Parse("f.yaml", []byte("entities: [A, B, C]\ngenerate: {method: points, points: 9, seed: 1}"))
	if err != nil || p.Entities()[2] != "C" {
		t.Errorf("%v", err)
	}
}

func TestDrawPortfolio(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(30) {
		p, err := built(drawPortfolio(5, seed))
		if err != nil {
			t.Fatal(err)
		}
		a, b, names := p.Inequalities()
		if p.Dim() != 13 || p.Entities()[0] != "CASH" || p.Entities()[12] != "QCOM" || len(b) != 5 {
			t.Fatalf("seed %d: %q with %d rows", seed, p.Entities(), len(b))
		}
		for k, name := range names {
			name, _, _ = strings.Cut(name, "basket ")
			if name == "" {
				name = "basket"
			}
			kinds[name]++
			for j, c := range a[13*k : 13*k+13] {
				if j == 0 && c != 0 || name == "basket" && c != 0 && c != 1 {
					t.Errorf("seed %d: %s, coefficient %d is %g", seed, name, j, c)
				}
			}
		}
	}
	for _, name := range []string{"basket", "capital cost", "dividend yield", "energy", "CO2", "return on equity"} {
		if kinds[name] < 5 {
			t.Errorf("%d rows %s in 30 polytopes", kinds[name], name)
		}
	}
}

// The published portfolio could have been drawn: its rows are the indicators.
func TestIndicatorsAreThoseOfThePreset(t *testing.T) {
	ind, err := readIndicators()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	a, _, names := p.Inequalities()
	found := 0
	for k, name := range names {
		for _, i := range ind.Indicators {
			if i.Name != name {
				continue
			}
			found++
			for j, v := range i.Values {
				if a[13*k+1+j] != v {
					t.Errorf("%s of %s is %g, in the preset %g", name, ind.Assets[j], v, a[13*k+1+j])
				}
			}
		}
	}
	if found != 4 {
		t.Errorf("%d indicators", found)
	}
}

func TestUnconstrained(t *testing.T) {
	p, err := Unconstrained(3)
	if err != nil {
		t.Fatal(err)
	}
	if _, b, _ := p.Inequalities(); len(b) != 0 || p.Dim() != 3 {
		t.Errorf("%d rows, %d entities", len(b), p.Dim())
	}
	for _, n := range []int{-1, 0, 10_001} {
		if _, err := Unconstrained(n); err == nil {
			t.Errorf("%d entities", n)
		}
	}
}

func TestExtremePoints(t *testing.T) {
	square := [][]float64{{0, 0}, {0.5, 0.5}, {1, 0}, {1, 1}, {0, 1}, {1, 0}, {0.5, 0}, {0, 0}}
	if got := extremePoints(square); len(got) != 4 {
		t.Errorf("%v", got)
	}
	if got := extremePoints([][]float64{{1, 2}, {1, 2}}); len(got) != 1 {
		t.Errorf("%v", got)
	}
	p, err := Preset("synthetic", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := extremePoints(p.Points()); len(got) != 28 {
		t.Errorf("%d of 28 vertices are extreme", len(got))
	}
}
