package interval

import (
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

func TestCompiled(t *testing.T) {
	r := rand.New(rng.New(6, "report"))
	all := lptest.Presets(t)
	for _, c := range []struct {
		p         *lp.Polytope
		how       string
		anyLimits bool
	}{
		{all[0], closedform.FromDual, true},
		{all[1], closedform.FromDual, true},
		{all[2], closedform.FromFacets, false},
		{lptest.RandomSimplex(t, r, 8, 24, 0), closedform.FromFacets + ", then " + closedform.FromDual, false},
	} {
		s, err := New(c.p, Config{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		d := s.(closedform.Describer).Compiled()
		if d.How != c.how || d.AnyLimits != c.anyLimits || (d.Rays > 0) != c.anyLimits || d.Steps <= 0 || d.Seconds <= 0 {
			t.Errorf("%s: %+v", c.p.Name(), d)
		}
		for i, e := range d.Entities {
			if e.Entity != c.p.Entities()[i] || e.Lower < 1 || e.Upper < 1 {
				t.Errorf("%+v", e)
			}
		}
		if s := d.String(); !strings.Contains(s, d.How) {
			t.Errorf("%q", s)
		}
		s.Close()
	}
	s := opened(t, all[0], Config{Method: "clp"})
	if _, ok := s.(closedform.Describer); ok {
		t.Error("linear programs describe a closed form")
	}
}

// On a_1 + a_2 + a_3 = 1, a >= 0, a_1 + 2 a_2 <= 1/2 the dual of entity 2 has the
// vertices of the row and of the total above, and nothing but its bound below.
func TestCompiledCounts(t *testing.T) {
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1,
		Rows: []lp.Row{{Name: "row", Coef: []float64{1, 2, 0}, Min: -1e9, Max: 0.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, p, Config{Method: "explicit"})
	d := s.(closedform.Describer).Compiled()
	if e := d.Entities[1]; e.Upper < 2 || e.Lower < 1 {
		t.Errorf("%+v", e)
	}
}
