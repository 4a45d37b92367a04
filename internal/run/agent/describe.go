package agent

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"

	"paspo/envs"
	"paspo/envs/python"
	"paspo/internal/run/runfolder"
	"paspo/lp/constraints"
)

// Description describes the inputs and outputs of a policy.
type Description struct {
	Environment string   `json:"environment"`
	Observation []string `json:"observation"` // one name a component

	// Of an environment in Python, as it gives observations and takes actions.
	ObservationSpace json.RawMessage `json:"observation_space,omitempty"`
	ActionSpace      json.RawMessage `json:"action_space,omitempty"`

	Reward   string    `json:"reward,omitempty"`
	Episode  string    `json:"episode,omitempty"`
	Entities []Bounded `json:"entities"` // one a component of an action

	// In the order of the limits b and total.
	Inequalities []Constraint `json:"inequalities"`
	Equalities   []Constraint `json:"equalities"`
	Points       int          `json:"points,omitempty"` // number of points whose hull the polytope is

	// Limits are the limits that follow the state, of b, total, lower, upper and A. Given says
	// that they have to be given with an observation.
	Limits []string `json:"limits"`
	Given  bool     `json:"limits_are_given"`
}

// Bounded is an entity and its bounds, nil for none.
type Bounded struct {
	Name  string   `json:"name"`
	Lower *float64 `json:"lower"`
	Upper *float64 `json:"upper"`
}

// Constraint is a row of the polytope.
type Constraint struct {
	Name string `json:"name"`
	Expr string `json:"expr"`
}

// Describe describes the inputs and outputs of the agent's policy.
func (a *Agent) Describe() (*Description, error) {
	s := a.Problem.Spec()
	d := &Description{
		Environment: s.Name, Observation: s.ObsNames, Reward: s.Reward, Episode: s.Episode,
		Inequalities: []Constraint{}, Equalities: []Constraint{}, Limits: []string{},
	}
	for i := len(d.Observation); i < s.ObsDim; i++ {
		d.Observation = append(d.Observation, "component "+strconv.Itoa(i))
	}
	if p, ok := a.Problem.(*python.Problem); ok {
		d.ObservationSpace, d.ActionSpace = p.Spaces()
	}
	entities := s.Polytope.Entities()
	lower, upper := s.Polytope.Bounds()
	finite := func(x float64) *float64 {
		if math.IsInf(x, 0) {
			return nil
		}
		return &x
	}
	for i, name := range entities {
		d.Entities = append(d.Entities, Bounded{name, finite(lower[i]), finite(upper[i])})
	}
	rows := func(to *[]Constraint, relation string, text func(k int) string, limits []float64, names []string) {
		for i, x := range limits {
			*to = append(*to, Constraint{names[i], text(i) + relation + strconv.FormatFloat(x+0, 'g', -1, 64)}) // +0: not -0
		}
	}
	_, b, names := s.Polytope.Inequalities()
	rows(&d.Inequalities, " <= ", func(k int) string { return constraints.Inequality(s.Polytope, k) }, b, names)
	n := len(entities)
	m, b, names := s.Polytope.Equalities()
	rows(&d.Equalities, " = ", func(k int) string { return constraints.Expression(m[k*n:(k+1)*n], entities) }, b, names)
	if s.Polytope.HullOnly() {
		d.Points = len(s.Polytope.Points())
	}
	follow, err := envs.Following(a.Problem)
	if err != nil {
		return nil, err
	}
	d.Limits = append(d.Limits, follow...)
	d.Given = len(follow) > 0 && envs.NewRowLimits(a.Problem) == nil
	return d, nil
}

// Write writes a description as JSON.
func (d *Description) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // constraints hold <=
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// saveDescription writes the description of the policy to the run folder.
func (a *Agent) saveDescription(f *runfolder.Folder) error {
	d, err := a.Describe()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		return err
	}
	return f.WriteFile(runfolder.DescriptionFile, b.Bytes())
}
