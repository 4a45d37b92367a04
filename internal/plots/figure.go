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

	"paspo/internal/finite"
)

const (
	width, height = 8 * vg.Inch, 5 * vg.Inch
	dpi           = 150
	sample        = vg.Length(26) // of a line in the legend, in points
	gap           = vg.Length(18) // between the columns of the legend
)

// palette is that of Okabe and Ito (Color Universal Design, 2008), which people
// with colour-blindness can tell apart.
var palette = []color.NRGBA{
	{0x56, 0xB4, 0xE9, 0xff}, {0xD5, 0x5E, 0x00, 0xff}, {0x00, 0x9E, 0x73, 0xff},
	{0xCC, 0x79, 0xA7, 0xff}, {0xE6, 0x9F, 0x00, 0xff}, {0x00, 0x72, 0xB2, 0xff},
}

// dashes tell levels apart, which are all grey.
var dashes = [][]vg.Length{{6, 3}, {2, 2}, {8, 3, 2, 3}}

// figure is a plot with its legend in rows below it, where it hides nothing.
type figure struct {
	*plot.Plot
	yLabel  string
	entries []entry
	colours map[string]color.NRGBA
}

type entry struct {
	name   string
	thumbs []plot.Thumbnailer
}

func newFigure(title, x, y string) *figure {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, x
	p.Title.Padding = vg.Points(8)
	grid := plotter.NewGrid()
	faint := color.Gray{0xdd}
	grid.Horizontal.Color, grid.Vertical.Color = faint, faint
	p.Add(grid)
	return &figure{Plot: p, yLabel: y, colours: map[string]color.NRGBA{}}
}

func (f *figure) render() (png, svg []byte, err error) {
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	f.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, nil, err
	}
	var s bytes.Buffer
	vector := vgsvg.New(width, height)
	f.draw(draw.New(vector))
	if _, err := vector.WriteTo(&s); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), s.Bytes(), nil
}

// draw draws the plot above its legend.
func (f *figure) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	margin := vg.Points(8)
	f.BackgroundColor = nil
	c = draw.Crop(c, margin, -2*margin, margin, -margin)
	style := f.Legend.TextStyle
	widest := vg.Length(0)
	for _, e := range f.entries {
		widest = max(widest, style.Width(e.name))
	}
	cell := sample + style.Width(" ") + widest + gap
	columns := max(1, min(len(f.entries), int((c.Max.X-c.Min.X+gap)/cell)))
	rows := (len(f.entries) + columns - 1) / columns
	if rows > 0 {
		columns = (len(f.entries) + rows - 1) / rows // evenly
	}
	line := 1.25 * style.Height("Xy")
	for i, e := range f.entries {
		l := plot.NewLegend()
		l.Left, l.Top, l.ThumbnailWidth = true, true, sample
		l.Add(e.name, e.thumbs...)
		box := c
		beside := (c.Max.X - c.Min.X - vg.Length(columns)*cell + gap) / 2
		box.Min.X = c.Min.X + max(0, beside) + vg.Length(i/rows)*cell
		box.Max.Y = c.Min.Y + line*vg.Length(rows-i%rows)
		l.Draw(box)
	}
	c = draw.Crop(c, 0, 0, line*vg.Length(rows)+margin, 0)

	// Not an axis label: gonum centres that as if the axis were linear, and leaves
	// room for it above.
	turned := f.Y.Label.TextStyle
	turned.Rotation, turned.XAlign, turned.YAlign = math.Pi/2, draw.XCenter, draw.YTop
	left := style.Height("Xy") + margin
	data := f.DataCanvas(draw.Crop(c, left, 0, 0, 0))
	c.FillText(turned, vg.Point{X: c.Min.X, Y: (data.Min.Y + data.Max.Y) / 2}, f.yLabel)
	f.Draw(draw.Crop(c, left, 0, 0, 0))
}

func (f *figure) addCurve(c Curve) error {
	var line, upper, lower plotter.XYs
	for i, x := range c.X {
		y := c.Y[i]
		if !finite.Is(x) || !finite.Is(y) {
			continue
		}
		line = append(line, plotter.XY{X: x, Y: y})
		if c.Err != nil && finite.Is(c.Err[i]) {
			upper = append(upper, plotter.XY{X: x, Y: y + c.Err[i]})
			lower = append(lower, plotter.XY{X: x, Y: y - c.Err[i]})
		}
	}
	if len(line) == 0 {
		return nil
	}
	col, like := f.colours[c.Like]
	if !like {
		col = palette[len(f.colours)%len(palette)]
		f.colours[c.Name] = col
	}
	if len(upper) > 1 {
		ring := upper
		for i := range lower {
			ring = append(ring, lower[len(lower)-1-i])
		}
		band, err := plotter.NewPolygon(ring)
		if err != nil {
			return fmt.Errorf("plotting %s: %w", c.Name, err)
		}
		fill := col
		fill.A = 0x40
		band.Color, band.LineStyle.Width = fill, 0
		f.Add(band)
	}
	drawn, err := plotter.NewLine(line)
	if err != nil {
		return fmt.Errorf("plotting %s: %w", c.Name, err)
	}
	drawn.Color, drawn.Width = col, vg.Points(1.5)
	if like {
		drawn.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	var thumbs []plot.Thumbnailer
	if !c.Dots {
		f.Add(drawn)
		thumbs = append(thumbs, drawn)
	}
	if c.Points || c.Dots || len(line) == 1 {
		marks, err := plotter.NewScatter(line)
		if err != nil {
			return fmt.Errorf("plotting %s: %w", c.Name, err)
		}
		marks.Color, marks.Radius, marks.Shape = col, vg.Points(2.5), draw.CircleGlyph{}
		f.Add(marks)
		thumbs = append(thumbs, marks)
	}
	if c.Name != "" {
		f.entries = append(f.entries, entry{c.Name, thumbs})
	}
	return nil
}

// addLevels is called when all curves are there: levels that are closer than a
// line is wide share one.
func (f *figure) addLevels(all []Level) {
	for _, l := range all {
		if finite.Is(l.Y) {
			// A function has no range of its own.
			f.Y.Min, f.Y.Max = min(f.Y.Min, l.Y), max(f.Y.Max, l.Y)
		}
	}
	var shown []Level
	for _, l := range all {
		if !finite.Is(l.Y) {
			continue
		}
		shared := false
		for i := range shown {
			if math.Abs(shown[i].Y-l.Y) <= 0.002*(f.Y.Max-f.Y.Min) {
				shown[i].Name += ", " + l.Name
				shared = true
				break
			}
		}
		if !shared {
			shown = append(shown, l)
		}
	}
	for i, l := range shown {
		line := plotter.NewFunction(func(float64) float64 { return l.Y })
		line.Samples = 2
		line.Color, line.Width = color.Gray{0x50}, vg.Points(1.2)
		line.Dashes = dashes[i%len(dashes)]
		f.Add(line)
		f.entries = append(f.entries, entry{l.Name, []plot.Thumbnailer{line}})
	}
}
