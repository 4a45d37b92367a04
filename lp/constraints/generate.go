package constraints

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/count"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
)

const (
	// maxDraws bounds how often a generator draws anew until its polytope is
	// non-empty.
	maxDraws = 2000

	// maxDrawn bounds the numbers in what a generator draws: rows, or points,
	// times entities; maxDrawnInAll those of all draws.
	maxDrawn      = 1 << 16
	maxDrawnInAll = 1 << 20

	// maxDrawnPoints bounds the points, each of which takes a linear program over
	// the others.
	maxDrawnPoints = 500
)

// Unconstrained returns the simplex of n entities named E1 .. En: no entity
// below 0 and a total of 1.
func Unconstrained(n int) (*lp.Polytope, error) {
	return lp.New(lp.Description{Name: "unconstrained", Entities: entityNames(n), Total: 1})
}

// GenerateRejection returns a polytope of rows sum_j c_j a_j <= b on the simplex,
// each over a uniformly drawn subset of 2 or more entities, with c and b from
// U(0, 1) rounded to 2 digits and above 0 (arXiv 2409.18735, appendix on constraint
// generation). All are drawn anew until the polytope is non-empty. The random stream is this
// project's, so that a seed draws another polytope than the published code; see Preset for
// its own.
func GenerateRejection(entities, rows int, seed uint64) (*lp.Polytope, error) {
	d, err := drawRejection(entities, rows, seed)
	if err != nil {
		return nil, err
	}
	return lp.New(d)
}

func entityNames(n int) []string {
	names := make([]string, max(0, min(n, lp.MaxEntities+1)))
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	return names
}

// checkDrawn refuses what is nonsense or would take for ever.
func checkDrawn(entities, least int, what string, number int) error {
	if entities < least || number < 1 || entities > maxDrawn/number {
		return fmt.Errorf("%d %s of %s: at least 1 of %d, and at most %d numbers in all", number, what, count.Of(entities, "entity"), least, maxDrawn)
	}
	return nil
}

// drawPoints describes the convex hull of points drawn uniformly from the simplex of the
// given number of entities (Dirichlet(1)). Points inside the hull of the others are left out.
func drawPoints(entities, points int, seed uint64) (d lp.Description, err error) {
	if err := checkDrawn(entities, 1, "points", points); err != nil {
		return d, err
	}
	if points > maxDrawnPoints {
		return d, fmt.Errorf("%d points are too many (at most %d)", points, maxDrawnPoints)
	}
	r := rand.New(rng.New(seed, "lp", "points"))
	d = lp.Description{Name: "points", Entities: entityNames(entities), Total: 1}
	for range points {
		d.Points = append(d.Points, rng.Simplex(r, entities))
	}
	d.Points = extremePoints(d.Points)
	return d, nil
}

// extremePoints returns the points that are not in the hull of the others.
func extremePoints(points [][]float64) [][]float64 {
	kept := slices.Clone(points)
	for i := 0; i < len(kept) && len(kept) > 1; {
		others := slices.Concat(kept[:i], kept[i+1:])
		if in, err := inHull(kept[i], others); err != nil || !in {
			i++
			continue
		}
		kept = others
	}
	return kept
}

// inHull says whether a point is in the convex hull of others, up to rounding.
func inHull(point []float64, others [][]float64) (bool, error) {
	k := len(others)
	// Weights of the others that give the point.
	e := slices.Concat(hull.Weights(others)...)
	f := append([]float64{1}, point...)
	upper := slices.Repeat([]float64{math.Inf(1)}, k)
	_, _, err := program.Solve(make([]float64, k), nil, nil, e, f, make([]float64, k), upper)
	if errors.Is(err, program.ErrInfeasible) {
		return false, nil
	}
	return err == nil, err
}

// twoDigits draws from U(0, 1) rounded to 2 digits, above 0.
func twoDigits(r *rand.Rand) float64 {
	for {
		if v := math.Round(100*r.Float64()) / 100; v > 0 {
			return v
		}
	}
}

// subset draws how many of n there are, 2 or more, and which.
func subset(r *rand.Rand, n int) []int { return r.Perm(n)[:2+r.IntN(n-1)] }

func drawRejection(entities, rows int, seed uint64) (d lp.Description, err error) {
	if err := checkDrawn(entities, 2, "rows", rows); err != nil {
		return d, err
	}
	r := rand.New(rng.New(seed, "lp", "rejection_sampling"))
	return drawUntilFeasible(lp.Description{Name: "rejection_sampling", Entities: entityNames(entities), Total: 1}, func() (out []lp.Row) {
		for k := range rows {
			row := lp.Row{Name: fmt.Sprintf("row %d", k+1), Coef: make([]float64, entities), Min: math.Inf(-1)}
			for _, j := range subset(r, entities) {
				row.Coef[j] = twoDigits(r)
			}
			row.Max = twoDigits(r)
			out = append(out, row)
		}
		return out
	})
}

// drawUntilFeasible draws rows until the polytope is non-empty.
func drawUntilFeasible(d lp.Description, draw func() []lp.Row) (lp.Description, error) {
	draws := 0
	for drawn := 0; draws < maxDraws && drawn < maxDrawnInAll; draws++ {
		d.Rows = draw()
		drawn += len(d.Rows) * len(d.Entities)
		empty, err := lp.Empty(d)
		if err != nil || !empty {
			return d, err
		}
	}
	return d, fmt.Errorf("none of %d draws is feasible: too many rows for %s", draws, count.Of(len(d.Entities), "entity"))
}
