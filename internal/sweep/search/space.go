package search

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind says how the values of a dimension lie.
type Kind int

const (
	Linear  Kind = iota // numbers from Low to High
	Log                 // numbers from Low to High, uniform in their logarithm
	Choices             // one of a list
)

// Choice is a value of a list: what a configuration reads, and what Optuna shows.
type Choice struct {
	Text  string
	Plain any // nil, bool, int64, uint64, float64 or string
}

// Dimension is the values that one setting may take.
type Dimension struct {
	Key     string // dotted
	Kind    Kind
	Low     float64
	High    float64
	Integer bool
	Points  int // of a grid, for a range
	Choices []Choice
}

// Space is a product of dimensions.
type Space []Dimension

// Point is a value for every dimension, as Optuna keeps them: a number, or that of a
// choice.
type Point []float64

// size returns how many values there are, infinity for a continuous range.
func (d *Dimension) size() float64 {
	switch {
	case d.Kind == Choices:
		return float64(len(d.Choices))
	case d.Low == d.High:
		return 1
	case d.Integer:
		return d.High - d.Low + 1
	}
	return math.Inf(1)
}

// At returns the value at a share u of the way, 0 <= u < 1, so that equal parts of the way
// are equally likely.
func (d *Dimension) At(u float64) float64 {
	switch {
	case d.Kind == Choices:
		return math.Floor(u * float64(len(d.Choices)))
	case d.Kind == Log && d.Integer:
		lo, hi := math.Log(d.Low-0.5), math.Log(d.High+0.5)
		return d.clamp(math.Round(math.Exp(lo + u*(hi-lo))))
	case d.Kind == Log:
		lo, hi := math.Log(d.Low), math.Log(d.High)
		return d.clamp(math.Exp(lo + u*(hi-lo)))
	case d.Integer:
		return d.clamp(d.Low + math.Floor(u*(d.High-d.Low+1)))
	}
	return d.clamp(d.Low + u*(d.High-d.Low))
}

// Share returns where a value lies, the middle of its part where it has one: At(Share(x))
// is x but for rounding.
func (d *Dimension) Share(x float64) float64 {
	switch {
	case d.Kind == Choices:
		return (x + 0.5) / float64(len(d.Choices))
	case d.Low == d.High:
		return 0.5
	case d.Kind == Log && d.Integer:
		lo, hi := math.Log(d.Low-0.5), math.Log(d.High+0.5)
		return (math.Log(x) - lo) / (hi - lo)
	case d.Kind == Log:
		lo, hi := math.Log(d.Low), math.Log(d.High)
		return (math.Log(x) - lo) / (hi - lo)
	case d.Integer:
		return (x - d.Low + 0.5) / (d.High - d.Low + 1)
	}
	return (x - d.Low) / (d.High - d.Low)
}

func (d *Dimension) clamp(x float64) float64 { return min(max(x, d.Low), d.High) }

// Contains says whether a number is a value.
func (d *Dimension) Contains(x float64) bool {
	if d.Kind == Choices {
		return x >= 0 && x < float64(len(d.Choices)) && x == math.Trunc(x)
	}
	return x >= d.Low && x <= d.High && (!d.Integer || x == math.Trunc(x))
}

// Text returns a value as a configuration reads it.
func (d *Dimension) Text(x float64) string {
	if d.Kind == Choices {
		return d.Choices[int(x)].Text
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// Assignments returns a point as --set takes it.
func (s Space) Assignments(p Point) []string {
	all := make([]string, len(s))
	for i := range s {
		all[i] = s[i].Key + "=" + s[i].Text(p[i])
	}
	return all
}

// Label returns a point in one line.
func (s Space) Label(p Point) string { return strings.Join(s.Assignments(p), " ") }

// Distribution returns a dimension as Optuna writes it.
func (d *Dimension) Distribution() string {
	type attributes struct {
		Name       string `json:"name"`
		Attributes any    `json:"attributes"`
	}
	var a attributes
	switch {
	case d.Kind == Choices:
		plain := make([]any, len(d.Choices))
		for i, c := range d.Choices {
			plain[i] = c.Plain
		}
		a = attributes{"CategoricalDistribution", map[string]any{"choices": plain}}
	case d.Integer:
		a = attributes{"IntDistribution", map[string]any{"log": d.Kind == Log, "step": 1, "low": int64(d.Low), "high": int64(d.High)}}
	default:
		a = attributes{"FloatDistribution", map[string]any{"step": nil, "low": d.Low, "high": d.High, "log": d.Kind == Log}}
	}
	b, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("search: %v", err)) // all numbers are finite
	}
	return string(b)
}
