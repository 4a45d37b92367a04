package arrays

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unsafe"

	"paspo/internal/count"
	"paspo/internal/rng"
	"paspo/internal/run/serve"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
	"paspo/lp/uniform"
)

// maxNumbers is the number of numbers that one request may hold.
const maxNumbers = 1 << 26

// server answers requests for a polytope. Solver and sampler are made when they are
// needed.
type server struct {
	p       *lp.Polytope
	solver  lp.Solver
	chain   lp.Chain
	batch   int
	sampler *uniform.Sampler
}

type request struct {
	Op   string `json:"op"`
	Rows int    `json:"rows"`
	Cols int    `json:"cols"`
	Seed uint64 `json:"seed"`
}

// Serve answers the requests of in on out until in or ctx ends. In the second case the error is
// that of ctx.
func Serve(ctx context.Context, p *lp.Polytope, in io.Reader, out io.Writer) error {
	s := &server{p: p}
	defer func() {
		if s.solver != nil {
			s.solver.Close()
		}
	}()
	r, w := bufio.NewReader(in), bufio.NewWriter(out)
	for ctx.Err() == nil {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading requests: %w", err)
		}
		var q request
		if err := json.Unmarshal(line, &q); err != nil {
			return fmt.Errorf("%q is no request: %w", strings.TrimSpace(string(line)), err)
		}
		if q.Rows < 0 || q.Cols < 0 || q.Rows > maxNumbers || q.Cols > maxNumbers || q.Rows*max(1, q.Cols) > maxNumbers {
			return fmt.Errorf("a request of %d rows of %d numbers: at most %d numbers are allowed", q.Rows, q.Cols, maxNumbers)
		}
		numbers := make([]float64, q.Rows*q.Cols)
		if _, err := io.ReadFull(r, bytesOf(numbers)); err != nil {
			return fmt.Errorf("reading requests: %w", err)
		}
		var answer any
		var rows []float64
		if q.Op == "describe" {
			answer, err = s.describe(ctx)
		} else if rows, err = s.answer(ctx, q, numbers); err == nil {
			answer = map[string]int{"rows": q.Rows, "cols": len(rows) / max(1, q.Rows)}
		}
		if err != nil {
			answer = map[string]string{"error": serve.OneLine(err)}
		}
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		if err := e.Encode(answer); err != nil {
			return fmt.Errorf("writing answers: %w", err)
		}
		if err == nil {
			w.Write(bytesOf(rows))
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("writing answers: %w", err)
		}
	}
	return ctx.Err()
}

// bytesOf returns the bytes of numbers, which are little-endian on every machine that
// this program is built for.
func bytesOf(v []float64) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 8*len(v))
}

func (s *server) answer(ctx context.Context, q request, x []float64) ([]float64, error) {
	n := s.p.Dim()
	if q.Op == "project" || q.Op == "check" {
		if q.Cols != n {
			return nil, fmt.Errorf("points have %s, the polytope %s", count.Of(q.Cols, "number"), count.Of(n, "entity"))
		}
	}
	for i, v := range x {
		if v-v != 0 {
			return nil, fmt.Errorf("row %d: component %d is %g: a finite number is allowed", i/q.Cols, i%q.Cols, v)
		}
	}
	switch q.Op {
	case "intervals":
		return s.intervals(ctx, q, x)
	case "project":
		var out []float64
		for i := range q.Rows {
			y, err := lp.Project(s.p, x[i*n:(i+1)*n])
			if err != nil {
				return nil, fmt.Errorf("row %d: %w", i, err)
			}
			out = append(out, y...)
		}
		return out, nil
	case "check":
		out := make([]float64, q.Rows)
		for i := range out {
			out[i] = s.p.Residual(x[i*n:(i+1)*n], nil)
		}
		return out, nil
	case "sample":
		if s.sampler == nil {
			c := uniform.DefaultConfig()
			c.Seed = 1
			var err error
			if s.sampler, err = uniform.New(s.p, c); err != nil {
				return nil, err
			}
		}
		if q.Rows == 0 {
			return nil, nil
		}
		points, _, err := s.sampler.Sample(q.Rows, rng.New(q.Seed, "sample").Split(0))
		return points, err
	}
	return nil, fmt.Errorf("op is %q: describe, intervals, project, check and sample are allowed", q.Op)
}

// ready makes the solver, and a chain for as many rows.
func (s *server) ready(ctx context.Context, rows int) error {
	if s.solver == nil {
		c := interval.DefaultConfig()
		c.Workers = 1
		var err error
		if s.solver, err = interval.NewContext(ctx, s.p, c); err != nil {
			return err
		}
	}
	if s.chain == nil || rows > s.batch {
		s.chain, s.batch = s.solver.Chain(rows), rows
	}
	return nil
}

func (s *server) intervals(ctx context.Context, q request, x []float64) ([]float64, error) {
	if n := s.p.Dim(); q.Cols >= n {
		return nil, fmt.Errorf("the prefixes have %s: at most %d of %d leave one to answer for", count.Of(q.Cols, "entity"), n-1, n)
	}
	if q.Rows == 0 {
		return nil, nil
	}
	if err := s.ready(ctx, q.Rows); err != nil {
		return nil, err
	}
	lo, hi, a := make([]float64, q.Rows), make([]float64, q.Rows), make([]float64, q.Rows)
	s.chain.Begin(q.Rows, nil)
	for i := range q.Cols + 1 {
		if err := s.chain.Next(lo, hi); err != nil {
			var none *lp.InfeasibleError
			if errors.As(err, &none) {
				return nil, fmt.Errorf("row %d: %s", none.Row, serve.Infeasible("no allocation has this prefix", none, s.p, nil))
			}
			return nil, err
		}
		if i < q.Cols {
			for r := range a {
				a[r] = x[r*q.Cols+i]
			}
			s.chain.Fix(a)
		}
	}
	out := make([]float64, 0, 2*q.Rows)
	for r := range lo {
		out = append(out, lo[r], hi[r])
	}
	return out, nil
}

// endpointPieces are the affine pieces of both endpoints of one interval, a row of weights each.
// Floor says that 0 is one more piece of the lower endpoint.
type endpointPieces struct {
	Lower [][]float64 `json:"lower"`
	Upper [][]float64 `json:"upper"`
	Floor bool        `json:"floor"`
}

type formPieces struct {
	Begin     []float64        `json:"begin"` // rho of the empty prefix
	Cols      [][]float64      `json:"cols"`  // by what an amount of each entity moves rho
	Base      []float64        `json:"base"`  // what the endpoints and the amounts are counted from
	Endpoints []endpointPieces `json:"endpoints"`
}

type description struct {
	Name     string      `json:"name"`
	Entities []string    `json:"entities"`
	A        [][]float64 `json:"A"`
	B        []float64   `json:"b"`
	Rows     []string    `json:"rows"`
	Convex   []string    `json:"convex"` // names of the rows with convex terms, which A does not hold
	E        [][]float64 `json:"E"`
	F        []float64   `json:"f"`
	Lower    []*float64  `json:"lower"` // null for no bound
	Upper    []*float64  `json:"upper"`
	Pieces   *formPieces `json:"pieces"` // null where there is no closed form
}

func (s *server) describe(ctx context.Context) (*description, error) {
	p := s.p
	if p.HasHoldings() {
		return nil, fmt.Errorf("%s has terms of holdings, which a batch of numbers does not state", p.Name())
	}
	n := p.Dim()
	matrix := func(v []float64, cols int) [][]float64 {
		out := [][]float64{}
		for row := range slices.Chunk(v, max(1, cols)) {
			out = append(out, row)
		}
		return out
	}
	bounds := func(v []float64) []*float64 {
		out := make([]*float64, n)
		for i, x := range v {
			if !math.IsInf(x, 0) {
				out[i] = &x
			}
		}
		return out
	}
	d := &description{Name: p.Name(), Entities: p.Entities(), B: []float64{}, F: []float64{}}
	a, b, names := p.Inequalities()
	d.A, d.Rows, d.Convex = [][]float64{}, []string{}, []string{}
	for k, row := range matrix(a, n) {
		if p.Terms(k) != nil {
			d.Convex = append(d.Convex, names[k])
			continue
		}
		d.A, d.B, d.Rows = append(d.A, row), append(d.B, b[k]), append(d.Rows, names[k])
	}
	e, f, _ := p.Equalities()
	d.E, d.F = matrix(e, n), append(d.F, f...)
	l, u := p.Bounds()
	d.Lower, d.Upper = bounds(l), bounds(u)
	if err := s.ready(ctx, 1); err != nil {
		return nil, err
	}
	tabled, ok := s.solver.(closedform.Tabled)
	if !ok || p.HasTerms() {
		return d, nil
	}
	t := tabled.Tables()
	form := &formPieces{Begin: t.Begin, Base: make([]float64, n)}
	if t.Facets {
		// rho is (1, a_0, a_1, ..): an amount adds itself.
		form.Begin = append([]float64{1}, make([]float64, n)...)
		for i := range n {
			col := make([]float64, n+1)
			col[1+i] = -1
			form.Cols = append(form.Cols, col)
		}
	} else {
		form.Cols = matrix(t.Cols, t.Size)
		form.Base = t.Floor
	}
	for _, end := range t.Needed {
		form.Endpoints = append(form.Endpoints, endpointPieces{matrix(end.Lower, end.Stride), matrix(end.Upper, end.Stride), end.Floor})
	}
	d.Pieces = form
	return d, nil
}
