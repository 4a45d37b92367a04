package compute

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"paspo/envs"
	"paspo/lp"
	"paspo/lp/constraints"
)

// GreedyBySpeed returns the split closest to shares proportional to the
// servers' frequencies.
func (p *Problem) GreedyBySpeed() ([]float64, error) {
	a := make([]float64, len(p.hz))
	for i, f := range p.hz {
		a[i] = f / p.total
	}
	return lp.Project(p.spec.Polytope, a)
}

// LevelLoad returns the split that minimises z = max_i a_i F / f_i, with f_i the
// servers' frequencies and F their sum, and z, which is at least 1. No split gets a
// stream of work done faster than F/z (see Bound), and this one does it at that rate. The
// polytope must have rows.
func (p *Problem) LevelLoad() (a []float64, z float64, err error) {
	rows := make([]level, len(p.hz))
	for i, f := range p.hz {
		rows[i] = level{i, p.total / f, 0}
	}
	a, err = p.lowest(rows, p.total/slices.Min(p.hz))
	if err != nil {
		return nil, 0, fmt.Errorf("compute: level load: %w", err)
	}
	// The level that the split has, whatever the program's tolerance.
	for i, f := range p.hz {
		z = max(z, a[i]*p.total/f)
	}
	return a, z, nil
}

// LevelAhead returns the split of a task with which all servers, which are busy for some seconds
// more, would be done soonest if so many cycles more arrived at once and were split alike. With
// none it is what gets the task done soonest, with many it is close to LevelLoad.
func (p *Problem) LevelAhead(busy []float64, task Task, cycles float64) ([]float64, error) {
	var rows []level
	most := 0.
	for i, f := range p.hz {
		compute := (task.Cycles + cycles) / f
		rows = append(rows, level{i, compute, busy[i]}, level{i, compute + task.Bits/bitsPerSecond, 0})
		most = max(most, busy[i]+compute+task.Bits/bitsPerSecond)
	}
	a, err := p.lowest(rows, most)
	if err != nil {
		return nil, fmt.Errorf("compute: level ahead: %w", err)
	}
	return a, nil
}

// level is a server's: slope a_i + from.
type level struct {
	server      int
	slope, from float64
}

// lowest returns the split whose highest level, up to most, is lowest.
func (p *Problem) lowest(levels []level, most float64) ([]float64, error) {
	t := p.spec.Polytope
	n := t.Dim()
	lower, upper := t.Bounds()
	d := lp.Description{
		Entities: append(slices.Clone(t.Entities()), "level"), Total: math.NaN(),
		Lower: append(slices.Clone(lower), 0), Upper: append(slices.Clone(upper), most),
	}
	row := func(coef []float64, z, least, most float64) {
		d.Rows = append(d.Rows, lp.Row{Name: fmt.Sprint(len(d.Rows)), Coef: append(slices.Clone(coef), z), Min: least, Max: most})
	}
	m, b, _ := t.Inequalities()
	for k := range b {
		row(m[k*n:(k+1)*n], 0, math.Inf(-1), b[k])
	}
	m, b, _ = t.Equalities()
	for k := range b {
		row(m[k*n:(k+1)*n], 0, b[k], b[k])
	}
	for _, l := range levels {
		coef := make([]float64, n)
		coef[l.server] = l.slope
		row(coef, -1, math.Inf(-1), 0-l.from)
	}
	c := make([]float64, n+1)
	c[n] = 1
	q, err := lp.New(d)
	if err != nil {
		return nil, err
	}
	a, _, err := q.Minimize(c, nil)
	if err != nil {
		return nil, err
	}
	return a[:n], nil
}

// Constantly implements envs.Constantly: LevelLoad.
func (p *Problem) Constantly() ([]float64, error) {
	if p.spec.Polytope.HullOnly() {
		return nil, errors.New("the constraints have no rows, only points: uniform or amounts by entity are allowed")
	}
	a, _, err := p.LevelLoad()
	return a, err
}

// Bound returns how many of the tasks, in the order of their arrival, can be done in
// time at most by a policy that knows all of them. z is that of LevelLoad.
//
// What is put on the servers from task s on, a_si C_s + .. + a_ji C_j, is not begun
// before t_s, and its split, the average of splits in the polytope, is one too. So the last server is done
// with task j no earlier than
//
//	t_s + z (C_s + .. + C_j) / F    for every s <= j,
//
// as one server of frequency F/z would be. The bound takes no time for transmission. Rounding
// of shares and cycles takes at most 1 + C/1e6 cycles off a server's part, which is allowed for.
func (p *Problem) Bound(tasks []Task, z float64) int {
	slowest := slices.Min(p.hz)
	inTime, done := 0, 0.
	for _, t := range tasks {
		rounding := (1 + t.Cycles/shareResolution) / slowest
		done = max(t.Time, done) + max(0, z*t.Cycles/p.total-rounding)
		if done < t.Time+t.Limit {
			inTime++
		}
	}
	return inTime
}

// Bounds returns Bound of evaluated episodes (see envs.EpisodeStream), which no policy
// exceeds on any of them; nothing where the polytope has no rows.
func (p *Problem) Bounds(episodes int, seed uint64, set ...string) ([]float64, error) {
	if p.spec.Polytope.HullOnly() {
		return nil, nil
	}
	_, z, err := p.LevelLoad()
	if err != nil {
		return nil, err
	}
	e, obs := p.NewEnv(), make([]float64, p.spec.ObsDim)
	bounds := make([]float64, episodes)
	for i := range bounds {
		e.Reset(envs.EpisodeStream(seed, i, set...), obs)
		bounds[i] = float64(p.Bound(e.Tasks(), z))
	}
	return bounds, nil
}

// FastestFirst returns the split with the largest sum of share times frequency:
// as much as the constraints allow on the fastest servers.
func (p *Problem) FastestFirst() ([]float64, error) {
	a, _, err := p.spec.Polytope.Minimize(p.fastestCosts(), nil)
	if err != nil {
		return nil, fmt.Errorf("compute: fastest servers first: %w", err)
	}
	return a, nil
}

func (p *Problem) fastestCosts() []float64 {
	c := make([]float64, len(p.hz))
	for i, f := range p.hz {
		c[i] = -f / p.total
	}
	return c
}

// LevelQueues returns an allocator that looks at the queues: the split that would
// make all servers it uses be done at the same time if transmission took none, projected onto
// the allocations that satisfy the polytope and the caps.
func (p *Problem) LevelQueues() envs.Allocator {
	m := len(p.hz)
	a, order := make([]float64, m), make([]int, m)
	return envs.EachRow(func(s *envs.States, row int, action []float64) error {
		obs := s.Observation(row)
		p.level(obs[:m], obs[m+shownTasks], a, order)
		x, err := lp.ProjectWithin(p.spec.Polytope, s.Limit(row), a)
		copy(action, x)
		return err
	})
}

// level sets a to the shares of cycles with which servers that are done at done
// (ms) reach a common level T, sum_i max(0, T - done_i) f_i = cycles.
func (p *Problem) level(done []float64, cycles float64, a []float64, order []int) {
	clear(a)
	if cycles <= 0 { // after the last task
		a[0] = 1
		return
	}
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if done[i] < done[j] {
			return -1
		}
		return 1
	})
	// T is the level of the k servers that are done first.
	var speed, area, level float64
	for k, i := range order {
		speed += p.hz[i]
		area += p.hz[i] * done[i] / millisecond
		level = (cycles + area) / speed
		if k+1 == len(order) || level <= done[order[k+1]]/millisecond {
			break
		}
	}
	for i := range a {
		a[i] = max(0, level-done[i]/millisecond) * p.hz[i] / cycles
	}
}

// bestConstant is what go run ./cmd/experiments constant ends at.
var bestConstant = []float64{
	0.19439493893413534, 0.059018189325211835, 0.014610513342173122, 0.05446152415407804, 0.21802007759292283,
	0.06717559812065328, 0.13791055564981888, 0.10205388924039038, 0.15235471364063634,
}

// BestConstant returns the constant split that does most tasks in time of those that a search
// has found, nil where none was made: it is of the built-in servers and users, with the paper's polytope and
// without caps. The slice must not be modified.
func (p *Problem) BestConstant() ([]float64, error) {
	if !p.builtin || p.caps != nil {
		return nil, nil
	}
	t, err := constraints.Preset("compute", 0)
	if err != nil || p.spec.Polytope.Difference(t) != "" {
		return nil, err
	}
	return bestConstant, nil
}

// References returns what trained policies are compared with. Under caps that
// follow the queues they stay within those.
func (p *Problem) References(seed uint64) ([]envs.Reference, error) {
	all, err := envs.UniformAndEqual(p.spec.Polytope, seed, p.caps != nil, "equal shares")
	if err != nil {
		return nil, err
	}
	greedy, err := p.GreedyBySpeed()
	if err != nil {
		return nil, err
	}
	fastest, err := p.fastestFirst()
	if err != nil {
		return nil, err
	}
	all = append(all,
		envs.Reference{Name: "fastest first", Allocator: fastest},
		envs.Reference{Name: "greedy by speed", Allocator: envs.Within(p.spec.Polytope, envs.Constant(greedy))},
		envs.Reference{Name: "level queues", Allocator: p.LevelQueues()})
	if p.spec.Polytope.HullOnly() {
		return all, nil
	}
	level, _, err := p.LevelLoad()
	if err != nil {
		return nil, err
	}
	all = append(all, envs.Reference{Name: "level load", Allocator: envs.Within(p.spec.Polytope, envs.Constant(level))})
	best, err := p.BestConstant()
	if err != nil || best == nil {
		return all, err
	}
	return append(all, envs.Reference{Name: "best constant", Allocator: envs.Constant(best)}), nil
}
