package python

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// space is a space of observations.
type space struct {
	Kind   string   `json:"kind"` // Box, Discrete, MultiDiscrete, MultiBinary, Dict, Tuple, OneOf
	Shape  []int    `json:"shape,omitempty"`
	Sizes  []int    `json:"sizes,omitempty"` // of Discrete and MultiDiscrete: how many values an element has
	Start  []int    `json:"start,omitempty"` // the first value of an element
	Keys   []string `json:"keys,omitempty"`  // of a Dict
	Spaces []space  `json:"spaces,omitempty"`
}

// length returns how many numbers a flattened observation has.
func (s *space) length() (n int) {
	switch s.Kind {
	case "Box", "MultiBinary":
		n = 1
		for _, size := range s.Shape {
			n *= size
		}
	case "Discrete", "MultiDiscrete":
		for _, size := range s.Sizes {
			n += size
		}
	case "OneOf":
		for i := range s.Spaces {
			n = max(n, 1+s.Spaces[i].length())
		}
	default:
		for i := range s.Spaces {
			n += s.Spaces[i].length()
		}
	}
	return n
}

// ReadObservation implements envs.ObservationReader: it flattens an observation as the environment
// gives it, and as worker.py flattens those of training. A list of as many numbers as a flattened
// one has is one.
func (p *Problem) ReadObservation(data []byte) ([]float64, error) {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("the observation: %w", err)
	}
	s := p.observation
	if list, ok := v.([]any); ok {
		flat := make([]float64, 0, len(list))
		for _, x := range list {
			if x, ok := x.(float64); ok {
				flat = append(flat, x)
			}
		}
		vector := s == nil || s.Kind == "Box" && len(s.Shape) == 1
		if len(flat) == len(list) && (vector || len(flat) == p.spec.ObsDim) {
			return flat, nil
		}
	}
	if s == nil {
		return nil, fmt.Errorf("the observation is no list of numbers: this run does not say what its environment's space is")
	}
	return s.flatten(make([]float64, 0, p.spec.ObsDim), "obs", v)
}

// flatten appends an observation. Errors call it by name.
func (s *space) flatten(to []float64, name string, v any) (_ []float64, err error) {
	var names []string
	var values []any
	switch s.Kind {
	case "Dict":
		all, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s is %s: an object with %s is allowed", name, brief(v), listed(s.Keys))
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if !slices.Contains(s.Keys, key) {
				return nil, fmt.Errorf("%s has %q: %s are allowed", name, key, listed(s.Keys))
			}
		}
		for _, key := range s.Keys {
			x, ok := all[key]
			if !ok {
				return nil, fmt.Errorf("%s has no %q: %s are needed", name, key, listed(s.Keys))
			}
			names, values = append(names, key), append(values, x)
		}
	case "Tuple":
		all, ok := v.([]any)
		if !ok || len(all) != len(s.Spaces) {
			return nil, fmt.Errorf("%s is %s: a list of %d parts is allowed", name, brief(v), len(s.Spaces))
		}
		for i, x := range all {
			names, values = append(names, strconv.Itoa(i)), append(values, x)
		}
	case "OneOf":
		if all, ok := v.([]any); ok && len(all) == 2 {
			if k, ok := whole(all[0], 0, len(s.Spaces)); ok {
				from := len(to)
				to, err := s.Spaces[k].flatten(append(to, float64(k)), fmt.Sprintf("%s.%d", name, k), all[1])
				for err == nil && len(to) < from+s.length() {
					to = append(to, to[from+1])
				}
				return to, err
			}
		}
		return nil, fmt.Errorf("%s is %s: a list of the number of a space, from 0 to %d, and what is of it is allowed", name, brief(v), len(s.Spaces)-1)
	default:
		element := 0
		return s.elements(to, name, v, s.Shape, &element)
	}
	for i, x := range values {
		if to, err = s.Spaces[i].flatten(to, name+"."+names[i], x); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// elements appends the elements of an array of the shape, or of a part of it.
func (s *space) elements(to []float64, name string, v any, shape []int, element *int) (_ []float64, err error) {
	if len(shape) > 0 {
		list, ok := v.([]any)
		if !ok || len(list) != shape[0] {
			return nil, fmt.Errorf("%s is %s: a list of %d is allowed, its space has the shape %v", name, brief(v), shape[0], s.Shape)
		}
		for i, x := range list {
			if to, err = s.elements(to, fmt.Sprintf("%s[%d]", name, i), x, shape[1:], element); err != nil {
				return nil, err
			}
		}
		return to, nil
	}
	i := *element
	*element++
	if i < len(s.Sizes) {
		k, ok := whole(v, s.Start[i], s.Sizes[i])
		if !ok {
			return nil, fmt.Errorf("%s is %s: an integer from %d to %d is allowed", name, brief(v), s.Start[i], s.Start[i]+s.Sizes[i]-1)
		}
		from := len(to)
		to = append(to, make([]float64, s.Sizes[i])...)
		to[from+k] = 1
		return to, nil
	}
	x, ok := v.(float64)
	if !ok {
		return nil, fmt.Errorf("%s is %s: a finite number is allowed", name, brief(v))
	}
	return append(to, x), nil
}

// whole returns by how much an integer is above the first of size values.
func whole(v any, first, size int) (int, bool) {
	x, ok := v.(float64)
	k := x - float64(first)
	return int(k), ok && k == math.Trunc(k) && k >= 0 && k < float64(size)
}

func brief(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if r := []rune(string(data)); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return string(data)
}

func listed(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}
