package expression

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"paspo/lp/constraints/internal/refuse"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenName
	tokenOperator // + - * / ( ) ,
	tokenRelation // <= >= =
)

type token struct {
	kind tokenKind
	text string // of a relation in its plain form, of a name without quotes
	at   int    // byte offset
}

func (t token) String() string {
	if t.kind == tokenEnd {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// relations in the order in which they are tried.
var relations = []struct{ text, plain string }{
	{"<=", "<="}, {">=", ">="}, {"==", "="}, {"=", "="}, {"≤", "<="}, {"≥", ">="},
}

// nextToken returns the token of s at or after byte i, and where it ends.
func nextToken(s string, i int) (t token, end int) {
	rest := strings.TrimLeftFunc(s[i:], unicode.IsSpace)
	i = len(s) - len(rest)
	if rest == "" {
		return token{at: i}, i
	}
	if arrow := strings.HasPrefix(rest, "=>"); arrow || strings.HasPrefix(rest, "=<") {
		failAt(s, i, "%q has no place here, write %q", rest[:2], rest[1:2]+"=")
	}
	for _, r := range relations {
		if strings.HasPrefix(rest, r.text) {
			return token{tokenRelation, r.plain, i}, i + len(r.text)
		}
	}
	switch c := rest[0]; {
	case strings.IndexByte("+-*/(),", c) >= 0:
		return token{tokenOperator, rest[:1], i}, i + 1
	case c == '<' || c == '>':
		failAt(s, i, "%q has no place here, write %q", rest[:1], rest[:1]+"=")
	case c == '`' || c == '"' || c == '\'':
		n := strings.IndexByte(rest[1:], c)
		if n < 0 {
			failAt(s, i, "the quote %s is not closed", rest[:1])
		}
		if n == 0 {
			failAt(s, i, "the name in quotes is empty")
		}
		return token{tokenName, rest[1 : 1+n], i}, i + n + 2
	}
	if n := NumberLength(rest); n > 0 {
		m := nameLength(rest[n:])
		if after := strings.TrimLeftFunc(rest[n:], unicode.IsSpace); strings.HasPrefix(after, "%") && (m > 0 || nameLength(after) == 1) {
			share := Share(rest[:n])
			if share == "" { // an exponent
				failAt(s, i, "%q is not a number, write 0.3 for 30%%", rest[:n]+"%")
			}
			failAt(s, i, "%q is not a number, write %s for %s", rest[:len(rest)-len(after)+1], share, rest[:n]+"%")
		}
		if m > 0 {
			failAt(s, i, "%q is not a number; if it is a name put it in backticks", Clip(rest[:n+m]))
		}
		return token{tokenNumber, rest[:n], i}, i + n
	}
	n := nameLength(rest)
	if n == 0 {
		_, size := utf8.DecodeRuneInString(rest)
		failAt(s, i, "%q has no place in a constraint", rest[:size])
	}
	return token{tokenName, rest[:n], i}, i + n
}

// Share writes so many percent as a share; "" where the number has an exponent.
func Share(percent string) string {
	x, err := strconv.ParseFloat(percent+"e-2", 64)
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(x+0, 'g', -1, 64)
}

// NumberLength returns the length of the decimal number that s starts with, 0
// where it starts with none.
func NumberLength(s string) int {
	digits := func(i int) int {
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i
	}
	whole := digits(0)
	n := whole
	if n < len(s) && s[n] == '.' {
		n = digits(n + 1)
		if whole == 0 && n == 1 {
			return 0 // a dot alone
		}
	}
	if n == 0 || n == len(s) || s[n] != 'e' && s[n] != 'E' {
		return n
	}
	sign := n + 1
	if sign < len(s) && (s[sign] == '+' || s[sign] == '-') {
		sign++
	}
	if end := digits(sign); end > sign {
		return end
	}
	return n
}

// nameLength returns the length of the name that s starts with: everything up
// to a space, an operator, a quote or a character that is reserved.
func nameLength(s string) int {
	for i, r := range s {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("+-*/()<>=≤≥`\"',;:[]{}", r) {
			return i
		}
	}
	return len(s)
}

// failAt refuses an expression for what is at byte i of it.
func failAt(s string, i int, format string, args ...any) {
	refuse.With("%s (character %d of %q)", fmt.Sprintf(format, args...), utf8.RuneCountInString(s[:i])+1, Clip(s))
}
