package constraints

import (
	"math"
	"strings"
)

// Expression writes the sum of coefficient times entity as people write it.
func Expression(coef []float64, entities []string) string {
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
		b.WriteString(entities[j])
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}
