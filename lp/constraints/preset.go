package constraints

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"paspo/internal/count"
	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
)

// presetData hold the polytopes of the paper; presets/README.md says where
// their numbers come from.
//
//go:embed presets/*.json
var presetData embed.FS

// PresetNames returns the names that Preset takes.
func PresetNames() []string { return []string{"portfolio", "compute", "synthetic", "unconstrained"} }

// Preset returns a polytope by name: portfolio, compute and synthetic are those
// of the paper (arXiv 2409.18735, section 5), unconstrained is the whole simplex.
// Entities is the dimension of unconstrained; the others have their own, 13, 9
// and 7, and take that or 0.
//
// synthetic is the hull of 28 points and keeps the published 611 rows beside
// them.
func Preset(name string, entities int) (*lp.Polytope, error) {
	if name == "unconstrained" {
		if entities < 1 || entities > lp.MaxEntities {
			return nil, fmt.Errorf("preset unconstrained: %s; say how many, 1 to %d", count.Of(entities, "entity"), lp.MaxEntities)
		}
		return Unconstrained(entities)
	}
	data, err := presetData.ReadFile("presets/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no preset has the name %q%s; there are %s", name, expression.Suggest(name, PresetNames()), strings.Join(PresetNames(), ", "))
	}
	var f struct {
		Entities []string
		Rows     []struct {
			Name string
			Coef []float64
			Max  float64
		}
		Points [][]float64
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("preset %s: %w", name, err)
	}
	if entities != 0 && entities != len(f.Entities) {
		return nil, fmt.Errorf("preset %s has %s, not %d", name, count.Of(len(f.Entities), "entity"), entities)
	}
	d := lp.Description{Name: name, Entities: f.Entities, Total: 1, Points: f.Points}
	for _, r := range f.Rows {
		d.Rows = append(d.Rows, lp.Row{Name: r.Name, Coef: r.Coef, Min: math.Inf(-1), Max: r.Max})
	}
	return lp.New(d)
}
