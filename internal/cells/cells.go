package cells

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width returns the number of cells that s takes.
func Width(s string) (n int) {
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// Pad returns s with spaces after it, n cells in all or as many as it takes.
func Pad(s string, n int) string { return s + space(s, n) }

// PadLeft is Pad with the spaces before it.
func PadLeft(s string, n int) string { return space(s, n) + s }

func space(s string, n int) string { return strings.Repeat(" ", max(0, n-Width(s))) }
