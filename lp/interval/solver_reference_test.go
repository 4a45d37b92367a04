package interval

import (
	"math"
	"testing"

	"paspo/internal/reference"
	"paspo/lp/constraints"
)

func TestReferenceIntervals(t *testing.T) {
	for _, c := range []struct{ file, preset string }{
		{"bounds_synth7.json", "synthetic"},
		{"bounds_compute9.json", "compute"},
	} {
		var ref struct {
			Records []struct {
				Actions []float64    `json:"actions"`
				Tight   [][2]float64 `json:"bounds_tight"`
			} `json:"records"`
		}
		reference.Read(t, c.file, &ref)
		p, err := constraints.Preset(c.preset, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range solverMethods {
			t.Run(c.preset+"/"+method, func(t *testing.T) {
				s := opened(t, p, Config{Method: method})
				rows := len(ref.Records)
				chain := s.Chain(rows)
				lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
				chain.Begin(rows, nil)
				worst := 0.
				for i := range p.Dim() - 1 {
					if err := chain.Next(lo, hi); err != nil {
						t.Fatal(err)
					}
					for r, rec := range ref.Records {
						d := max(math.Abs(lo[r]-rec.Tight[i][0]), math.Abs(hi[r]-rec.Tight[i][1]))
						if !(d <= 1e-8) {
							t.Errorf("sequence %d entity %d: [%v, %v], want %v", r, i, lo[r], hi[r], rec.Tight[i])
						}
						worst = max(worst, d)
						a[r] = rec.Actions[i]
					}
					chain.Fix(a)
				}
				t.Logf("largest difference %.2g over %d intervals", worst, rows*(p.Dim()-1))
			})
		}
	}
}
