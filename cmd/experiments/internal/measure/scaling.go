package measure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stress"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/lp/interval/warm"
)

type scalingOptions struct {
	entities, rows []int
	limit          time.Duration
}

// cell is what was measured on one polytope, on one thread.
type cell struct {
	Entities, Rows int
	Caps           bool

	CompileSeconds float64 `json:",omitempty"`
	BudgetError    string  `json:",omitempty"` // why there is no closed form
	Pieces         int     `json:",omitempty"` // both endpoints of all entities
	LargestEnd     int     `json:",omitempty"`
	Active         int     `json:",omitempty"` // pieces that were ever an endpoint
	LargestActive  int     `json:",omitempty"`
	ActiveChains   int     `json:",omitempty"`

	Solvers map[string]*solverCell
}

type solverCell struct {
	ChainsPerS    float64
	IntervalsPerS float64
	KBytes        float64 // of Go's heap: CLP holds most of its memory elsewhere
	Chains        float64 // that this was measured on; a part of one where it is below 1
	Warmed        float64 // chains before
	NoWidth       float64 // share of the intervals up to 1e-9 wide
	HitRate       float64 `json:",omitempty"` // share of the endpoints that a warm-start basis proved
	Bases         int     `json:",omitempty"` // that are kept
	Error         string  `json:",omitempty"`
}

// scalingMethods are measured on every polytope, CLP as what they are compared
// with.
var scalingMethods = interval.Methods()[1:]

// scaling measures the closed form, and what there is beside it, over a grid of
// sizes.
func scaling(ctx context.Context, out *output.Folder, o scalingOptions) error {
	threads := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(threads)
	var cells []*cell
	for _, caps := range []bool{false, true} {
		for _, n := range o.entities {
			for _, m := range o.rows {
				if err := ctx.Err(); err != nil {
					return err
				}
				c, err := measureCell(n, m, caps, o.limit)
				if err != nil {
					return fmt.Errorf("%d entities, %d rows, caps %v: %w", n, m, caps, err)
				}
				cells = append(cells, c)
				out.Progress("%v %v", c.pieces(), c.speeds())
			}
		}
	}
	if err := out.JSON("scaling", cells); err != nil {
		return err
	}
	return showScaling(out, cells)
}

// showScaling writes tables and plots.
func showScaling(out *output.Folder, cells []*cell) error {
	var entities, rows []int
	for _, c := range cells {
		entities, rows = append(entities, c.Entities), append(rows, c.Rows)
	}
	slices.Sort(entities)
	slices.Sort(rows)
	entities, rows = slices.Compact(entities), slices.Compact(rows)
	for _, caps := range []bool{false, true} {
		name := "scaling"
		title := "full chains of intervals a CPU-second"
		if caps {
			name, title = "scaling-caps", title+", a cap on every entity"
		}
		pieces := strings.Replace(name, "scaling", "pieces", 1)
		table, compiled := [][]string{scalingHead}, [][]string{piecesHead}
		for _, c := range cells {
			if c.Caps == caps {
				table, compiled = append(table, c.speeds()), append(compiled, c.pieces())
			}
		}
		if err := out.Table(name, table); err != nil {
			return err
		}
		if err := out.Table(pieces, compiled); err != nil {
			return err
		}
		if err := out.Plot(name, scalingPlot(cells, caps, title, rows)); err != nil {
			return err
		}
		if err := out.Plot(pieces, piecesPlot(cells, caps, entities)); err != nil {
			return err
		}
	}
	return nil
}

const (
	activeChains = 300

	// patience is by how much a chain that has begun may exceed the time before it
	// is left where it is.
	patience = 5

	scalingPoints = 1 << 18 // coordinates of the points that chains lead to
)

func measureCell(n, m int, caps bool, limit time.Duration) (*cell, error) {
	p, err := stress.Scaled(n, m, caps, 1)
	if err != nil {
		return nil, err
	}
	points, err := stress.Points(p, max(1024, scalingPoints/n), rand.New(rng.New(1, "experiments", "scaling")))
	if err != nil {
		return nil, err
	}
	c := &cell{Entities: n, Rows: m, Caps: caps, Solvers: map[string]*solverCell{}}
	for _, method := range scalingMethods {
		cfg := interval.DefaultConfig()
		cfg.Method, cfg.Workers = method, 1
		if cfg.Validate() != nil {
			continue // not built in
		}
		before := heap()
		start := cpuSeconds()
		s, err := interval.New(p, cfg)
		seconds := cpuSeconds() - start
		var budget *lp.BudgetError
		if errors.As(err, &budget) {
			c.CompileSeconds, c.BudgetError = seconds, budget.Reason
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		if method == "explicit" {
			c.CompileSeconds = seconds
			if err := c.countPieces(s, limit); err != nil {
				return nil, err
			}
		}
		r, err := measureSolver(s, points, limit)
		if err != nil {
			r.Error = err.Error()
		}
		r.KBytes = max(0, heap()-before) / 1024
		runtime.KeepAlive(s)
		if err := s.Close(); err != nil {
			return nil, err
		}
		c.Solvers[method] = r
	}
	return c, nil
}

// cpuSeconds is the time that the process has spent on processors, which others on
// the machine do not add to.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // of arguments alone
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// heap returns the bytes of Go's heap that are in use.
func heap() float64 {
	for range 3 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond) // for finalizers, which free what linear programs held
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func (c *cell) countPieces(s lp.Solver, limit time.Duration) error {
	end := time.Now().Add(limit)
	active := map[int][2]int{}
	for c.ActiveChains < activeChains && time.Now().Before(end) {
		// Every call counts anew, so the chains double.
		chains := max(25, 2*c.ActiveChains)
		counts, err := countActive(s, chains, rng.New(1, "experiments", "active"))
		if err != nil || counts == nil {
			return err
		}
		c.Pieces, c.LargestEnd, c.ActiveChains = 0, 0, chains
		for i, k := range counts {
			c.Pieces += k.Lower + k.Upper
			c.LargestEnd = max(c.LargestEnd, k.Lower, k.Upper)
			active[i] = [2]int{k.ActiveLower, k.ActiveUpper}
		}
	}
	for _, k := range active {
		c.Active += k[0] + k[1]
		c.LargestActive = max(c.LargestActive, k[0], k[1])
	}
	return nil
}

// measureSolver times full chains to the given points, after a while in which a lazy
// solver fills its store. The warm-up takes the first half of the points, so that
// what is measured has not been seen.
func measureSolver(s lp.Solver, points []float64, limit time.Duration) (*solverCell, error) {
	n := s.Polytope().Dim()
	batch := 64
	if s.Method() == "clp" {
		batch = 1
	}
	c := s.Chain(batch)
	lo, hi, a := make([]float64, batch), make([]float64, batch), make([]float64, batch)
	half := len(points) / n / 2
	done, narrow := 0, 0 // intervals
	walk := func(first int, d time.Duration) (chains, rate float64, err error) {
		start, cpu := time.Now(), cpuSeconds()
		done, narrow = 0, 0
		for row := 0; done == 0 || time.Since(start) < d; row += batch {
			c.Begin(batch, nil)
			for i := range n {
				if time.Since(start) > patience*d {
					break
				}
				if err := c.Next(lo, hi); err != nil {
					return 0, 0, err
				}
				for k := range a {
					if hi[k]-lo[k] <= 1e-9 {
						narrow++
					}
					a[k] = min(max(points[(first+(row+k)%half)*n+i], lo[k]), hi[k])
				}
				c.Fix(a)
				done += batch
			}
		}
		chains = float64(done) / float64(n)
		return chains, chains / (cpuSeconds() - cpu), nil
	}
	warmed := 0.
	if s.Method() != "clp" {
		var err error
		if warmed, _, err = walk(0, limit); err != nil {
			return &solverCell{}, err
		}
	}
	kept := func() warm.Stats {
		stats, _ := interval.WarmStarts(s)
		return stats
	}
	warm := kept()
	chains, rate, err := walk(half, limit)
	out := &solverCell{ChainsPerS: rate, IntervalsPerS: rate * float64(n), Chains: chains, Warmed: warmed, NoWidth: float64(narrow) / float64(done)}
	if s.Method() == "lazy" {
		t := kept()
		out.Bases = t.Bases
		t.Hits, t.Misses = t.Hits-warm.Hits, t.Misses-warm.Misses
		out.HitRate = t.HitRate()
	}
	return out, err
}

var piecesHead = []string{"entities", "rows", "compile, CPU ms", "pieces", "largest endpoint", "ever active", "largest endpoint of these", "kB"}

// pieces is a row on the closed form.
func (c *cell) pieces() []string {
	out := []string{fmt.Sprint(c.Entities), fmt.Sprint(c.Rows), output.Number(1000 * c.CompileSeconds)}
	if c.BudgetError != "" {
		return append(out, "beyond the budget", "", "", "", "")
	}
	return append(out, fmt.Sprint(c.Pieces), fmt.Sprint(c.LargestEnd), fmt.Sprint(c.Active), fmt.Sprint(c.LargestActive), c.memory("explicit"))
}

func (c *cell) memory(name string) string {
	if s := c.Solvers[name]; s != nil {
		return output.Number(s.KBytes)
	}
	return ""
}

var scalingHead = []string{
	"entities", "rows", "chains/s: closed form", "lazy", "CLP", "closed form / CLP", "lazy / CLP",
	"lazy: hit rate", "after chains", "bases", "kB", "intervals without width",
}

// speeds is a row on all solvers.
func (c *cell) speeds() []string {
	out := []string{fmt.Sprint(c.Entities), fmt.Sprint(c.Rows)}
	speed := func(name string) string {
		s := c.Solvers[name]
		switch {
		case s == nil:
			return ""
		case s.Error != "":
			return "failed"
		}
		if s.Chains < 1 {
			return "~" + output.Number(s.ChainsPerS)
		}
		return output.Number(s.ChainsPerS)
	}
	ratio := func(name string) string {
		s, clp := c.Solvers[name], c.Solvers["clp"]
		if s == nil || clp == nil || s.ChainsPerS == 0 || clp.ChainsPerS == 0 {
			return ""
		}
		return output.Number(s.ChainsPerS / clp.ChainsPerS)
	}
	out = append(out, speed("explicit"), speed("lazy"), speed("clp"), ratio("explicit"), ratio("lazy"))
	narrow, hits, after, bases := "", "", "", ""
	if s := c.Solvers["lazy"]; s != nil {
		narrow = output.Percent(s.NoWidth)
		hits, after, bases = fmt.Sprintf("%.2f %%", 100*s.HitRate), fmt.Sprintf("%.0f", s.Warmed), fmt.Sprint(s.Bases)
	}
	return append(out, hits, after, bases, c.memory("lazy"), narrow)
}

// scalingPlot draws the speed of every method over the entities, for the fewest,
// the middle and the largest number of rows.
func scalingPlot(cells []*cell, caps bool, title string, rows []int) plots.Chart {
	chart := plots.Chart{Title: title, XLabel: "entities", YLabel: "chains a second", LogX: true, LogY: true}
	shown := slices.Compact([]int{rows[0], rows[len(rows)/2]})
	for _, method := range scalingMethods {
		first := ""
		for _, m := range shown {
			k := plots.Curve{Name: fmt.Sprintf("%s, %d rows", method, m), Points: true, Like: first}
			for _, c := range cells {
				if s := c.Solvers[method]; c.Caps == caps && c.Rows == m && s != nil && s.Error == "" {
					k.X, k.Y = append(k.X, float64(c.Entities)), append(k.Y, s.ChainsPerS)
				}
			}
			if len(k.X) > 0 {
				chart.Curves = append(chart.Curves, k)
				first = chart.Curves[len(chart.Curves)-1].Name
			}
		}
	}
	return chart
}

// piecesPlot draws, over the rows, the pieces of all endpoints that there are and
// those that were ever an endpoint.
func piecesPlot(cells []*cell, caps bool, entities []int) plots.Chart {
	chart := plots.Chart{Title: "pieces of the closed form, both endpoints of all entities", XLabel: "rows", YLabel: "pieces", LogX: true, LogY: true}
	if caps {
		chart.Title += ", a cap on every entity"
	}
	for _, n := range entities {
		possible := plots.Curve{Name: fmt.Sprintf("%d entities, possible", n), Points: true}
		active := plots.Curve{Name: fmt.Sprintf("%d, ever an endpoint", n), Points: true, Like: possible.Name}
		for _, c := range cells {
			if c.Entities == n && c.Caps == caps && c.BudgetError == "" && c.Pieces > 0 {
				possible.X, possible.Y = append(possible.X, float64(c.Rows)), append(possible.Y, float64(c.Pieces))
				active.X, active.Y = append(active.X, float64(c.Rows)), append(active.Y, float64(c.Active))
			}
		}
		chart.Curves = append(chart.Curves, possible, active)
	}
	return chart
}
