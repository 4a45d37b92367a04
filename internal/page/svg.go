package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A chart is drawn in these units; the page scales it to its width. Colours are those of
// the style sheet, which knows dark and light.
const (
	width, height            = 640, 320
	left, right, top, bottom = 64, 12, 12, 40
)

// axis maps numbers to units.
type axis struct {
	lo, hi   float64
	log      bool
	from, to float64
}

// newAxis returns an axis over finite numbers, none of which need be.
func newAxis(xs []float64, log bool, from, to float64) axis {
	a := axis{math.Inf(1), math.Inf(-1), log, from, to}
	for _, x := range xs {
		if finite(x) && (!log || x > 0) {
			a.lo, a.hi = min(a.lo, x), max(a.hi, x)
		}
	}
	if a.lo > a.hi {
		a.lo, a.hi = 0, 1
		if log {
			a.lo = 0.1
		}
	}
	if a.lo == a.hi {
		if log {
			a.lo, a.hi = a.lo/2, a.hi*2
		} else {
			pad := max(math.Abs(a.lo)/10, 1e-6)
			a.lo, a.hi = a.lo-pad, a.hi+pad
		}
	}
	return a
}

func finite(x float64) bool { return x-x == 0 }

func (a *axis) at(x float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		x, lo, hi = math.Log(x), math.Log(lo), math.Log(hi)
	}
	return a.from + (a.to-a.from)*(x-lo)/(hi-lo)
}

// ticks returns some round numbers in the range.
func (a *axis) ticks(most int) (all []float64) {
	if a.log {
		first, last := math.Ceil(math.Log10(a.lo)-1e-9), math.Floor(math.Log10(a.hi)+1e-9)
		for e := first; e <= last; e += max(1, math.Ceil((last-first)/float64(most))) {
			all = append(all, math.Pow(10, e))
		}
		if len(all) > 1 {
			return all
		}
		return []float64{a.lo, a.hi}
	}
	unit := math.Pow(10, math.Floor(math.Log10((a.hi-a.lo)/float64(most))))
	step := unit
	for _, f := range []float64{1, 2, 5, 10} {
		if step = f * unit; (a.hi-a.lo)/step <= float64(most) {
			break
		}
	}
	for x := math.Ceil(a.lo/step) * step; x <= a.hi+step*1e-9; x += step {
		all = append(all, math.Round(x/step)*step)
	}
	return all
}

// number writes a number with few digits.
func number(x float64) string {
	switch a := math.Abs(x); {
	case !finite(x):
		return "–"
	case a >= 1e6:
		return strconv.FormatFloat(x/1e6, 'g', 4, 64) + "M"
	case a >= 1e4:
		return strconv.FormatFloat(x/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

// svg is a drawing.
type svg struct{ strings.Builder }

func newSVG(label string, w, h int) *svg {
	s := &svg{}
	fmt.Fprintf(s, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, w, h, template.HTMLEscapeString(label))
	return s
}

func (s *svg) done() template.HTML {
	s.WriteString("</svg>")
	return template.HTML(s.String())
}

func (s *svg) text(x, y float64, anchor, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, template.HTMLEscapeString(text))
}

func (s *svg) line(class string, xs, ys []float64, x, y axis) {
	var b strings.Builder
	for i := range xs {
		if finite(xs[i]) && finite(ys[i]) {
			fmt.Fprintf(&b, "%.1f,%.1f ", x.at(xs[i]), y.at(ys[i]))
		}
	}
	if b.Len() > 0 {
		fmt.Fprintf(s, `<polyline class="%s" points="%s"/>`, class, strings.TrimSpace(b.String()))
	}
}

// frame draws the axes.
func (s *svg) frame(x, y axis, xLabel, yLabel string) {
	for _, v := range y.ticks(5) {
		fmt.Fprintf(s, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, width-right, y.at(v), y.at(v))
		s.text(left-6, y.at(v)+4, "end", number(v))
	}
	for _, v := range x.ticks(6) {
		fmt.Fprintf(s, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x.at(v), x.at(v), top, height-bottom)
		s.text(x.at(v), height-bottom+16, "middle", number(v))
	}
	s.text((left+width-right)/2, height-4, "middle", xLabel)
	fmt.Fprintf(s, `<text transform="translate(12 %d) rotate(-90)" text-anchor="middle">%s</text>`, (top+height-bottom)/2, template.HTMLEscapeString(yLabel))
}

// series is the curves of one setting.
type series struct {
	Name  string
	Class string // of its colour
	steps []float64
	seeds [][]float64 // by seed, at the steps
	mean  []float64
}

// curves draws every seed behind the mean.
func curves(label string, all []series) template.HTML {
	var xs, ys []float64
	for _, c := range all {
		xs = append(xs, c.steps...)
		ys = append(ys, slices.Concat(c.seeds...)...)
	}
	x, y := newAxis(append(xs, 0), false, left, width-right), newAxis(ys, false, height-bottom, top)
	s := newSVG(label, width, height)
	s.frame(x, y, "environment steps", "return")
	for i, c := range all {
		fmt.Fprintf(s, `<g class="series %s" data-series="%d"><title>%s</title>`, c.Class, i, template.HTMLEscapeString(c.Name))
		for _, seed := range c.seeds {
			s.line("seed", c.steps, seed, x, y)
		}
		s.line("mean", c.steps, c.mean, x, y)
		s.WriteString("</g>")
	}
	return s.done()
}

// effect draws a value of all settings over one of them.
func effect(key, statistic string, xs, ys []float64, log bool, names []string) template.HTML {
	y := newAxis(ys, false, height-bottom, top)
	x := newAxis(xs, log, left+12, width-right-12)
	s := newSVG(fmt.Sprintf("%s of settings over %s", statistic, key), width, height)
	if names == nil {
		s.frame(x, y, key, statistic)
	} else {
		x = axis{lo: -0.5, hi: float64(len(names)) - 0.5, from: left, to: width - right}
		none := axis{lo: 1, hi: 2, from: -100, to: -100}
		s.frame(none, y, key, statistic)
		for i, n := range names {
			s.text(x.at(float64(i)), height-bottom+16, "middle", n)
		}
	}
	for i := range xs {
		if finite(ys[i]) {
			fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="4"/>`, x.at(xs[i]), y.at(ys[i]))
		}
	}
	return s.done()
}

// parallel draws every setting as a line over one axis for each dimension and one for the
// value; shares are where a setting lies on an axis.
func parallel(keys []string, statistic string, shares [][]float64, values []float64) template.HTML {
	const h = 300
	s := newSVG("settings, the better the darker", width, h)
	n := len(keys) + 1
	at := func(k int) float64 { return 40 + float64(k)*float64(width-80)/float64(n-1) }
	ys := newAxis(values, false, h-40, 24)
	for k, name := range append(slices.Clone(keys), statistic) {
		fmt.Fprintf(s, `<line class="axis" x1="%.1f" x2="%.1f" y1="24" y2="%d"/>`, at(k), at(k), h-40)
		short := name[strings.LastIndexByte(name, '.')+1:]
		s.text(at(k), h-22+float64(k%2)*14, "middle", short)
	}
	order := make([]int, 0, len(values))
	for i, v := range values {
		if finite(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if values[a] < values[b] {
			return -1
		}
		return 1
	})
	for rank, i := range order {
		fmt.Fprintf(s, `<polyline class="setting" style="opacity:%.2f" points="`, 0.08+0.92*math.Pow(float64(rank+1)/float64(len(order)), 4))
		for k, u := range shares[i] {
			fmt.Fprintf(s, "%.1f,%.1f ", at(k), float64(h-40)-u*float64(h-64))
		}
		fmt.Fprintf(s, `%.1f,%.1f"/>`, at(n-1), ys.at(values[i]))
	}
	return s.done()
}
