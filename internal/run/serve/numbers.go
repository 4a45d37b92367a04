package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Numbers reads a JSON list of numbers.
func Numbers(what string, line []byte) ([]float64, error) { return numbers(what, line, math.NaN()) }

// numbers reads a list of numbers. Where none is not NaN, null is allowed and stands for none.
func numbers(what string, line []byte, none float64) ([]float64, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil || raw == nil {
		return nil, fmt.Errorf("%s is no JSON list of numbers: %s", what, jsonProblem(err, line))
	}
	xs := make([]float64, len(raw))
	for i, r := range raw {
		if string(r) == "null" && !math.IsNaN(none) {
			xs[i] = none
			continue
		}
		if err := json.Unmarshal(r, &xs[i]); err != nil || string(r) == "null" {
			return nil, fmt.Errorf("component %d of %s is %s: a finite number is allowed", i, what, cut(r))
		}
	}
	return xs, nil
}

// jsonProblem describes the error of a JSON line in a few words.
func jsonProblem(err error, line []byte) string {
	var s *json.SyntaxError
	if errors.As(err, &s) {
		return fmt.Sprintf("bad JSON at character %d, %v", s.Offset, s)
	}
	return cut(line)
}

// cut returns the beginning of a line, short enough for a message.
func cut(b []byte) string {
	const most = 60
	if len(b) > most {
		n := most
		for n > 0 && !utf8.RuneStart(b[n]) {
			n--
		}
		return string(b[:n]) + "..."
	}
	return string(b)
}
