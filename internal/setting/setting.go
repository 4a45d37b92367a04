package setting

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// First returns the first error that is not nil.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Int checks that v is at least least.
func Int[T int | int64](name string, v, least T) error {
	if v < least {
		return fmt.Errorf("%s is %d: an integer of at least %d is allowed", name, v, least)
	}
	return nil
}

// IntIn checks that v is from least to most.
func IntIn(name string, v, least, most int) error {
	if v < least || v > most {
		return fmt.Errorf("%s is %d: an integer from %d to %d is allowed", name, v, least, most)
	}
	return nil
}

// Float checks that v is in r.
func Float(name string, v float64, r Span) error {
	if !r.Contains(v) {
		return fmt.Errorf("%s is %g: a number in %v is allowed", name, v, r)
	}
	return nil
}

// Choice checks that v is one of allowed.
func Choice(name, v string, allowed ...string) error {
	if !slices.Contains(allowed, v) {
		return fmt.Errorf("%s is %q: one of %s is allowed", name, v, strings.Join(allowed, ", "))
	}
	return nil
}

// Span is an interval of numbers, each endpoint open or closed.
type Span struct {
	Lo, Hi         float64
	LoOpen, HiOpen bool
}

// Intervals that most settings are in.
var (
	Positive      = Span{0, math.Inf(1), true, true}
	NonNegative   = Span{0, math.Inf(1), false, true}
	Share         = Span{0, 1, false, false}
	PositiveShare = Span{0, 1, true, false}
	Decay         = Span{0, 1, false, true}
)

// Contains says whether x is in s. NaN is in none.
func (s Span) Contains(x float64) bool {
	return (x > s.Lo || !s.LoOpen && x == s.Lo) && (x < s.Hi || !s.HiOpen && x == s.Hi)
}

func (s Span) String() string {
	l, r := "[", "]"
	if s.LoOpen {
		l = "("
	}
	if s.HiOpen {
		r = ")"
	}
	hi := fmt.Sprint(s.Hi)
	if math.IsInf(s.Hi, 1) {
		hi = "inf"
	}
	return fmt.Sprintf("%s%g, %s%s", l, s.Lo, hi, r)
}
