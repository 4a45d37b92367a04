package constraints

import (
	"fmt"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"paspo/internal/count"
	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
)

// points reads the points of a hull. Without a total in the file there is a
// budget of 1 if all points satisfy it.
func (r *reader) points(n, total *yaml.Node, d lp.Description) lp.Description {
	for i, c := range r.items(n, "points", "of points is expected, like [[0.2, 0.8], [0.6, 0.4]]") {
		numbers := r.items(c, fmt.Sprintf("point %d", i+1), "of numbers is expected, not "+kindOf(c))
		if d.Entities == nil {
			d.Entities = entityNames(len(numbers))
		}
		if len(numbers) != len(d.Entities) {
			r.fail(c, "point %d has %s for %s", i+1, count.Of(len(numbers), "number"), count.Of(len(d.Entities), "entity"))
		}
		v := make([]float64, len(numbers))
		for j, x := range numbers {
			v[j] = r.number(x, fmt.Sprintf("point %d, %s", i+1, d.Entities[j]), lp.MaxMagnitude)
		}
		d.Points = append(d.Points, v)
	}
	d.Total = r.total(total)
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
			r.fail(n.Content[i], "point %d: its sum is %g and the total %g", i+1, sum, d.Total)
		}
		d.Total = math.NaN()
	}
	return d
}

// generators are the methods that draw a polytope, in the order in which messages list
// them, and the arguments that each takes beside its name.
var generators = []struct {
	method string
	takes  []string
	draw   func(entities, rows, points int, seed uint64) (lp.Description, error)
}{
	{"points", []string{"entities", "points", "seed"}, func(entities, _, points int, seed uint64) (lp.Description, error) {
		return drawPoints(entities, points, seed)
	}},
	{"rejection_sampling", []string{"entities", "rows", "seed"}, func(entities, rows, _ int, seed uint64) (lp.Description, error) {
		return drawRejection(entities, rows, seed)
	}},
	{"portfolio", []string{"rows", "seed"}, func(_, rows, _ int, seed uint64) (lp.Description, error) {
		return drawPortfolio(rows, seed)
	}},
	{"unconstrained", []string{"entities"}, func(entities, _, _ int, _ uint64) (lp.Description, error) {
		return lp.Description{Entities: entityNames(entities), Total: 1}, nil
	}},
}

// generate draws the polytope that a generator describes.
func (r *reader) generate(n *yaml.Node, d lp.Description) lp.Description {
	args := []string{"entities", "rows", "points", "seed"}
	f := r.fields(n, "generate", append([]string{"method"}, args...))
	method := ""
	if c := f["method"]; c != nil {
		method = r.name(c, "generate, method")
	}
	var methods []string
	at := -1
	for i, g := range generators {
		methods = append(methods, g.method)
		if g.method == method {
			at = i
		}
	}
	if at < 0 {
		r.fail(n, "generate, method: one of %s is expected, not %q%s", expression.List(methods), expression.Clip(method), expression.Suggest(method, methods))
	}
	g := generators[at]
	arg := map[string]uint64{"seed": 1, "rows": 5, "points": 30, "entities": uint64(len(d.Entities))}
	for _, key := range args {
		c := f[key]
		if c == nil {
			continue
		}
		if !slices.Contains(g.takes, key) {
			r.fail(c, "generate: method %s does not take %s, only %s", method, key, expression.List(g.takes))
		}
		least, most := uint64(1), uint64(lp.MaxEntities)
		if key == "seed" {
			least, most = 0, math.MaxUint64
		}
		arg[key] = r.integer(c, "generate, "+key, least, most)
	}
	entities := int(arg["entities"])
	if slices.Contains(g.takes, "entities") {
		if entities == 0 {
			r.fail(n, "generate: entities are missing, a number")
		}
		if d.Entities != nil && len(d.Entities) != entities {
			r.fail(f["entities"], "generate: %s where %d are listed", count.Of(entities, "entity"), len(d.Entities))
		}
	}
	drawn, err := g.draw(entities, int(arg["rows"]), int(arg["points"]), arg["seed"])
	if err != nil {
		r.fail(n, "generate: %w", err)
	}
	if d.Entities != nil {
		if len(d.Entities) != len(drawn.Entities) {
			r.fail(n, "generate: method %s has %s where %d are listed", method, count.Of(len(drawn.Entities), "entity"), len(d.Entities))
		}
		drawn.Entities = d.Entities
	}
	drawn.Name, drawn.FacetEffort = d.Name, d.FacetEffort
	return drawn
}
