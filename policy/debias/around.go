package debias

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/internal/count"
	"paspo/internal/setting"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/dist"
)

// Around is the setting debias.around, the allocation that the initial policy is spread
// around: Uniform (none), Baseline, or amounts by entity as YAML has them, "{A: 0.3, B: 0.7}".
type Around string

// Values of Around that stand for no amounts of their own.
const (
	Uniform  Around = "uniform"  // the initial policy is nearly uniform over the polytope
	Baseline Around = "baseline" // a constant allocation that the environment knows
)

// UnmarshalYAML accepts a mapping of amounts, or text that is written like one.
func (a *Around) UnmarshalYAML(n *yaml.Node) error {
	text, err := setting.Flow(n)
	if errors.Is(err, setting.ErrFlow) {
		return errAround
	}
	*a = Around(text)
	return err
}

var errAround = errors.New("uniform, baseline or amounts by entity, such as {A: 0.3, B: 0.7}, is allowed")

// amounts parses a mapping of amounts and returns them in the order of the mapping.
func (a Around) amounts() (entities []string, amounts []float64, err error) {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(a), &doc) != nil || doc.Kind == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("debias.around is %q: %w", string(a), errAround)
	}
	pairs := doc.Content[0].Content
	seen := map[string]bool{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i].Value
		x, err := strconv.ParseFloat(pairs[i+1].Value, 64)
		switch {
		case seen[name]:
			return nil, nil, fmt.Errorf("debias.around names %s twice", name)
		case err != nil || math.IsNaN(x) || math.IsInf(x, 0):
			return nil, nil, fmt.Errorf("debias.around gives %s the amount %q: a finite number is allowed", name, pairs[i+1].Value)
		}
		seen[name] = true
		entities, amounts = append(entities, name), append(amounts, x)
	}
	return entities, amounts, nil
}

// feasible is the largest residual that an allocation to start around may have.
const feasible = 1e-9

// Allocation returns the allocation of p that the initial policy is spread around, n
// amounts, nil for none. baseline returns the allocation that the environment knows, or an error
// that says why it knows none.
func (a Around) Allocation(p *lp.Polytope, baseline func() ([]float64, error)) ([]float64, error) {
	var x []float64
	switch a {
	case Uniform:
		return nil, nil
	case Baseline:
		var err error
		if x, err = baseline(); err != nil {
			return nil, fmt.Errorf("debias.around is baseline: %w", err)
		}
		if len(x) != p.Dim() {
			return nil, fmt.Errorf("debias.around is baseline: it has %s, the polytope has %d", count.Of(len(x), "entity"), p.Dim())
		}
	default:
		entities, amounts, err := a.amounts()
		if err != nil {
			return nil, err
		}
		given := map[string]float64{}
		for i, name := range entities {
			if !slices.Contains(p.Entities(), name) {
				return nil, fmt.Errorf("debias.around gives %s an amount: the entities are %s", name, strings.Join(p.Entities(), ", "))
			}
			given[name] = amounts[i]
		}
		for _, name := range p.Entities() {
			amount, ok := given[name]
			if !ok {
				return nil, fmt.Errorf("debias.around gives %s no amount: one for every entity is needed", name)
			}
			x = append(x, amount)
		}
	}
	if p.Residual(x, nil) <= feasible {
		return x, nil
	}
	excess, name := p.WorstExcess(x, nil)
	return nil, fmt.Errorf("debias.around breaks %s by %.4g: an allocation that satisfies all constraints is allowed", name, excess)
}

// around returns Betas spread around cfg.Center. The mean of Beta i is the center's coordinate
// x_i in the interval of entity i after the center's own prefix, and cfg.Spread sets the
// deviation (see dist.Around). A fixed interval gets Beta(1, 1).
func around(p *lp.Polytope, solver lp.Solver, cfg Config) (*policy.Fit, error) {
	heads, fixed := policy.Heads(p), cfg.FixedWidth*policy.Total(p)
	f := &policy.Fit{Entities: append([]string(nil), p.Entities()[:heads]...), Method: "around an allocation"}
	chain := solver.Chain(1)
	chain.Begin(1, nil)
	lo, hi, a := make([]float64, 1), make([]float64, 1), make([]float64, 1)
	for i := range heads {
		if err := chain.Next(lo, hi); err != nil {
			return nil, fmt.Errorf("policy: intervals of the allocation to start around: %w", err)
		}
		a[0] = min(max(cfg.Center[i], lo[0]), hi[0])
		d := dist.Beta{Alpha: 1, Beta: 1}
		if width := hi[0] - lo[0]; width > fixed && width > 0 {
			d = dist.Around((a[0]-lo[0])/width, cfg.Spread)
		}
		f.Alpha, f.Beta = append(f.Alpha, d.Alpha), append(f.Beta, d.Beta)
		chain.Fix(a)
	}
	return f, nil
}
