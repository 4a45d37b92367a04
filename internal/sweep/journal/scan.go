package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// Decoding a journal of a million lines by encoding/json takes seconds. What follows finds
// values in JSON without decoding them.

var errJSON = errors.New("it is not JSON")

// Object calls visit with the names, as they are between their quotes, and the values of
// an object of JSON.
func Object(b []byte, visit func(name, value []byte) error) error {
	b = bytes.TrimSpace(b)
	if len(b) < 2 || b[0] != '{' {
		return errJSON
	}
	at := space(b, 1)
	if at < len(b) && b[at] == '}' {
		return nil
	}
	for at < len(b) {
		end := value(b, at)
		if end < 0 || b[at] != '"' {
			return errJSON
		}
		name := b[at+1 : end-1]
		if at = space(b, end); at >= len(b) || b[at] != ':' {
			return errJSON
		}
		at = space(b, at+1)
		if end = value(b, at); end < 0 {
			return errJSON
		}
		if err := visit(name, b[at:end]); err != nil {
			return err
		}
		if at = space(b, end); at >= len(b) {
			return errJSON
		}
		switch b[at] {
		case '}':
			return nil
		case ',':
			at = space(b, at+1)
		default:
			return errJSON
		}
	}
	return errJSON
}

func space(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\n' || b[at] == '\r') {
		at++
	}
	return at
}

// value returns the end of the value that begins at a place, -1 where there is none.
func value(b []byte, at int) int {
	if at >= len(b) {
		return -1
	}
	switch b[at] {
	case '"':
		return text(b, at)
	case '{', '[':
		for depth := 0; at < len(b); at++ {
			switch b[at] {
			case '"':
				if at = text(b, at) - 1; at < 0 {
					return -1
				}
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
		}
		return -1
	}
	end := at
	for end < len(b) && b[end] > ' ' && b[end] != ',' && b[end] != '}' && b[end] != ']' {
		end++
	}
	if end == at {
		return -1
	}
	return end
}

// text returns the end of a string, -1 where it has none.
func text(b []byte, at int) int {
	for from := at + 1; ; {
		k := bytes.IndexByte(b[from:], '"')
		if k < 0 {
			return -1
		}
		end := from + k
		slashes := 0
		for b[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end + 1
		}
		from = end + 1
	}
}

// Number, Int and String decode a value, nothing where it is of another kind.
func Number(b []byte) (float64, error) { return strconv.ParseFloat(string(b), 64) }

func Int(b []byte) (int64, error) {
	if len(b) < 18 {
		var x int64
		for _, c := range b {
			if c < '0' || c > '9' {
				return strconv.ParseInt(string(b), 10, 64)
			}
			x = 10*x + int64(c-'0')
		}
		if len(b) > 0 {
			return x, nil
		}
	}
	return strconv.ParseInt(string(b), 10, 64)
}

func String(b []byte) (string, error) {
	if len(b) >= 2 && b[0] == '"' && bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1]), nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	return s, err
}
