package plots

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
)

// Curve is one line of a plot. Err, where it is not nil, is drawn as a band of
// half that width.
type Curve struct {
	Name   string // empty for one that the legend leaves out
	X, Y   []float64
	Err    []float64
	Points bool   // mark every point
	Dots   bool   // mark every point and draw no line
	Like   string // an earlier curve, whose colour it takes for a dashed line
}

// Level is a horizontal line. Levels that no eye can tell apart share a line.
type Level struct {
	Name string
	Y    float64
}

// Learning is a plot of returns over environment steps.
type Learning struct {
	Title, YLabel string
	Curves        []Curve
	Levels        []Level
}

// Draw returns the plot as PNG and as SVG. Points that are not finite are left
// out.
func (l Learning) Draw() (png, svg []byte, err error) {
	p := newFigure(l.Title, "environment steps", l.YLabel)
	p.X.Tick.Marker = plot.TickerFunc(stepTicks)
	p.X.Min = 0

	for _, c := range l.Curves {
		if err := p.addCurve(c); err != nil {
			return nil, nil, err
		}
	}
	p.addLevels(l.Levels)
	if !(p.X.Max > p.X.Min) {
		p.X.Max = p.X.Min + 1
	}

	margin := 0.04 * (p.Y.Max - p.Y.Min)
	p.Y.Min, p.Y.Max = p.Y.Min-margin, p.Y.Max+margin
	return p.render()
}

// stepTicks labels steps in thousands and millions.
func stepTicks(lo, hi float64) []plot.Tick {
	const most = 8
	unit := math.Pow(10, math.Floor(math.Log10((hi-lo)/most)))
	gap := 10 * unit
	for _, f := range []float64{1, 2, 2.5, 5} {
		if (hi-lo)/(f*unit) <= most {
			gap = f * unit
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(lo / gap); i*gap <= hi; i++ {
		t := plot.Tick{Value: i * gap}
		switch {
		case hi >= 2e6:
			t.Label = fmt.Sprintf("%gM", t.Value/1e6)
		case hi >= 2e3:
			t.Label = fmt.Sprintf("%gk", t.Value/1e3)
		default:
			t.Label = fmt.Sprintf("%g", t.Value)
		}
		if t.Value == 0 {
			t.Label = "0"
		}
		ticks = append(ticks, t)
	}
	return ticks
}
