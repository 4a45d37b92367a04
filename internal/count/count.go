package count

import (
	"fmt"
	"strings"
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
