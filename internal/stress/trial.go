package stress

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"paspo/internal/exact"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/uniform"
)

// Tally counts what one method answered on one family.
type Tally struct {
	Answers, Ill, Void, Wrong int
	Actions                   int

	MaxError    float64 // of an endpoint, relative to the size of its entity
	MaxResidual float64 // of an action, invariant

	// Refusals counts intervals without an answer by the reason that was given and what
	// holds of the prefix.
	Refusals map[string]int
}

// Result is what came of a polytope, or of many.
type Result struct {
	Polytopes, Queries int
	Methods            map[string]*Tally

	// What lp.New, FindConflict, BoundingBox, RedundantRows and the sampler said.
	Taken, Empty, Unbounded, Conflicts int
	Refused                            map[string]int // polytopes, by reason
	Ranges, Rows, Samples              int
	SampleRefusals                     map[string]int
	MaxRange, MaxSample                float64

	// Certified and Rational count the linear programs that judged.
	Certified, Rational int

	// Failures are wrong answers, and WrongBy counts them by what was asked.
	Failures []*Failure `json:"-"`
	WrongBy  map[string]int
}

// Failure is a wrong answer, with what shows it again.
type Failure struct {
	Family   string
	Polytope int
	Method   string
	Prefix   []float64
	What     string
	d        lp.Description
}

func (f *Failure) String() string {
	return fmt.Sprintf("%s, polytope %d, %s: %s\n%sprefix %s\n", f.Family, f.Polytope, f.Method, f.What, YAML(f.d), numbers(f.Prefix))
}

func numbers(x []float64) string {
	s := make([]string, len(x))
	for j, v := range x {
		s[j] = format(v)
	}
	return "[" + strings.Join(s, ", ") + "]"
}

// NewResult returns an empty result.
func NewResult(methods []string) *Result {
	r := &Result{Methods: map[string]*Tally{}, Refused: map[string]int{}, SampleRefusals: map[string]int{}, WrongBy: map[string]int{}}
	for _, m := range methods {
		r.Methods[m] = &Tally{Refusals: map[string]int{}}
	}
	return r
}

// Add adds what came of others.
func (r *Result) Add(o *Result) {
	for _, c := range []struct{ to, from *int }{
		{&r.Polytopes, &o.Polytopes}, {&r.Queries, &o.Queries}, {&r.Taken, &o.Taken}, {&r.Empty, &o.Empty}, {&r.Unbounded, &o.Unbounded},
		{&r.Conflicts, &o.Conflicts}, {&r.Ranges, &o.Ranges}, {&r.Rows, &o.Rows}, {&r.Samples, &o.Samples},
		{&r.Certified, &o.Certified}, {&r.Rational, &o.Rational},
	} {
		*c.to += *c.from
	}
	merge := func(to, from map[string]int) {
		for k, v := range from {
			to[k] += v
		}
	}
	merge(r.Refused, o.Refused)
	merge(r.SampleRefusals, o.SampleRefusals)
	merge(r.WrongBy, o.WrongBy)
	r.MaxRange, r.MaxSample = max(r.MaxRange, o.MaxRange), max(r.MaxSample, o.MaxSample)
	r.Failures = append(r.Failures, o.Failures...)
	for m, t := range r.Methods {
		u := o.Methods[m]
		t.Answers, t.Ill, t.Void, t.Wrong, t.Actions = t.Answers+u.Answers, t.Ill+u.Ill, t.Void+u.Void, t.Wrong+u.Wrong, t.Actions+u.Actions
		t.MaxError, t.MaxResidual = max(t.MaxError, u.MaxError), max(t.MaxResidual, u.MaxResidual)
		merge(t.Refusals, u.Refusals)
	}
}

// trial is one polytope under way.
type trial struct {
	*Result
	c       *Case
	truth   *Truth
	failure Failure
	r       *rand.Rand
}

// Try draws polytope number k of a family and asks all methods. Chains is the number
// of actions that they complete on it; of these each method chooses some within its
// own intervals, and all get the same prefixes.
func Try(f *Family, k int, methods []string, chains int, stream *rng.Stream) *Result {
	t := &trial{Result: NewResult(methods), r: rand.New(stream.Split(uint64(k)))}
	t.failure = Failure{Family: f.Name, Polytope: k}
	t.c = Draw(f, t.r)
	t.truth = NewTruth(t.c.Description)
	t.Polytopes = 1
	p := t.build()
	if p != nil {
		t.chains(p, methods, chains)
		if k%4 == 0 {
			t.ranges(p)
			t.samples(p, stream)
		}
	}
	t.Certified, t.Rational = t.truth.set.Counts()
	return t.Result
}

// fail notes a failure.
func (t *trial) fail(method string, d lp.Description, prefix []float64, format string, args ...any) {
	f := t.failure
	f.Method, f.Prefix, f.What, f.d = method, slices.Clone(prefix), fmt.Sprintf(format, args...), d
	t.Failures = append(t.Failures, &f)
	t.WrongBy[method]++
}

// YAML is a description as a constraints file, whether or not it is a polytope.
func YAML(d lp.Description) string {
	var b bytes.Buffer
	total := "none"
	if !math.IsNaN(d.Total) {
		total = format(d.Total)
	}
	fmt.Fprintf(&b, "entities: [%s]\ntotal: %s\n", strings.Join(d.Entities, ", "), total)
	if len(d.Points) > 0 {
		b.WriteString("points:\n")
		for _, v := range d.Points {
			fmt.Fprintf(&b, "  - %s\n", numbers(v))
		}
		return b.String()
	}
	if d.Upper != nil || d.Lower != nil {
		l, u := orElse(d.Lower, make([]float64, len(d.Entities))), d.Upper
		b.WriteString("bounds: {")
		for j, e := range d.Entities {
			high := ".inf"
			if u != nil && !math.IsInf(u[j], 1) {
				high = format(u[j])
			}
			fmt.Fprintf(&b, "%s%s: [%s, %s]", strings.Repeat(", ", min(j, 1)), e, format(l[j]), high)
		}
		b.WriteString("}\n")
	}
	b.WriteString("constraints:\n")
	for _, r := range d.Rows {
		fmt.Fprintf(&b, "  - {name: %s, coefficients: {", r.Name)
		sep := ""
		for j, c := range r.Coef {
			if c != 0 {
				fmt.Fprintf(&b, "%s%s: %s", sep, d.Entities[j], format(c))
				sep = ", "
			}
		}
		b.WriteString("}")
		switch {
		case r.Min == r.Max:
			fmt.Fprintf(&b, ", equal: %s", format(r.Max))
		default:
			if !math.IsInf(r.Min, -1) {
				fmt.Fprintf(&b, ", min: %s", format(r.Min))
			}
			if !math.IsInf(r.Max, 1) {
				fmt.Fprintf(&b, ", max: %s", format(r.Max))
			}
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// made is lp.New, with a panic as an error.
func made(d lp.Description) (p *lp.Polytope, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("panic: %v", v)
		}
	}()
	return lp.New(d)
}

// build makes the polytope and judges the verdict.
func (t *trial) build() *lp.Polytope {
	p, err := made(t.c.Description)
	if why := t.truth.Refutes(err); why != "" {
		t.fail("New", t.c.Description, nil, "%s (%v)", why, err)
	}
	var empty *lp.EmptyError
	switch {
	case err == nil:
		t.Taken++
	case errors.As(err, &empty):
		t.Empty++
		t.Conflicts++
	case errors.As(err, new(*lp.UnboundedError)):
		t.Unbounded++
	default:
		t.Refused[reason(err)]++
	}
	return p
}

var figures = regexp.MustCompile(`[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?`)

// reason is an error without its numbers and names.
func reason(err error) string {
	s, _, _ := strings.Cut(err.Error(), "(")
	return strings.TrimSpace(figures.ReplaceAllString(s, "#"))
}

func (t *trial) chains(p *lp.Polytope, methods []string, rows int) {
	var limits []lp.Limits
	if t.c.States != nil {
		for row := range rows {
			limits = append(limits, t.c.States[row%len(t.c.States)])
		}
	}
	state := func(row int) *lp.Limits {
		if limits == nil {
			return nil
		}
		return &limits[row]
	}
	// A matrix of a state is a polytope of its own, whose bases are kept.
	truths := map[int]*Truth{}
	truthOf := func(row int) (*Truth, *lp.Limits) {
		lim := state(row)
		if lim == nil || lim.A == nil {
			return t.truth, lim
		}
		k := row % len(t.c.States)
		if truths[k] == nil {
			truths[k] = NewTruth(stated(t.c.Description, lim))
		}
		return truths[k], nil
	}
	var all []*contender
	for _, m := range methods {
		c := &contender{p: p, method: m, Tally: t.Methods[m]}
		if err := c.open(rows, limits); err != nil {
			c.Refusals["no solver: "+reason(err)]++
			continue
		}
		all = append(all, c)
		defer c.close()
	}
	if len(all) == 0 {
		return
	}
	n := p.Dim()
	actions, chosen := make([][]float64, rows), make([]float64, rows)
	for range n {
		for _, c := range all {
			c.next()
		}
		for row := range rows {
			if chosen[row] != chosen[row] {
				continue
			}
			prefix := actions[row]
			t.Queries++
			truth, lim := truthOf(row)
			for _, c := range all {
				t.judge(c, truth, prefix, lim, state(row), row)
			}
			leader := all[row%len(all)]
			if !leader.good(row) {
				chosen[row] = math.NaN()
				continue
			}
			chosen[row] = choose(t.r, leader.lo[row], leader.hi[row])
			actions[row] = append(prefix, chosen[row])
		}
		for _, c := range all {
			c.fix(chosen)
		}
	}
	for row, a := range actions {
		if len(a) < n {
			continue
		}
		c := all[row%len(all)]
		c.Actions++
		truth, lim := truthOf(row)
		res := truth.Residual(a, lim)
		c.MaxResidual = worse(c.MaxResidual, res)
		if !(res <= agree) {
			c.Wrong++
			t.fail(c.method, stated(t.c.Description, state(row)), a, "the action has a residual of %.2g", res)
		}
	}
}

// judge judges one answer.
func (t *trial) judge(c *contender, truth *Truth, prefix []float64, lim, state *lp.Limits, row int) {
	if c.gone || c.dead[row] {
		return
	}
	c.Answers++
	if !c.good(row) {
		c.dead[row] = true
		c.Refusals[refusal(c.err, truth, prefix, lim)]++
		return
	}
	lo, hi := c.lo[row], c.hi[row]
	v, off, why := truth.Judge(prefix, lim, lo, hi)
	switch v {
	case Right:
		c.MaxError = max(c.MaxError, off)
	case Ill:
		c.Ill++
	case Void:
		c.Void++
	case Wrong:
		c.Wrong++
		t.fail(c.method, stated(t.c.Description, state), prefix, "[%v, %v], %s", lo, hi, why)
	}
}

// refusal is the reason of a refusal and what holds of the prefix.
func refusal(err error, t *Truth, prefix []float64, lim *lp.Limits) string {
	why := "no interval, without an error"
	if err != nil {
		why = reason(err)
		if errors.As(err, new(*lp.InfeasibleError)) {
			why = "InfeasibleError"
		}
	}
	exactly, almost := t.Feasible(prefix, lim)
	switch {
	case exactly:
		return why + ", where there is an allocation"
	case almost:
		return why + ", where there is one but for rounding"
	}
	return why + ", rightly"
}

// choose takes an endpoint, a point close to one, or any.
func choose(r *rand.Rand, lo, hi float64) float64 {
	s := r.Float64()
	switch r.IntN(6) {
	case 0:
		return lo
	case 1:
		return hi
	case 2:
		s = math.Pow(10, -16*r.Float64())
	case 3:
		s = 1 - math.Pow(10, -16*r.Float64())
	}
	return min(max(lo+(hi-lo)*s, lo), hi)
}

// ranges judges what check says.
func (t *trial) ranges(p *lp.Polytope) {
	if t.truth.Status != exact.Optimal {
		return
	}
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.fail("BoundingBox", t.c.Description, nil, "%v", err)
		return
	}
	for j := range lo {
		t.Ranges++
		cost := make([]float64, len(t.truth.Size))
		for _, sign := range []float64{1, -1} {
			cost[j] = sign
			claim, exactly := lo[j], t.truth.Lo[j]
			if sign < 0 {
				claim, exactly = hi[j], t.truth.Hi[j]
			}
			off := math.Abs(claim-exactly) / t.truth.Size[j]
			if off <= agree {
				t.MaxRange = max(t.MaxRange, off)
				continue
			}
			a := t.truth.set.Minimize(nil, cost, &t.truth.limits)
			if a.Sensitivity/t.truth.Size[j]*rightWithin > off {
				continue // ill-conditioned
			}
			t.fail("BoundingBox", t.c.Description, nil, "range of %s: [%v, %v], exact: [%v, %v]", t.c.Entities[j], lo[j], hi[j], t.truth.Lo[j], t.truth.Hi[j])
		}
		cost[j] = 0
	}
	if len(t.c.Points) > 0 {
		return
	}
	redundant, err := lp.RedundantRows(p)
	if err != nil {
		t.fail("RedundantRows", t.c.Description, nil, "%v", err)
		return
	}
	rest := t.truth.limits
	rest.B = append([]float64(nil), rest.B...)
	first := len(rest.B) - rowCount(p)
	for _, k := range redundant {
		rest.B[first+k] = math.Inf(1)
	}
	for _, k := range redundant {
		row := t.truth.a[first+k]
		a := t.truth.set.Minimize(nil, negated(row), &rest)
		scale := math.Abs(t.truth.limits.B[first+k])
		terms := 0.
		for j, c := range row {
			terms += math.Abs(c) * t.truth.Size[j]
		}
		t.Rows++
		if over := (-a.Value - t.truth.limits.B[first+k]) / max(scale, terms); a.Status != exact.Optimal || over > agree+rightWithin*a.Sensitivity/max(scale, terms) {
			t.fail("RedundantRows", t.c.Description, nil, "row %d is not redundant: %.2g over its limit without those that are called redundant", k+1, over)
		}
	}
}

// samples judges some uniform points.
func (t *trial) samples(p *lp.Polytope, stream *rng.Stream) {
	const count = 20
	cfg := uniform.DefaultConfig()
	cfg.Workers = 1
	var points []float64
	err := func() (err error) {
		defer (&contender{}).caught(&err)
		s, err := uniform.New(p, cfg)
		if err == nil {
			points, _, err = s.Sample(count, stream)
		}
		return err
	}()
	if err != nil {
		t.SampleRefusals[reason(err)]++
		return
	}
	n := p.Dim()
	for k := range count {
		t.Samples++
		a := points[k*n : (k+1)*n]
		res := t.truth.Residual(a, nil)
		t.MaxSample = worse(t.MaxSample, res)
		if !(res <= agree) {
			t.fail("Sampler", t.c.Description, a, "the point has a residual of %.2g", res)
			return
		}
	}
}

func rowCount(p *lp.Polytope) int {
	_, b, _ := p.Inequalities()
	return len(b)
}

// effort is the budget of the closed form, a twentieth of the default: what it takes
// longer for is what auto answers from warm-start bases.
const effort = 5

// worse is the larger, and the largest number there is where one is none: a table can
// hold that.
func worse(x, y float64) float64 {
	if !(y <= math.MaxFloat64) {
		return math.MaxFloat64
	}
	return max(x, y)
}
