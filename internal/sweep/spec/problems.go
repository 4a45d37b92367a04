package spec

import (
	"strings"

	"paspo/internal/sweep/search"
)

// OfProblem says whether a setting chooses what is trained on: returns on one problem are not
// to be held against those on another. What a policy is shown of a state is no part of a problem.
func OfProblem(key string) bool {
	return strings.HasPrefix(key, "env.") && key != "env.compute.observation" || key == "constraints"
}

// Problem returns what a point says of what is trained on.
func (s *Spec) Problem(p search.Point) string {
	var values []string
	for k := range s.Space {
		if d := &s.Space[k]; OfProblem(d.Key) {
			values = append(values, d.Text(p[k]))
		}
	}
	return strings.Join(values, ", ")
}

// Problems returns how many problems the space has, of a range as many as there are settings.
func (s *Spec) Problems() int {
	n := 1
	for k := range s.Space {
		switch d := &s.Space[k]; {
		case !OfProblem(d.Key):
		case d.Kind == search.Choices:
			n *= len(d.Choices)
		default:
			n *= s.Search.Trials
		}
	}
	return min(n, s.Search.Trials)
}
