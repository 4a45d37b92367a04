package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"paspo/internal/cells"
	"paspo/internal/count"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
	"paspo/lp/relax"
	"paspo/lp/uniform"
)

// Report is what a check finds out.
type Report struct {
	Name     string   `json:"name"`
	Empty    bool     `json:"empty"`
	Entities []string `json:"entities"`
	Box      []Range  `json:"box"`
	Rows     []Row    `json:"rows"`

	// Points is the number of points where the polytope is their hull and the
	// facets of that are too many to be among the rows.
	Points int `json:"points_without_facets,omitempty"`

	// What terms count from where no state says what is held, by entity. All else but the rows
	// and the kind of intervals is of these holdings.
	Holdings map[string]float64 `json:"holdings,omitempty"`

	FeasibleShare Share    `json:"feasible_share"`
	Redundant     []string `json:"redundant"`

	// The closed form, or why there is none and what takes its place.
	Intervals Intervals `json:"intervals"`

	// Export says whether policies under these constraints can be exported.
	Export Export `json:"export"`
}

// Export says whether policies can be exported as an ONNX graph, and why not.
type Export struct {
	Possible bool   `json:"possible"`
	Reason   string `json:"reason,omitempty"`
}

// NewExport takes what keeps policies from being exported, nil for nothing.
func NewExport(obstacle error) Export {
	if obstacle == nil {
		return Export{Possible: true}
	}
	return Export{Reason: obstacle.Error()}
}

// Empty is what is said of constraints that exclude one another.
type Empty struct {
	Name     string   `json:"name"`
	Empty    bool     `json:"empty"`
	Conflict []string `json:"conflict"`

	// Amount is the least by which all limits but the total have to be relaxed, in their units;
	// nil where that is not known.
	Amount *float64 `json:"amount,omitempty"`
}

// NewEmpty returns what is said of constraints that are called name.
func NewEmpty(name string, e *lp.EmptyError) *Empty {
	empty := &Empty{Name: name, Empty: true, Conflict: e.Conflict}
	if e.Description != nil {
		if by, err := relax.Least(*e.Description); err == nil {
			empty.Amount = &by
		}
	}
	return empty
}

// Range is what an entity can be.
type Range struct {
	Entity string  `json:"entity"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// Row is one row: the sum of coefficient times entity, and its limits.
type Row struct {
	Name      string `json:"name"`
	Expr      string `json:"expr"`
	Redundant bool   `json:"redundant"`
}

// Share is the share of Of that is feasible, estimated from so many points.
type Share struct {
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"stderr"`
	Points   int     `json:"points"`
	Of       string  `json:"of"`

	text string
}

// Intervals says how intervals are answered: by a closed form, or by what takes its place and
// why.
type Intervals struct {
	Method string               `json:"method"`
	Form   *closedform.Compiled `json:"closed_form,omitempty"`
	Reason string               `json:"reason,omitempty"`
}

// checkIntervals finds out how the intervals of p are answered.
func checkIntervals(ctx context.Context, p *lp.Polytope) (Intervals, error) {
	c := interval.DefaultConfig()
	c.Workers = 1
	if p.HasHoldings() {
		s, err := interval.NewContext(ctx, p, c)
		if err != nil {
			return Intervals{}, err
		}
		defer s.Close()
		if s.Method() == "simplex" {
			return Intervals{Method: s.Method(), Reason: "since holdings move rows with convex terms in every state"}, nil
		}
	}
	c.Method = "explicit"
	s, err := interval.NewContext(ctx, p, c)
	var over *lp.BudgetError
	if errors.As(err, &over) {
		method, err := interval.Beyond(ctx, p)
		return Intervals{Method: method, Reason: strings.TrimPrefix(over.Error(), "lp: ")}, err
	}
	if err != nil {
		return Intervals{}, err
	}
	defer s.Close()
	found := Intervals{Method: s.Method()}
	if d, ok := s.(closedform.Describer); ok {
		found.Form = d.Compiled()
	}
	if p.HasTerms() {
		found.Reason = "of a larger polytope, in which the convex terms of rows are linear"
	}
	return found, nil
}

func (v *Intervals) write(b *strings.Builder, width int) {
	if v.Form == nil && v.Method == "explicit" {
		fmt.Fprintf(b, "closed form: %s\n", v.Reason)
		return
	}
	if v.Form == nil {
		fmt.Fprintf(b, "closed form: none, %s; intervals by %s\n", v.Reason, v.Method)
		return
	}
	fmt.Fprintf(b, "closed form: %s\n", v.Form)
	for i, e := range v.Form.Entities {
		if i == mostEntities {
			fmt.Fprintf(b, "  ... and %d more; --json prints all\n", len(v.Form.Entities)-i)
			break
		}
		fmt.Fprintf(b, "  %s  %4d of %4d below, %4d of %4d above", cells.Pad(e.Entity, width), e.NeededLower, e.Lower, e.NeededUpper, e.Upper)
		if e.How != v.Form.How {
			fmt.Fprintf(b, ", %s", e.How)
		}
		b.WriteByte('\n')
	}
}

// sharePoints is the number of points that the feasible share is estimated from: fewer
// where each takes many steps.
func sharePoints(p *lp.Polytope) int {
	const least, most, steps = 10_000, 1_000_000, 4_000_000_000
	_, rows, _ := p.Inequalities()
	each := p.Dim() * (20 + len(rows))
	if p.HullOnly() {
		each = 30 * p.Dim() * len(p.Points()) // some turns of a plane
	}
	return max(least, min(most, steps/each))
}

// Polytope checks a polytope that is called name. An error is that of ctx where it ends, or of
// a step.
func Polytope(ctx context.Context, name string, p *lp.Polytope) (*Report, error) {
	c := &Report{Name: name, Entities: p.Entities(), Redundant: []string{}, Rows: []Row{}}
	lo, hi, err := lp.BoundingBoxContext(ctx, p)
	if err != nil {
		return nil, err
	}
	for i, e := range c.Entities {
		c.Box = append(c.Box, Range{e, lo[i], hi[i]})
	}
	redundant, err := lp.RedundantRowsContext(ctx, p)
	if err != nil {
		return nil, err
	}
	isRedundant := map[int]bool{}
	for _, k := range redundant {
		isRedundant[k] = true
	}
	n := p.Dim()
	e, f, names := p.Equalities()
	for k, v := range f {
		c.Rows = append(c.Rows, Row{names[k], constraints.Expression(e[k*n:(k+1)*n], c.Entities) + " = " + number(v), false})
	}
	if p.HullOnly() {
		c.Points = len(p.Points())
	}
	_, b, names := p.Inequalities()
	for k, v := range b {
		c.Rows = append(c.Rows, Row{names[k], constraints.Inequality(p, k) + " <= " + number(v), isRedundant[k]})
		if isRedundant[k] {
			c.Redundant = append(c.Redundant, names[k])
		}
		for _, t := range p.Terms(k) {
			if t.Holding {
				if c.Holdings == nil {
					c.Holdings = map[string]float64{}
				}
				c.Holdings[c.Entities[t.Entity]] = t.From
			}
		}
	}
	if c.Intervals, err = checkIntervals(ctx, p); err != nil {
		return nil, err
	}
	s, err := uniform.FeasibleShare(ctx, p, sharePoints(p), rng.New(1, "check"))
	if err != nil {
		return nil, err
	}
	c.FeasibleShare = Share{s.Estimate, s.StdErr, s.Proposals, s.Of, s.String()}
	return c, nil
}

func number(x float64) string { return strconv.FormatFloat(x+0, 'g', -1, 64) } // not -0

// MostRows is the number of rows that Write writes, mostEntities that of entities.
const MostRows, mostEntities = 20, 100

// shortened leaves out the middle of a row of many entities; its limit stays.
func shortened(expr string) string {
	const most = 1000
	if len(expr) <= most {
		return expr
	}
	head := strings.LastIndexByte(expr[:most], ' ')
	limit := strings.LastIndexByte(expr[:strings.LastIndexByte(expr, ' ')], ' ') // " <= 1"
	return expr[:max(0, head)] + " ..." + expr[limit:]
}

// writeHoldings says, before ranges, share and redundant rows, of which holdings they are: a row
// that is redundant there may be needed from others.
func (c *Report) writeHoldings(b *strings.Builder) {
	if len(c.Holdings) == 0 {
		return
	}
	const most = 8
	var words []string
	for _, e := range c.Entities {
		if h, ok := c.Holdings[e]; ok && len(words) < most {
			words = append(words, fmt.Sprintf("%s %.4g", e, h))
		}
	}
	if more := len(c.Holdings) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(b, "from holdings of %s (the file's, or else the allocation closest to equal shares; from others ranges, feasible share and redundant rows are others):\n", strings.Join(words, ", "))
}

// redundant names the rows that are, those that share a name with another one by what they say:
// a group with a least and a largest amount has two.
func (c *Report) redundant() (all []string) {
	rows := map[string]int{}
	for _, r := range c.Rows {
		rows[r.Name]++
	}
	for _, r := range c.Rows {
		switch {
		case !r.Redundant:
		case rows[r.Name] > 1:
			all = append(all, fmt.Sprintf("%s (%s)", r.Name, shortened(r.Expr)))
		default:
			all = append(all, r.Name)
		}
	}
	return all
}

// Write writes the report as text, without what is long.
func (c *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", c.Name, count.Of(len(c.Entities), "entity"), count.Of(len(c.Rows), "row"))
	c.writeHoldings(&b)
	width, redundant := 0, "redundant rows"
	if len(c.Holdings) > 0 {
		redundant = "redundant rows from these holdings"
	}
	for _, e := range c.Entities {
		width = max(width, cells.Width(e))
	}
	for i, r := range c.Box {
		if i == mostEntities {
			fmt.Fprintf(&b, "  ... and %d more; --json prints all\n", len(c.Box)-i)
			break
		}
		fmt.Fprintf(&b, "  %s  %10.6g .. %-10.6g\n", cells.Pad(r.Entity, width), r.Lo, r.Hi)
	}
	b.WriteString("rows\n")
	for i, r := range c.Rows {
		if i == MostRows {
			fmt.Fprintf(&b, "  ... and %d more; --json prints all\n", len(c.Rows)-i)
			break
		}
		fmt.Fprintf(&b, "  %s: %s\n", r.Name, shortened(r.Expr))
	}
	if c.Points > 0 {
		fmt.Fprintf(&b, "  hull of %s, too thin or of too many facets for rows; linear programs over their weights answer instead\n", count.Of(c.Points, "point"))
	}
	fmt.Fprintf(&b, "feasible share: %s\n", c.FeasibleShare.text)
	switch n := len(c.Redundant); {
	case n == 0:
		fmt.Fprintf(&b, "%s: none\n", redundant)
	case n > MostRows:
		fmt.Fprintf(&b, "%s: %d of %d\n", redundant, n, len(c.Rows))
	default:
		fmt.Fprintf(&b, "%s: %s\n", redundant, strings.Join(c.redundant(), ", "))
	}
	c.Intervals.write(&b, width)
	if c.Export.Possible {
		b.WriteString("export to ONNX: possible\n")
	} else {
		fmt.Fprintf(&b, "export to ONNX: not possible, %s\n", c.Export.Reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
