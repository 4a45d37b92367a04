package walkforward

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"paspo/envs/market"
	"paspo/internal/limits"
	"paspo/internal/prices"
	"paspo/internal/run/config"
	"paspo/lp"
	"paspo/lp/constraints"
)

// ReadLimits reads the constraints file of a portfolio, over cash and the tickers of t; over all of
// them where the file names no entities, and with no limit but the budget where there is no file.
func ReadLimits(file string, t *prices.Table) (*lp.Polytope, error) {
	for _, name := range t.Tickers {
		err := lp.CheckName(name)
		if name == market.Cash {
			err = fmt.Errorf("the ticker %s has the name of what is not invested", name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	known := append([]string{market.Cash}, t.Tickers...)
	if file == "" {
		box := market.Simplex(t.Tickers)
		box.Lower, box.Upper = make([]float64, len(known)), slices.Repeat([]float64{1}, len(known))
		return lp.New(box)
	}
	for _, name := range statedEntities(file) {
		if slices.Contains(known, name) {
			continue
		}
		msg := fmt.Sprintf("%s: entity %s is no ticker of %s", file, name, t.Name)
		if near := config.Nearest(name, known); near != "" {
			msg += fmt.Sprintf("; did you mean %s?", near)
		}
		return nil, errors.New(msg)
	}
	p, err := constraints.ReadFileHeld(file, known)
	if err != nil {
		return nil, err
	}
	if len(p.Entities()) == 1 && p.Entities()[0] == market.Cash {
		return nil, fmt.Errorf("%s: the entities are %s alone: at least one ticker is needed", file, market.Cash)
	}
	if err := market.CheckLimits(p); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// statedEntities returns the entities that a file names; nil where it names none or cannot
// be read, which whoever reads it all says.
func statedEntities(file string) []string {
	data, err := limits.ReadFile(file, limits.Constraints)
	var d struct {
		Entities []string `yaml:"entities"`
	}
	if err != nil || yaml.Unmarshal(data, &d) != nil {
		return nil
	}
	return d.Entities
}
