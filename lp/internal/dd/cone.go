package dd

import "errors"

// ErrUndecided says that rounding hides whether a generator satisfies a
// constraint with equality. Exact arithmetic decides.
var ErrUndecided = errors.New("dd: undecided in floating point")

// ErrBudget says that the effort or the number of generators exceeds its budget.
var ErrBudget = errors.New("dd: budget exceeded")

// Budget limits a cone. Rays is the largest number of extreme rays at any time,
// Effort counts down elementary steps and may be shared between cones.
//
// Noise is what g . x may come to by errors of the data and count as 0 in floating
// point, for |g| and |x| of at most 1.
type Budget struct {
	Rays   int
	Effort *int
	Noise  float64
}

// maxNumbers is the largest number of components of all rays together, whatever the
// budget: memory. What a ray takes beside these counts for overhead of them.
const maxNumbers, overhead = 1 << 22, 16

// Cone is a cone { x in R^d : g . x <= 0 for the g it was cut with }, held by its
// lines and extreme rays. After an error it is of no use.
type Cone interface {
	// Cut adds the constraint g . x <= 0.
	Cut(g []float64) error

	// Restrict adds the constraint g . x = 0.
	Restrict(g []float64) error

	// Lines returns a basis of the lines, largest component 1.
	Lines() [][]float64

	// Rays returns the extreme rays, largest component 1, and how many
	// constraints each satisfies with equality. With lines, a ray stands for all
	// that differ by a line.
	Rays() (rays [][]float64, tight []int)

	// Split returns, by the sign of g . x, the rays scaled to |g . x| = 1, and a
	// line scaled to g . x = 1 where there is one. Rays with g . x = 0 are left
	// out. Where there is such a line, rays are some of those that differ by it.
	Split(g []float64) (s Split, err error)

	// Check verifies every generator against every constraint.
	Check() error
}

// Split is a result of Cone.Split.
type Split struct {
	Line               []float64
	Positive, Negative [][]float64
}

// field is the arithmetic of a cone.
type field[T any] interface {
	vector(g []float64) []T
	dot(g, x []T) T
	// sign decides the sign of g . x, given its value.
	sign(v T) (int, error)
	// combine returns a positive multiple of alpha x + beta y.
	combine(alpha T, x []T, beta T, y []T) []T
	neg(v T) T
	abs(v T) T
	// over returns x / |v| where v is a value of dot(g, x).
	over(x []T, v T, g []float64) []float64
	unit(x []T) []float64
	// share is |v| as a part of the largest component of x.
	share(v T, x []T) float64
	cost() int
	size() int // of a number, in those of float64
}

type cone[T any] struct {
	f      field[T]
	d      int
	budget Budget

	constraints [][]T // nil for x_j >= 0
	coordinate  []int // x_j >= 0 of a constraint, else -1
	equality    []bool

	lines [][]T
	rays  []ray[T]

	err error // of every method that returns one
}

type ray[T any] struct {
	x    []T
	zero bits // constraints with g . x = 0
}

// Precision is what a cone is computed in.
type Precision int

const (
	Floats Precision = iota // float64
	Exact
)

// Precisions are all, the fastest first: exact arithmetic decides what floating point cannot.
var Precisions = [...]Precision{Floats, Exact}

// New returns the cone of all x in R^d whose coordinates in nonneg are not negative.
func New(d int, nonneg []bool, in Precision, budget Budget) Cone {
	if in == Exact {
		return start[bigInt](integers{}, d, nonneg, budget)
	}
	return start[float64](floats{max(zeroTol, budget.Noise)}, d, nonneg, budget)
}

func start[T any](f field[T], d int, nonneg []bool, budget Budget) *cone[T] {
	budget.Rays = min(budget.Rays, maxNumbers/(f.size()*(d+overhead)))
	c := &cone[T]{f: f, d: d, budget: budget}
	if d > budget.Rays {
		c.err = ErrBudget // the first rays are too many
		return c
	}
	unit := func(j int) []T {
		g := make([]float64, d)
		g[j] = 1
		return f.vector(g)
	}
	for j := range d {
		if nonneg[j] {
			c.constrain(nil, j, false)
		}
	}
	for j := range d {
		if !nonneg[j] {
			c.lines = append(c.lines, unit(j))
			continue
		}
		r := ray[T]{x: unit(j)}
		for k, of := range c.coordinate {
			if of != j {
				r.zero.set(k)
			}
		}
		c.rays = append(c.rays, r)
	}
	return c
}

func (c *cone[T]) Cut(g []float64) error      { return c.add(c.f.vector(g), false) }
func (c *cone[T]) Restrict(g []float64) error { return c.add(c.f.vector(g), true) }

// constrain lists a constraint and returns its number.
func (c *cone[T]) constrain(g []T, coordinate int, equality bool) int {
	c.constraints = append(c.constraints, g)
	c.coordinate = append(c.coordinate, coordinate)
	c.equality = append(c.equality, equality)
	return len(c.constraints) - 1
}

func (c *cone[T]) add(g []T, equality bool) error {
	if c.err != nil {
		return c.err
	}
	id := c.constrain(g, -1, equality)
	done, err := c.absorbLine(g, id, equality)
	if done || err != nil {
		return err
	}
	value := make([]T, len(c.rays))
	var pos, neg, keep []int
	for k := range c.rays {
		value[k] = c.f.dot(g, c.rays[k].x)
		s, err := c.f.sign(value[k])
		if err != nil {
			return err
		}
		switch {
		case s > 0:
			pos = append(pos, k)
		case s < 0:
			neg = append(neg, k)
			if !equality {
				keep = append(keep, k)
			}
		default:
			c.rays[k].zero.set(id)
			keep = append(keep, k)
		}
	}
	if err := c.spend(len(c.rays) * c.cost()); err != nil {
		return err
	}
	var fresh []ray[T]
	incident := c.incident()
	for _, p := range pos {
		for _, q := range neg {
			if c.rays[p].zero.countAnd(c.rays[q].zero) < c.d-len(c.lines)-2 {
				// Most pairs: too few common constraints for a face of two rays.
				if err := c.spend(1); err != nil {
					return err
				}
				continue
			}
			common := c.rays[p].zero.and(c.rays[q].zero)
			ok, err := c.adjacent(p, q, common, incident)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := c.spend(c.cost()); err != nil {
				return err
			}
			x := c.f.combine(c.f.abs(value[q]), c.rays[p].x, value[p], c.rays[q].x)
			common.set(id)
			c.clear(x, common)
			fresh = append(fresh, ray[T]{x: x, zero: common})
			if len(keep)+len(fresh) > c.budget.Rays {
				return ErrBudget
			}
		}
	}
	rays := make([]ray[T], 0, len(keep)+len(fresh))
	for _, k := range keep {
		rays = append(rays, c.rays[k])
	}
	c.rays = append(rays, fresh...)
	return nil
}

// absorbLine handles a constraint that some line violates: that line leaves, or
// half of it stays as a ray, and everything else moves along it onto the
// constraint.
func (c *cone[T]) absorbLine(g []T, id int, equality bool) (bool, error) {
	at, err := c.steepest(g)
	if at < 0 || err != nil {
		return false, err
	}
	line := c.lines[at]
	v := c.f.dot(g, line)
	if s, _ := c.f.sign(v); s > 0 {
		// Turn it into the cone.
		v = c.f.neg(v)
		zero := c.f.dot(g, c.f.vector(make([]float64, c.d)))
		line = c.f.combine(zero, line, c.f.neg(c.f.abs(v)), line)
		v = c.f.dot(g, line)
	}
	c.lines = append(c.lines[:at:at], c.lines[at+1:]...)
	// x - (g.x / v) line, times |v| where v < 0.
	onto := func(x []T) []T { return c.f.combine(c.f.abs(v), x, c.f.dot(g, x), line) }
	for k, x := range c.lines {
		c.lines[k] = onto(x)
	}
	for k := range c.rays {
		r := &c.rays[k]
		r.x = onto(r.x)
		r.zero.set(id)
		c.clear(r.x, r.zero)
	}
	if !equality {
		r := ray[T]{x: line}
		for k := range id {
			r.zero.set(k)
		}
		c.rays = append(c.rays, r)
	}
	return true, c.spend((len(c.rays) + len(c.lines)) * c.cost())
}

// steepest returns the line with the largest |g . x|, of lines of equal size; -1
// where all are 0. As in elimination, other choices divide by small numbers.
func (c *cone[T]) steepest(g []T) (at int, err error) {
	at = -1
	most := 0.
	for k, x := range c.lines {
		v := c.f.dot(g, x)
		s, err := c.f.sign(v)
		if err != nil {
			return at, err
		}
		if s == 0 {
			continue
		}
		if share := c.f.share(v, x); at < 0 || share > most {
			at, most = k, share
		}
	}
	return at, nil
}

// clear sets coordinates that are 0 to exactly 0.
func (c *cone[T]) clear(x []T, zero bits) {
	for k, j := range c.coordinate {
		if j >= 0 && zero.has(k) {
			x[j] = c.f.vector([]float64{0})[0]
		}
	}
}

// cost returns the steps that an operation on a vector counts for.
func (c *cone[T]) cost() int { return c.f.cost() * (1 + c.d/64) }

func (c *cone[T]) spend(n int) error {
	*c.budget.Effort -= n
	if *c.budget.Effort < 0 {
		return ErrBudget
	}
	return nil
}

// incident lists the rays that satisfy each constraint with equality.
func (c *cone[T]) incident() [][]int {
	lists := make([][]int, len(c.constraints))
	for k := range c.rays {
		c.rays[k].zero.each(func(id int) { lists[id] = append(lists[id], k) })
	}
	return lists
}

// adjacent reports whether rays p and q span a face: no other ray satisfies all
// their common constraints with equality. These are as many as a face of two needs.
func (c *cone[T]) adjacent(p, q int, common bits, incident [][]int) (bool, error) {
	var shortest []int
	first := true
	common.each(func(id int) {
		if first || len(incident[id]) < len(shortest) {
			shortest, first = incident[id], false
		}
	})
	steps := 1
	defer func() { *c.budget.Effort -= steps }()
	if first {
		// No common constraint: adjacent only if there is no third ray.
		return len(c.rays) == 2, nil
	}
	for _, k := range shortest {
		steps++
		if k != p && k != q && common.in(c.rays[k].zero) {
			return false, nil
		}
	}
	return true, nil
}

func (c *cone[T]) Lines() [][]float64 {
	var out [][]float64
	for _, x := range c.lines {
		out = append(out, c.f.unit(x))
	}
	return out
}

func (c *cone[T]) Rays() (rays [][]float64, tight []int) {
	for _, r := range c.rays {
		rays = append(rays, c.f.unit(r.x))
		tight = append(tight, r.zero.count())
	}
	return rays, tight
}

func (c *cone[T]) Split(g []float64) (Split, error) {
	var s Split
	if c.err != nil {
		return s, c.err
	}
	v := c.f.vector(g)
	at, err := c.steepest(v)
	if err != nil {
		return s, err
	}
	if at >= 0 {
		value := c.f.dot(v, c.lines[at])
		s.Line = c.f.over(c.lines[at], value, g)
		if sign, _ := c.f.sign(value); sign < 0 {
			for j := range s.Line {
				s.Line[j] = -s.Line[j]
			}
		}
	}
	for _, r := range c.rays {
		value := c.f.dot(v, r.x)
		switch sign, err := c.f.sign(value); {
		case err != nil:
			return s, err
		case sign > 0:
			s.Positive = append(s.Positive, c.f.over(r.x, value, g))
		case sign < 0:
			s.Negative = append(s.Negative, c.f.over(r.x, value, g))
		}
	}
	return s, nil
}

func (c *cone[T]) Check() error {
	if c.err != nil {
		return c.err
	}
	value := func(id int, x []T) T {
		if j := c.coordinate[id]; j >= 0 {
			return c.f.neg(x[j])
		}
		return c.f.dot(c.constraints[id], x)
	}
	for id := range c.constraints {
		cost := c.f.cost()
		if c.coordinate[id] < 0 {
			cost = c.cost()
		}
		if err := c.spend((len(c.lines) + len(c.rays)) * cost); err != nil {
			return err
		}
		for _, x := range c.lines {
			if s, err := c.f.sign(value(id, x)); err != nil || s != 0 {
				return ErrUndecided
			}
		}
		for _, r := range c.rays {
			s, err := c.f.sign(value(id, r.x))
			if err != nil || s > 0 || s < 0 && (r.zero.has(id) || c.equality[id]) || s == 0 && !r.zero.has(id) {
				return ErrUndecided
			}
		}
	}
	return nil
}
