package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"paspo/internal/finite"
)

// A chart is drawn in these units; the page scales it to its width. Colours are those of
// the style sheet, which knows dark and light.
const (
	width, height            = 480, 300
	left, right, top, bottom = 64, 22, 12, 44
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
		if finite.Is(x) && (!log || x > 0) {
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

var nan = math.NaN()

func (a *axis) at(x float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		x, lo, hi = math.Log(x), math.Log(lo), math.Log(hi)
	}
	return a.from + (a.to-a.from)*(x-lo)/(hi-lo)
}

// ticks returns some round numbers in the range. On a logarithmic axis these are 1, 2 and 5 times
// powers of ten, or powers alone where there would be too many, and where there would be but one
// those of a linear axis.
func (a *axis) ticks(most int) (all []float64) {
	if a.log {
		const dense = 8
		first, last := math.Floor(math.Log10(a.lo)), math.Floor(math.Log10(a.hi)+1e-9)
		for e := first; e <= last; e++ {
			for _, f := range [...]float64{1, 2, 5} {
				if x := f * math.Pow(10, e); x >= a.lo*(1-1e-9) && x <= a.hi*(1+1e-9) {
					all = append(all, x)
				}
			}
		}
		if len(all) > dense {
			first, all = math.Ceil(math.Log10(a.lo)-1e-9), nil
			for e := first; e <= last; e += max(1, math.Ceil((last-first)/float64(most))) {
				all = append(all, math.Pow(10, e))
			}
		}
		if len(all) > 1 {
			return all
		}
		all = nil
	}
	unit := math.Pow(10, math.Floor(math.Log10((a.hi-a.lo)/float64(most))))
	step := unit
	for _, f := range []float64{1, 2, 5, 10} {
		if step = f * unit; (a.hi-a.lo)/step <= float64(most) {
			break
		}
	}
	for x := math.Ceil(a.lo/step) * step; x <= a.hi+step*1e-9; x += step {
		all = append(all, math.Round(x/step)*step+0) // no -0
	}
	return all
}

// class is that of a colour.
func class(i int) string { return fmt.Sprintf("c%d", i%shownSeries) }

// number writes a number with few digits.
func number(x float64) string {
	switch a := math.Abs(x); {
	case !finite.Is(x):
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
	fmt.Fprintf(s, `<svg viewBox="0 0 %d %d" style="max-width:%dpx" role="img" aria-label="%s">`, w, h, w*5/4, template.HTMLEscapeString(label))
	return s
}

func (s *svg) done() template.HTML {
	s.WriteString("</svg>")
	return template.HTML(s.String())
}

func (s *svg) text(x, y float64, anchor, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, template.HTMLEscapeString(text))
}

// line is points that are joined.
type line struct{ x, y []float64 }

func (l *line) add(x, y float64) { l.x, l.y = append(l.x, x), append(l.y, y) }

func (s *svg) line(class string, l line, x, y axis) { s.points("polyline", class, l, x, y) }

// points draws a polyline or polygon.
func (s *svg) points(shape, class string, l line, x, y axis) {
	var at []string
	for i := range l.x {
		if finite.Is(l.x[i]) && finite.Is(l.y[i]) {
			at = append(at, fmt.Sprintf("%.1f,%.1f", x.at(l.x[i]), y.at(l.y[i])))
		}
	}
	if len(at) == 1 { // nothing is drawn of one point, and a dot of one twice
		at = append(at, at[0])
	}
	if len(at) > 0 {
		fmt.Fprintf(s, `<%s class="%s" points="%s"/>`, shape, class, strings.Join(at, " "))
	}
}

// begin opens the group of a series, which a legend hides.
func (s *svg) begin(class, name string) {
	fmt.Fprintf(s, `<g class="%s" data-series="%s"><title>%s</title>`, class, class, template.HTMLEscapeString(name))
}

func (s *svg) end() { s.WriteString("</g>") }

// frame draws the axes. Names are those of 0, 1, .. on the x axis, none for numbers.
func (s *svg) frame(x, y axis, xLabel, yLabel string, names ...string) {
	for _, v := range y.ticks(5) {
		fmt.Fprintf(s, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, width-right, y.at(v), y.at(v))
		s.text(left-6, y.at(v)+4, "end", number(v))
	}
	for i, name := range names {
		s.text(x.at(float64(i)), height-bottom+18, "middle", short(name))
	}
	for _, v := range x.ticks(5) {
		if names != nil {
			break
		}
		fmt.Fprintf(s, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x.at(v), x.at(v), top, height-bottom)
		s.text(x.at(v), height-bottom+18, "middle", number(v))
	}
	s.text((left+width-right)/2, height-6, "middle", xLabel)
	fmt.Fprintf(s, `<text transform="translate(13 %d) rotate(-90)" text-anchor="middle">%s</text>`, (top+height-bottom)/2, template.HTMLEscapeString(yLabel))
}
