package constraints

import (
	"slices"
	"strings"
	"testing"

	"paspo/internal/reference"
)

func TestPresetsAreThePublishedPolytopes(t *testing.T) {
	for _, c := range []struct {
		preset, file string
		last         string
	}{
		{"portfolio", "polytope_portfolio13.json", "QCOM"},
		{"compute", "polytope_compute9.json", "SERVER9"},
		{"synthetic", "polytope_synth7.json", "E7"},
	} {
		var want struct {
			A        [][]float64
			B        []float64
			N        int
			Vertices [][]float64
		}
		reference.Read(t, c.file, &want)
		p, err := Preset(c.preset, 0)
		if err != nil {
			t.Fatal(err)
		}
		a, b, _ := p.Inequalities()
		e, f, names := p.Equalities()
		if p.Dim() != want.N || !slices.Equal(a, slices.Concat(want.A...)) || !slices.Equal(b, want.B) {
			t.Errorf("%s: A and b are not the published ones", c.preset)
		}
		if !slices.Equal(e, slices.Repeat([]float64{1}, want.N)) || !slices.Equal(f, []float64{1}) || names[0] != "total = 1" {
			t.Errorf("%s: equalities %v = %v %v", c.preset, e, f, names)
		}
		if !slices.EqualFunc(p.Points(), want.Vertices, slices.Equal) {
			t.Errorf("%s: points are not the published ones", c.preset)
		}
		if p.Entities()[want.N-1] != c.last {
			t.Errorf("%s: last entity %s", c.preset, p.Entities()[want.N-1])
		}
	}
}

func TestPresetErrors(t *testing.T) {
	for _, c := range []struct {
		name     string
		entities int
		want     string
	}{
		{"portfolo", 0, `no preset has the name "portfolo" (did you mean portfolio?); there are portfolio, compute, synthetic, unconstrained`},
		{"../x", 0, `no preset has the name "../x"; there are portfolio, compute, synthetic, unconstrained`},
		{"compute", 4, "preset compute has 9 entities, not 4"},
		{"unconstrained", 0, "preset unconstrained: 0 entities; say how many, 1 to 10000"},
	} {
		if _, err := Preset(c.name, c.entities); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	p, err := Preset("unconstrained", 3)
	if err != nil || strings.Join(p.Entities(), " ") != "E1 E2 E3" {
		t.Errorf("%v %v", p, err)
	}
}
