package page

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"

	"paspo/internal/finite"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/internal/sweep/search"
)

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// capital begins a sentence.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// curve is that of every seed of a group, and their mean.
type curve struct {
	name, class string
	seeds       []line
	mean        line
}

func drawCurves(label, yLabel string, all []curve, l Levels) template.HTML {
	xs, ys := []float64{0}, []float64{l.Uniform, l.Best}
	for _, c := range all {
		xs, ys = append(xs, c.mean.x...), append(ys, c.mean.y...)
		for _, seed := range c.seeds {
			xs, ys = append(xs, seed.x...), append(ys, seed.y...)
		}
	}
	x, y := newAxis(xs, false, left, width-right), newAxis(ys, false, height-bottom, top+8)
	s := newSVG(label, width, height)
	s.frame(x, y, "environment steps", yLabel)
	for _, v := range []struct {
		name string
		at   float64
	}{{"best known", l.Best}, {"uniform", l.Uniform}} {
		if finite.Is(v.at) {
			s.line("level", line{[]float64{x.lo, x.hi}, []float64{v.at, v.at}}, x, y)
			s.text(width-right, y.at(v.at)-4, "end", v.name)
		}
	}
	for _, c := range all {
		s.begin(c.class, c.name)
		for _, seed := range c.seeds {
			s.line("seed", seed, x, y)
		}
		s.line("mean", c.mean, x, y)
		s.end()
	}
	return s.done()
}

// bar is an estimate of a group.
type bar struct {
	name, class string
	stats.Interval
}

// drawForest draws estimates with their intervals below one another, and a line at mark.
func drawForest(label, axisLabel string, rows []bar, mark float64) template.HTML {
	const names, row = 128, 26
	h := top + row*len(rows) + bottom
	var xs []float64
	for _, r := range rows {
		xs = append(xs, r.Estimate, r.Low, r.High)
	}
	x := newAxis(append(xs, mark), false, names+20, width-right-10)
	s := newSVG(label, width, h)
	for _, v := range x.ticks(5) {
		s.rule("grid", x.at(v), x.at(v), top, float64(h-bottom))
		s.text(x.at(v), float64(h-bottom+18), "middle", number(v))
	}
	if finite.Is(mark) {
		s.rule("level", x.at(mark), x.at(mark), top, float64(h-bottom))
	}
	for i, r := range rows {
		at := float64(top + row*i + row/2)
		s.begin(r.class, fmt.Sprintf("%s: %s, %s", r.name, number(r.Estimate), between(r.Interval, number)))
		s.text(names, at+4, "end", short(r.name))
		if finite.Is(r.Low) {
			s.rule("mean", x.at(r.Low), x.at(r.High), at, at)
		}
		s.dot("dot", x.at(r.Estimate), at)
		s.end()
	}
	s.text((names+width-right)/2, float64(h-6), "middle", axisLabel)
	return s.done()
}

// short returns a name that fits beside a drawing.
func short(name string) string {
	const most = 15
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}

func (s *svg) rule(class string, x1, x2 float64, y1, y2 float64) {
	fmt.Fprintf(s, `<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, class, x1, x2, y1, y2)
}

func (s *svg) dot(class string, x, y float64) {
	fmt.Fprintf(s, `<circle class="%s" cx="%.1f" cy="%.1f" r="4.5"/>`, class, x, y)
}

// steps returns a line that keeps its height up to the next point.
func (l line) steps() (out line) {
	for i, x := range l.x {
		if i > 0 {
			out.add(x, l.y[i-1])
		}
		out.add(x, l.y[i])
	}
	return out
}

// drawProfiles draws the share of the trainings of every group above a score.
func drawProfiles(label, axisLabel string, all []*ranked) template.HTML {
	const steps = 80
	var xs []float64
	for _, r := range all {
		xs = append(xs, slices.Concat(r.scores()...)...)
	}
	x, y := newAxis(xs, false, left, width-right), newAxis([]float64{0, 1}, false, height-bottom, top)
	x.lo, x.hi = x.lo-(x.hi-x.lo)/20, x.hi+(x.hi-x.lo)/20
	s := newSVG(label, width, height)
	s.frame(x, y, axisLabel, "share of trainings above")
	at := make([]float64, steps+1)
	for i := range at {
		at[i] = x.lo + (x.hi-x.lo)*float64(i)/steps
	}
	for i, r := range all {
		profile := line{at, r.scores().Profile(at)}
		var band, back line
		for _, t := range at {
			iv := stats.Stratified(level, rng.New(1, "report", "profile", r.Name), resamples/10, func(s ...stats.Scores) float64 {
				return s[0].Profile([]float64{t})[0]
			}, r.scores())
			band.add(t, iv.Low)
			back.add(t, iv.High)
		}
		profile, band, back = profile.steps(), band.steps(), back.steps()
		slices.Reverse(back.x)
		slices.Reverse(back.y)
		s.begin(class(i), r.Name)
		s.points("polygon", "band", line{append(band.x, back.x...), append(band.y, back.y...)}, x, y)
		s.line("mean", profile, x, y)
		s.end()
	}
	return s.done()
}

// drawEffect draws the values of settings over one dimension: those at the end of training as
// full dots, and those at the first comparison as rings.
func drawEffect(d *search.Dimension, statistic string, ends, early line) template.HTML {
	y := newAxis(slices.Concat(ends.y, early.y), false, height-bottom, top+6)
	x := axis{lo: d.Low, hi: d.High, log: d.Kind == search.Log, from: left + 12, to: width - right - 12}
	if x.lo == x.hi {
		x = newAxis([]float64{x.lo}, x.log, x.from, x.to)
	}
	s := newSVG(fmt.Sprintf("%s of settings over %s", capital(statistic), d.Key), width, height)
	var names []string
	for _, c := range d.Choices {
		names = append(names, c.Text)
	}
	if names != nil {
		x = axis{lo: -0.5, hi: float64(len(names)) - 0.5, from: left, to: width - right}
	}
	s.frame(x, y, d.Key, statistic, names...)
	for i, v := range early.x {
		if finite.Is(early.y[i]) {
			s.dot("ring", x.at(v), y.at(early.y[i]))
		}
	}
	for i, v := range ends.x {
		if finite.Is(ends.y[i]) {
			s.dot("dot", x.at(v), y.at(ends.y[i]))
		}
	}
	return s.done()
}

// point is a setting with a line of its own in the drawing of all of them.
type point struct {
	name   string
	shares []float64 // where it lies on every axis
	value  float64   // NaN for one that was given up
}

// drawParallel draws every setting as a line over one axis for each dimension and one for the
// value. Lines of those that were given up end before it.
func drawParallel(space search.Space, statistic string, points []point) template.HTML {
	const h, above, below = 330, 44, 26
	w := max(width, 110*(len(space)+1))
	s := newSVG("All settings as lines over the dimensions of the space, the best in a colour of its own", w, h)
	n := len(space) + 1
	at := func(k int) float64 { return 55 + float64(k)*float64(w-110)/float64(n-1) }
	var values []float64
	for _, p := range points {
		values = append(values, p.value)
	}
	ys := newAxis(values, false, h-below, above)
	up := axis{lo: 0, hi: 1, from: h - below, to: above}
	label := func(k int, name, high, low string) {
		s.rule("axis", at(k), at(k), above, h-below)
		s.text(at(k), 16, "middle", short(name[strings.LastIndexByte(name, '.')+1:]))
		s.text(at(k), above-6, "middle", short(high))
		s.text(at(k), h-below+16, "middle", short(low))
	}
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.value, b.value) }) // those without come first
	for rank, p := range points {
		var l line
		for k, u := range p.shares {
			l.add(at(k), up.at(u))
		}
		kind := "setting"
		switch {
		case !finite.Is(p.value):
			kind = "pruned"
		case rank == len(points)-1:
			kind = "setting best"
		}
		if finite.Is(p.value) {
			l.add(at(n-1), ys.at(p.value))
		}
		fmt.Fprintf(s, `<g style="opacity:%.2f"><title>%s</title>`, opacity(rank, len(points), p.value), template.HTMLEscapeString(p.name))
		one := axis{lo: 0, hi: 1, from: 0, to: 1}
		s.line(kind, l, one, one)
		s.end()
	}
	for k := range space {
		d := &space[k]
		low, high := number(d.Low), number(d.High)
		if d.Kind == search.Choices {
			low, high = d.Choices[0].Text, d.Choices[len(d.Choices)-1].Text
		}
		label(k, d.Key, high, low)
	}
	label(n-1, statistic, number(ys.hi), number(ys.lo))
	return s.done()
}

func opacity(rank, n int, value float64) float64 {
	if !finite.Is(value) {
		return 0.35
	}
	return 0.15 + 0.85*math.Pow(float64(rank+1)/float64(n), 4)
}
