package arrays

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
)

// Answers to a file of requests are what lp says of the same numbers, and an error spoils no
// other answer.
func TestServe(t *testing.T) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	n := p.Dim()
	far := make([]float64, n)
	far[0] = 2
	near, err := lp.Project(p, far)
	if err != nil {
		t.Fatal(err)
	}
	lower, upper, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		Rows     any // a number, or names in a description
		Cols     int
		Error    string
		Entities []string
	}
	var in, out bytes.Buffer
	var checks []func(answer, []float64)
	ask := func(q request, numbers []float64, check func(answer, []float64)) {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
		in.Write(bytesOf(numbers))
		checks = append(checks, check)
	}
	refused := func(part string) func(answer, []float64) {
		return func(a answer, _ []float64) {
			if !strings.Contains(a.Error, part) {
				t.Errorf("got %+v, want an error with %q", a, part)
			}
		}
	}
	ask(request{Op: "describe"}, nil, func(a answer, _ []float64) {
		if len(a.Entities) != n {
			t.Errorf("got %+v", a)
		}
	})
	ask(request{Op: "project", Rows: 1, Cols: n}, far, func(_ answer, x []float64) {
		if len(x) != n || x[0] != near[0] || x[n-1] != near[n-1] {
			t.Errorf("projected to %v, want %v", x, near)
		}
	})
	ask(request{Op: "check", Rows: 1, Cols: n}, far, func(_ answer, x []float64) {
		if len(x) != 1 || x[0] != p.Residual(far, nil) {
			t.Errorf("residual %v, want %v", x, p.Residual(far, nil))
		}
	})
	ask(request{Op: "intervals", Rows: 2}, nil, func(_ answer, x []float64) {
		if len(x) != 4 || math.Abs(x[0]-lower[0]) > 1e-9 || math.Abs(x[3]-upper[0]) > 1e-9 {
			t.Errorf("intervals %v, want [%v, %v]", x, lower[0], upper[0])
		}
	})
	ask(request{Op: "sample", Rows: 5, Seed: 3}, nil, func(_ answer, x []float64) {
		for ; len(x) >= n; x = x[n:] {
			if r := p.Residual(x[:n], nil); r > 1e-9 {
				t.Errorf("a point with a residual of %v", r)
			}
		}
	})
	ask(request{Op: "intervals", Rows: 1, Cols: 1}, far[:1], refused("row 0: no allocation has this prefix"))
	ask(request{Op: "check", Rows: 1, Cols: 1}, far[:1], refused("points have 1 number, the polytope"))
	ask(request{Op: "intervals", Rows: 1, Cols: 1}, []float64{math.NaN()}, refused("row 0: component 0 is NaN"))
	ask(request{Op: "guess"}, nil, refused(`op is "guess"`))
	if err := Serve(t.Context(), p, &in, &out); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(&out)
	for _, check := range checks {
		line, err := r.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		rows, _ := a.Rows.(float64)
		x := make([]float64, int(rows)*a.Cols)
		if _, err := io.ReadFull(r, bytesOf(x)); err != nil {
			t.Fatal(err)
		}
		check(a, x)
	}
	if err := Serve(t.Context(), p, strings.NewReader("{}x\n"), io.Discard); err == nil {
		t.Error("no JSON is a request")
	}
}
