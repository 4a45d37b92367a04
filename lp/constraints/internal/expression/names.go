package expression

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"paspo/internal/spelling"
)

// Names are the names that an expression may use: entities 0 .. n-1, then
// groups, each the sum of its entities.
type Names struct {
	Entities     []string
	Lower, Upper []float64 // bounds of entities
	Holdings     []float64 // of entities, nil where there are none

	groups  []string
	members [][]int // of every group
	index   map[string]int
}

// NewNames returns the names of entities without bounds and holdings.
func NewNames(entities []string) *Names {
	n := len(entities)
	s := &Names{
		Entities: entities, index: make(map[string]int, n),
		Lower: slices.Repeat([]float64{math.Inf(-1)}, n), Upper: slices.Repeat([]float64{math.Inf(1)}, n),
	}
	for i, e := range entities {
		s.index[e] = i
	}
	return s
}

// AddGroup adds a name for the sum of some entities.
func (s *Names) AddGroup(name string, members []int) {
	s.index[name] = len(s.Entities) + len(s.groups)
	s.groups, s.members = append(s.groups, name), append(s.members, members)
}

// Index returns the number that a name has; ok is false where nothing has the name.
func (s *Names) Index(name string) (k int, ok bool) {
	k, ok = s.index[name]
	return k, ok
}

// All returns all names, entities first.
func (s *Names) All() []string { return slices.Concat(s.Entities, s.groups) }

// Expand returns the coefficients of the entities, given those of names by their numbers.
// Names are added in order, so that equal expressions give equal bits.
func (s *Names) Expand(coef map[int]float64) []float64 {
	n := len(s.Entities)
	out := make([]float64, n)
	for _, k := range slices.Sorted(maps.Keys(coef)) {
		if k < n {
			out[k] += coef[k]
			continue
		}
		for _, j := range s.members[k-n] {
			out[j] += coef[k]
		}
	}
	return out
}

// Unknown says that a name is not known, what is, and which is meant. The text
// from the name on shows whether a name was meant that needs quotes. Words are known too where
// they stand for all entities.
func (s *Names) Unknown(name, text string, more ...string) string {
	msg := "unknown name " + strconv.Quote(Clip(name))
	for _, c := range s.All() {
		if !plainName(c) && strings.HasPrefix(text, c) {
			q, _ := quoteName(c)
			return msg + "; write " + q
		}
	}
	msg += Suggest(name, append(s.All(), more...)) + "; known are " + List(s.All())
	for _, word := range more {
		msg += ", and " + word + " for all entities"
	}
	return msg
}

// List joins names for a message, the first dozen where there are more.
func List(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
}

// Clip shortens what a message quotes.
func Clip(s string) string {
	const longest = 80
	if utf8.RuneCountInString(s) <= longest {
		return s
	}
	return string([]rune(s)[:longest]) + "…"
}

// Suggest returns words that name the candidate nearest to a misspelt name, and
// nothing where none is near.
func Suggest(name string, candidates []string) string {
	if best := spelling.Nearest(name, candidates); best != "" {
		return fmt.Sprintf(" (did you mean %s?)", best)
	}
	return ""
}
