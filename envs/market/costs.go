package market

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"paspo/internal/setting"
	"paspo/internal/spelling"
)

// Costs are shares of the amount that is bought or sold: one number for all assets, or by
// asset as YAML has them, "{default: 0.001, AAPL: 0.002}". Cash costs nothing.
type Costs string

const defaultCost = "default"

var errCosts = errors.New("a number from 0 up to, but not including, 1, or such by asset, as {default: 0.001, AAPL: 0.002}, is allowed")

// UnmarshalYAML takes a mapping as well as text that is written like one.
func (c *Costs) UnmarshalYAML(n *yaml.Node) error {
	text, err := setting.Flow(n)
	if errors.Is(err, setting.ErrFlow) {
		return errCosts
	}
	*c = Costs(text)
	return err
}

// Partial says whether costs are of some assets alone, so that all others are free.
func (c Costs) Partial() bool {
	named, err := c.byName("")
	_, all := named[defaultCost]
	return err == nil && !all
}

// byName returns the costs by name. That of all others is "default", 0 where it is not given.
// Errors name the setting.
func (c Costs) byName(setting string) (map[string]float64, error) {
	refuse := func(why string) error { return fmt.Errorf("%s is %q: %s%w", setting, string(c), why, errCosts) }
	number := func(text string) (float64, bool) {
		x, err := strconv.ParseFloat(text, 64)
		return x, err == nil && x >= 0 && x < 1
	}
	if x, ok := number(string(c)); ok {
		return map[string]float64{defaultCost: x}, nil
	}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(c), &doc) != nil || doc.Kind == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, refuse("")
	}
	costs := map[string]float64{}
	pairs := doc.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i].Value
		if _, twice := costs[name]; twice {
			return nil, refuse(name + " is given twice; ")
		}
		x, ok := number(pairs[i+1].Value)
		if !ok {
			return nil, refuse(fmt.Sprintf("%s is %q; ", name, pairs[i+1].Value))
		}
		costs[name] = x
	}
	return costs, nil
}

// of returns the costs of entities, that of the cash 0 where it is free.
func (c Costs) of(setting string, entities []string, free bool) ([]float64, error) {
	named, err := c.byName(setting)
	if err != nil {
		return nil, err
	}
	for name := range named {
		if name != defaultCost && (free && name == Cash || !slices.Contains(entities, name)) {
			near := ""
			if n := spelling.Nearest(name, entities); n != "" && n != Cash {
				near = "; did you mean " + n + "?"
			}
			return nil, fmt.Errorf("%s is %q: it names %s, which is no asset of the constraints%s", setting, string(c), name, near)
		}
	}
	all := make([]float64, len(entities))
	for i, name := range entities {
		x, own := named[name]
		if !own {
			x = named[defaultCost]
		}
		if !free || name != Cash {
			all[i] = x
		}
	}
	return all, nil
}

// Remainder returns the share f of the wealth that remains after trading from holdings h, at
// costs c, where allocation a is of what remains (all have one share an entity):
//
//	f = 1 - sum_i c_i |f a_i - h_i|
//
// (the transaction remainder factor of Jiang, Xu and Liang, arXiv 1706.10059, equation 14,
// with costs by asset); 0 where costs take all. f + sum_i c_i |f a_i - h_i| - 1 is convex in f
// and rises where sum_i c_i |a_i| < 1. Newton's method from f = 1 therefore moves down from one
// linear piece to the next, and ends on the piece that has the root.
func Remainder(h, a, c []float64) float64 {
	f := 1.
	for range 2 + 2*len(a) {
		value, slope := f-1, 1.
		for i, x := range a {
			d := f*x - h[i]
			value += c[i] * math.Abs(d)
			if d > 0 {
				slope += c[i] * x
			} else {
				slope -= c[i] * x
			}
		}
		next := f - value/slope
		if !(slope > 0) {
			return 0
		}
		if !(next < f) {
			break
		}
		f = next
	}
	return max(f, 0)
}
