package constraints

import (
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"

	"paspo/internal/count"
	"paspo/lp"
)

// points reads the points of a hull. Without a total in the file there is a
// budget of 1 if all points satisfy it.
func (r *reader) points(n, total *yaml.Node, d lp.Description) (lp.Description, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return d, r.errorf(n, "points: a list of points is expected, like [[0.2, 0.8], [0.6, 0.4]]")
	}
	for i, c := range n.Content {
		if c.Kind != yaml.SequenceNode || len(c.Content) == 0 {
			return d, r.errorf(c, "point %d: a list of numbers is expected, not %s", i+1, kindOf(c))
		}
		if d.Entities == nil {
			d.Entities = entityNames(len(c.Content))
		}
		if len(c.Content) != len(d.Entities) {
			return d, r.errorf(c, "point %d has %s for %s", i+1, count.Of(len(c.Content), "number"), count.Of(len(d.Entities), "entity"))
		}
		v := make([]float64, len(c.Content))
		for j, x := range c.Content {
			var err error
			if v[j], err = r.amount(x, fmt.Sprintf("point %d, %s", i+1, d.Entities[min(j, len(d.Entities)-1)])); err != nil {
				return d, err
			}
		}
		d.Points = append(d.Points, v)
	}
	var err error
	if d.Total, err = r.total(total); err != nil {
		return d, err
	}
	for i, v := range d.Points {
		sum, scale := 0., 0.
		for _, x := range v {
			sum += x
			scale += math.Abs(x)
		}
		if math.IsNaN(d.Total) || math.Abs(sum-d.Total) <= lp.Feasibility*max(math.Abs(d.Total), scale) {
			continue
		}
		if total != nil {
			return d, r.errorf(n.Content[i], "point %d: its sum is %g and the total %g", i+1, sum, d.Total)
		}
		d.Total = math.NaN()
	}
	return d, nil
}

var (
	generateKeys    = []string{"method", "entities", "rows", "points", "seed"}
	generateMethods = []string{"points", "rejection_sampling", "portfolio", "unconstrained"}
)

// generate draws the polytope that a generator describes.
func (r *reader) generate(n *yaml.Node, d lp.Description) (lp.Description, error) {
	f, err := r.fields(n, "generate", generateKeys)
	if err != nil {
		return d, err
	}
	method := ""
	if c := f["method"]; c != nil {
		if method, err = r.name(c, "generate, method"); err != nil {
			return d, err
		}
	}
	takes := map[string][]string{
		"points":             {"entities", "points", "seed"},
		"rejection_sampling": {"entities", "rows", "seed"},
		"portfolio":          {"rows", "seed"},
		"unconstrained":      {"entities"},
	}[method]
	if takes == nil {
		return d, r.errorf(n, "generate, method: one of %s is expected, not %q%s", list(generateMethods), clip(method), suggest(method, generateMethods))
	}
	arg := map[string]uint64{"seed": 1, "rows": 5, "points": 30, "entities": uint64(len(d.Entities))}
	for _, key := range generateKeys[1:] {
		c := f[key]
		if c == nil {
			continue
		}
		taken := false
		for _, k := range takes {
			taken = taken || k == key
		}
		if !taken {
			return d, r.errorf(c, "generate: method %s does not take %s, only %s", method, key, list(takes))
		}
		least, most := uint64(1), uint64(lp.MaxEntities)
		if key == "seed" {
			least, most = 0, math.MaxUint64
		}
		if arg[key], err = r.integer(c, "generate, "+key, least, most); err != nil {
			return d, err
		}
	}
	entities, rows, points, seed := int(arg["entities"]), int(arg["rows"]), int(arg["points"]), arg["seed"]
	if method != "portfolio" {
		if entities == 0 {
			return d, r.errorf(n, "generate: entities are missing, a number")
		}
		if d.Entities != nil && len(d.Entities) != entities {
			return d, r.errorf(f["entities"], "generate: %s where %d are listed", count.Of(entities, "entity"), len(d.Entities))
		}
	}
	var g lp.Description
	switch method {
	case "points":
		g, err = drawPoints(entities, points, seed)
	case "rejection_sampling":
		g, err = drawRejection(entities, rows, seed)
	case "portfolio":
		g, err = drawPortfolio(rows, seed)
	default:
		g = lp.Description{Entities: entityNames(entities), Total: 1}
	}
	if err != nil {
		return d, r.errorf(n, "generate: %w", err)
	}
	if d.Entities != nil {
		if len(d.Entities) != len(g.Entities) {
			return d, r.errorf(n, "generate: method %s has %s where %d are listed", method, count.Of(len(g.Entities), "entity"), len(d.Entities))
		}
		g.Entities = d.Entities
	}
	g.Name, g.FacetEffort = d.Name, d.FacetEffort
	return g, nil
}
