package count

import (
	"fmt"
	"strings"
	"time"
)

// Of returns n of what one is called, such as 1 row, 2 rows, 3 entities.
func Of(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(one, "y"))
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Lasting returns a number of seconds as people read it. A time.Duration ends at 292 years.
func Lasting(seconds float64) string {
	const year = 365 * 24 * 3600
	if seconds >= 100*year {
		return fmt.Sprintf("%.3g years", seconds/year)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
