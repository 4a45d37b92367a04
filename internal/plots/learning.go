// Package plots draws what runs leave behind.
package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Curve is one line of a plot. Err, where it is not nil, is drawn as a band of
// half that width.
type Curve struct {
	Name   string
	X, Y   []float64
	Err    []float64
	Points bool // mark every point
}

// Level is a horizontal line.
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

const (
	width, height = 8 * vg.Inch, 5 * vg.Inch
	dpi           = 150
)

// palette is that of Okabe and Ito (Color Universal Design, 2008), which people
// with colour-blindness can tell apart.
var palette = []color.NRGBA{
	{0x56, 0xB4, 0xE9, 0xff}, {0xD5, 0x5E, 0x00, 0xff}, {0x00, 0x9E, 0x73, 0xff},
	{0xCC, 0x79, 0xA7, 0xff}, {0xE6, 0x9F, 0x00, 0xff}, {0x00, 0x72, 0xB2, 0xff},
}

// Draw returns the plot as PNG and as SVG. Points that are not finite are left
// out.
func (l Learning) Draw() (png, svg []byte, err error) {
	p := newPlot(l.Title, "environment steps", l.YLabel)
	p.X.Tick.Marker = plot.TickerFunc(stepTicks)
	p.X.Min = 0

	for i, c := range l.Curves {
		if err := addCurve(p, c, palette[i%len(palette)]); err != nil {
			return nil, nil, fmt.Errorf("plotting %s: %w", c.Name, err)
		}
	}
	for i, v := range l.Levels {
		addLevel(p, v, palette[(len(l.Curves)+i)%len(palette)])
	}
	if !(p.X.Max > p.X.Min) {
		p.X.Max = p.X.Min + 1
	}

	margin := 0.04 * (p.Y.Max - p.Y.Min)
	p.Y.Min, p.Y.Max = p.Y.Min-margin, p.Y.Max+margin
	return render(p)
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(8)
	p.Legend.Padding = vg.Points(2)
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), vg.Points(8)
	grid := plotter.NewGrid()
	faint := color.Gray{0xdd}
	grid.Horizontal.Color, grid.Vertical.Color = faint, faint
	p.Add(grid)
	return p
}

func render(p *plot.Plot) (png, svg []byte, err error) {
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	p.Draw(inset(draw.New(canvas)))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, nil, err
	}
	var s bytes.Buffer
	vector := vgsvg.New(width, height)
	p.Draw(inset(draw.New(vector)))
	if _, err := vector.WriteTo(&s); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), s.Bytes(), nil
}

func addCurve(p *plot.Plot, c Curve, col color.NRGBA) error {
	var line, upper, lower plotter.XYs
	for i, x := range c.X {
		y := c.Y[i]
		if !finite(x) || !finite(y) {
			continue
		}
		line = append(line, plotter.XY{X: x, Y: y})
		if c.Err != nil && finite(c.Err[i]) {
			upper = append(upper, plotter.XY{X: x, Y: y + c.Err[i]})
			lower = append(lower, plotter.XY{X: x, Y: y - c.Err[i]})
		}
	}
	if len(line) == 0 {
		return nil
	}
	if len(upper) > 1 {
		ring := upper
		for i := range lower {
			ring = append(ring, lower[len(lower)-1-i])
		}
		band, err := plotter.NewPolygon(ring)
		if err != nil {
			return err
		}
		fill := col
		fill.A = 0x40
		band.Color, band.LineStyle.Width = fill, 0
		p.Add(band)
	}
	drawn, err := plotter.NewLine(line)
	if err != nil {
		return err
	}
	drawn.Color, drawn.Width = col, vg.Points(1.5)
	p.Add(drawn)
	thumbs := []plot.Thumbnailer{drawn}
	if c.Points || len(line) == 1 {
		marks, err := plotter.NewScatter(line)
		if err != nil {
			return err
		}
		marks.Color, marks.Radius, marks.Shape = col, vg.Points(2.5), draw.CircleGlyph{}
		p.Add(marks)
		thumbs = append(thumbs, marks)
	}
	p.Legend.Add(c.Name, thumbs...)
	return nil
}

func addLevel(p *plot.Plot, l Level, col color.NRGBA) {
	if !finite(l.Y) {
		return
	}
	f := plotter.NewFunction(func(float64) float64 { return l.Y })
	f.Samples = 2
	f.Color, f.Width = col, vg.Points(1.2)
	f.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
	p.Add(f)
	p.Legend.Add(l.Name, f)
	// A function has no range of its own.
	p.Y.Min, p.Y.Max = min(p.Y.Min, l.Y), max(p.Y.Max, l.Y)
}

// inset keeps a margin around the plot.
func inset(c draw.Canvas) draw.Canvas {
	m := vg.Points(8)
	return draw.Crop(c, m, -2*m, m, -m)
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

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
