package constraints

import (
	"math"
	"strings"
)

// Expression writes the sum of coefficient times entity as people write it.
func Expression(coef []float64, entities []string) string {
	if s := weightedSum(coef, entities); s != "" {
		return s
	}
	return "0"
}

// weightedSum writes the sum of coefficient times name, nothing where all coefficients are 0.
func weightedSum(coef []float64, names []string) string {
	var b strings.Builder
	for j, x := range coef {
		if x == 0 {
			continue
		}
		switch {
		case b.Len() == 0 && x < 0:
			b.WriteByte('-')
		case x < 0:
			b.WriteString(" - ")
		case b.Len() > 0:
			b.WriteString(" + ")
		}
		if x := math.Abs(x); x != 1 {
			b.WriteString(number(x) + "*")
		}
		b.WriteString(names[j])
	}
	return b.String()
}
