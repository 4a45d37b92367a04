package closedform

import (
	"fmt"
	"time"
)

// How the affine pieces of an interval were found.
const (
	FromDual   = "dual vertices"
	FromFacets = "facets of projected vertices"
)

// Compiled describes the closed form of the intervals of a polytope.
type Compiled struct {
	// How is FromDual, FromFacets, or both in one where the first entities have
	// the facets and the others the dual vertices.
	How string `json:"how"`

	// AnyLimits says that the affine pieces hold whatever the right-hand sides and the
	// finite bounds are, so that these may follow the state. Otherwise they hold
	// for the polytope's own limits, and linear programs answer for others.
	AnyLimits bool `json:"any_limits"`

	// Rays is the number of Farkas rays, which tell empty limits. It is 0 where AnyLimits
	// is false: a polytope is not empty.
	Rays int `json:"farkas_rays"`

	Seconds  float64          `json:"seconds"` // to find it, or to read it from a file
	Steps    int              `json:"steps"`   // elementary ones, counted by the budget
	Entities []CompiledEntity `json:"entities"`
}

// CompiledEntity describes the affine pieces of one interval. The lower bound of the
// entity itself is one of the lower pieces.
type CompiledEntity struct {
	Entity string `json:"entity"`
	How    string `json:"how"`
	Lower  int    `json:"lower"`
	Upper  int    `json:"upper"`

	// NeededLower and NeededUpper are the numbers of affine pieces without those that are proved
	// never to be the endpoint under the polytope's own limits.
	NeededLower int `json:"needed_lower"`
	NeededUpper int `json:"needed_upper"`
}

// Pieces returns the number of affine pieces of all intervals, both endpoints together, and
// how many the polytope's own limits need.
func (c *Compiled) Pieces() (all, needed int) {
	for _, e := range c.Entities {
		all += e.Lower + e.Upper
		needed += e.NeededLower + e.NeededUpper
	}
	return all, needed
}

// Describer is a Solver that has a closed form to describe.
type Describer interface {
	Compiled() *Compiled
}

func (s *Solver) Compiled() *Compiled {
	f := s.f
	c := &Compiled{AnyLimits: f.AnyLimits, Rays: len(f.RaySensitivity), Seconds: f.took.Seconds(), Steps: f.steps}
	for i := range f.All {
		e := &f.All[i]
		how := FromDual
		if e.facets {
			how = FromFacets
		}
		switch {
		case c.How == "":
			c.How = how
		case c.How != how:
			c.How = FromFacets + ", then " + FromDual
		}
		lower, upper := e.counts()
		ownLower, ownUpper := f.Needed[i].counts()
		c.Entities = append(c.Entities, CompiledEntity{
			Entity: f.p.Entities()[i], How: how, Lower: lower, Upper: upper, NeededLower: ownLower, NeededUpper: ownUpper,
		})
	}
	return c
}

// counts returns the number of affine pieces of both endpoints.
func (e *EndpointTable) counts() (lower, upper int) {
	lower, upper = len(e.LowerSensitivity), len(e.UpperSensitivity)
	if e.Floor {
		lower++
	}
	return lower, upper
}

// String says in one line what the closed form is.
func (c *Compiled) String() string {
	limits := "for its own limits"
	if c.AnyLimits {
		limits = fmt.Sprintf("for any limits, %d Farkas rays", c.Rays)
	}
	all, needed := c.Pieces()
	return fmt.Sprintf("%d pieces (%d needed for its own limits) from %s, %s, found in %s", all, needed, c.How, limits,
		time.Duration(c.Seconds*float64(time.Second)).Round(10*time.Microsecond))
}
