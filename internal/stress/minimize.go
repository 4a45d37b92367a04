package stress

import (
	"fmt"
	"math"
	"time"

	"paspo/lp"
)

// Minimize drops what the failure does not need, for some seconds. A wrong interval may be
// right when it is asked for alone.
func (f *Failure) Minimize() {
	end := time.Now().Add(minimizing)
	switch f.Method {
	case "New":
		f.d = shrink(f.d, func(d lp.Description) bool {
			_, err := made(d)
			return time.Now().Before(end) && NewTruth(d).Refutes(err) != ""
		})
		_, err := made(f.d)
		f.What = fmt.Sprintf("%s (%v)", NewTruth(f.d).Refutes(err), err)
	case "BoundingBox", "RedundantRows", "Sampler":
	default:
		if len(f.Prefix) == len(f.d.Entities) {
			return
		}
		d, prefix, what := minimal(f.d, f.Prefix, f.Method, end)
		if what == "" {
			f.What += " (not where it is asked for alone)"
			return
		}
		f.d, f.Prefix, f.What = d, prefix, what
	}
}

// minimizing is how long a failure is made smaller.
const minimizing = 10 * time.Second

// minimal drops what a wrong answer does not need. What is empty where the answer is
// right when it is asked for alone.
func minimal(d lp.Description, prefix []float64, method string, end time.Time) (lp.Description, []float64, string) {
	wrong := func(d lp.Description, prefix []float64) string {
		if time.Now().After(end) {
			return ""
		}
		p, err := made(d)
		if err != nil {
			return ""
		}
		c := &contender{p: p, method: method}
		if c.open(1, nil) != nil {
			return ""
		}
		defer c.close()
		for i := range len(prefix) + 1 {
			if c.next(); !c.good(0) {
				return ""
			}
			if i < len(prefix) {
				c.fix(prefix[i : i+1])
			}
		}
		if v, _, why := NewTruth(d).Judge(prefix, nil, c.lo[0], c.hi[0]); v == Wrong {
			return fmt.Sprintf("[%v, %v], %s", c.lo[0], c.hi[0], why)
		}
		return ""
	}
	what := ""
	better := func(d lp.Description, prefix []float64) bool {
		w := wrong(d, prefix)
		if w != "" {
			what = w
		}
		return w != ""
	}
	if !better(d, prefix) {
		return d, prefix, ""
	}
	d = shrink(d, func(d lp.Description) bool { return better(d, prefix) })
	for j := len(d.Entities) - 1; j >= 0; j-- {
		e, short := d, prefix
		e.Entities = without(d.Entities, j)
		if d.Lower != nil {
			e.Lower = without(d.Lower, j)
		}
		if d.Upper != nil {
			e.Upper = without(d.Upper, j)
		}
		e.Rows, e.Points = nil, nil
		for _, r := range d.Rows {
			r.Coef = without(r.Coef, j)
			e.Rows = append(e.Rows, r)
		}
		for _, v := range d.Points {
			e.Points = append(e.Points, without(v, j))
		}
		if j < len(prefix) {
			short = without(prefix, j)
		}
		if len(short) < len(e.Entities) && better(e, short) {
			d, prefix = e, short
		}
	}
	d = shrink(d, func(d lp.Description) bool { return better(d, prefix) })
	return d, prefix, what
}

func without[T any](x []T, k int) []T {
	return append(append(make([]T, 0, len(x)), x[:k]...), x[k+1:]...)
}

// shrink drops rows, points and bounds one by one while the description fails.
func shrink(d lp.Description, fails func(lp.Description) bool) lp.Description {
	try := func(e lp.Description) {
		if fails(e) {
			d = e
		}
	}
	for k := len(d.Rows) - 1; k >= 0; k-- {
		e := d
		e.Rows = without(d.Rows, k)
		try(e)
	}
	for k := len(d.Points) - 1; k >= 0 && len(d.Points) > 1; k-- {
		e := d
		e.Points = without(d.Points, k)
		try(e)
	}
	if d.Upper != nil {
		e := d
		e.Upper = nil
		try(e)
	}
	for j := range d.Upper {
		e := d
		e.Upper = append([]float64(nil), d.Upper...)
		e.Upper[j] = math.Inf(1)
		try(e)
	}
	return d
}
