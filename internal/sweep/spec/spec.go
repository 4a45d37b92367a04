package spec

import (
	"fmt"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/sweep/search"
)

// Spec is what a sweep file says.
type Spec struct {
	Base      Base
	Seeds     Seeds // that every setting trains on
	Objective Objective
	Search    Search
	Prune     Prune
	Report    Report
	Space     search.Space

	Text  []byte            // of the file
	where map[string]string // file and line of the base and of every key of the space
}

// Base is the settings of every training, where the space does not replace them.
type Base struct {
	Preset string
	File   string // overrides the preset, empty for none
	inline []byte // or settings in its place
	dir    string // of the sweep file, which paths of these are relative to
}

// Objective is what is to be large.
type Objective struct {
	Metric    string // return, or projected_return: with actions that break constraints projected
	Statistic string
	Episodes  int // of validation
}

// Search says how settings are chosen.
type Search struct {
	Method string
	Trials int
	Seed   uint64
}

// Prune says which settings are given up before their end; none where Method is empty.
type Prune struct {
	Method   string
	MinSteps int64
	Factor   int
}

// Report says how many of the best settings are trained again, and on which seeds.
type Report struct {
	Seeds    Seeds
	Settings int
}

const (
	methodGrid   = "grid"
	methodRandom = "random"
	methodSobol  = "sobol"
	methodTPE    = "tpe"
	methodCMAES  = "cmaes"

	pruneASHA = "asha"

	metricReturn    = "return"
	metricProjected = "projected_return"
)

var (
	methods    = []string{methodGrid, methodRandom, methodSobol, methodTPE, methodCMAES}
	metrics    = []string{metricReturn, metricProjected}
	statistics = []string{"iqm", "mean", "median", "worst"}
)

// Read reads a sweep file. Errors are of one line that names the file, the line, the
// key, the value and what is allowed.
func Read(path string) (*Spec, error) {
	data, err := limits.ReadFile(path, limits.Config)
	if err != nil {
		return nil, fmt.Errorf("cannot read the sweep %s: %w", path, atomicfile.Cause(err))
	}
	return parse(&parser{name: path}, data)
}

// Parse is Read of a text, which errors call by a name.
func Parse(name string, text []byte) (*Spec, error) { return parse(&parser{name: name}, text) }

// ParseCopy parses the sweep file of a folder, in which a copy of the base may be.
func ParseCopy(path string, data []byte, base string) (*Spec, error) {
	s, err := parse(&parser{name: path, copied: true}, data)
	if err == nil && (s.Base.File != "" || s.Base.inline != nil) {
		s.Base.File, s.Base.inline = base, nil
	}
	return s, err
}
