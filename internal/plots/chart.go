package plots

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
)

// Chart is a plot of curves over any quantity, on linear or logarithmic axes.
type Chart struct {
	Title, XLabel, YLabel string
	LogX, LogY            bool
	Names                 []string // of x = 1, 2, ...; nil for numbers
	Curves                []Curve
	Levels                []Level
}

// Draw returns the plot as PNG and as SVG. Points that are not finite, or not
// positive on a logarithmic axis, are left out.
func (c Chart) Draw() (png, svg []byte, err error) {
	p := newFigure(c.Title, c.XLabel, c.YLabel)
	for _, k := range c.Curves {
		if err := p.addCurve(c.drawable(k)); err != nil {
			return nil, nil, err
		}
	}
	levels := slices.DeleteFunc(slices.Clone(c.Levels), func(v Level) bool { return c.LogY && !(v.Y > 0) })
	p.addLevels(levels)
	axis(&p.X, c.LogX)
	axis(&p.Y, c.LogY)
	if c.Names != nil {
		var ticks []plot.Tick
		for i, name := range c.Names {
			ticks = append(ticks, plot.Tick{Value: float64(i + 1), Label: name})
		}
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
	}
	return p.render()
}

// drawable keeps what the axes can show.
func (c Chart) drawable(k Curve) Curve {
	out := Curve{Name: k.Name, Points: k.Points, Dots: k.Dots, Like: k.Like}
	for i, x := range k.X {
		y := k.Y[i]
		if c.LogX && !(x > 0) || c.LogY && !(y > 0) {
			continue
		}
		out.X, out.Y = append(out.X, x), append(out.Y, y)
		if k.Err == nil {
			continue
		}
		e := k.Err[i]
		if c.LogY {
			e = min(e, 0.99*y) // the band stays above 0
		}
		out.Err = append(out.Err, e)
	}
	return out
}

// axis sets the range and the ticks of an axis.
func axis(a *plot.Axis, log bool) {
	if !(a.Max >= a.Min) || math.IsInf(a.Max-a.Min, 0) { // nothing was drawn
		a.Min, a.Max = 1, 2
	}
	if !log {
		margin := 0.04 * (a.Max - a.Min)
		if margin == 0 {
			margin = 1
		}
		a.Min, a.Max = a.Min-margin, a.Max+margin
		return
	}
	a.Scale, a.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	const wider = 1.3
	a.Min, a.Max = a.Min/wider, a.Max*wider
}

// logTicks labels powers of ten, and 1, 2 and 5 times them over short ranges.
func logTicks(lo, hi float64) []plot.Tick {
	decades := math.Log10(hi / lo)
	step := max(1, math.Ceil(decades/8))
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for m := 1.; m < 10; m++ {
			v := m * math.Pow(10, e)
			if v < lo || v > hi {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 && math.Mod(e, step) == 0 || decades < 2.5 && (m == 2 || m == 5) {
				t.Label = fmt.Sprintf("%g", v)
			}
			if step == 1 || m == 1 {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}
