package plots

import (
	"math"
	"strings"
	"testing"

	"paspo/internal/long"
)

func TestChart(t *testing.T) {
	long.Test(t)
	c := Chart{
		Title: "speed", XLabel: "entities", YLabel: "chains a second", LogX: true, LogY: true,
		Curves: []Curve{{Name: "closed form", X: []float64{0, 5, 50, 200}, Y: []float64{7, 1e6, 1e4, 0}, Points: true}},
		Levels: []Level{{"target", 1e5}, {"never drawn", -1}},
	}
	_, svg, err := c.Draw()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"speed", "entities", "chains a second", "closed form", "target", ">10<", ">100000<"} {
		if !strings.Contains(string(svg), word) {
			t.Errorf("%q is not in the plot", word)
		}
	}
	_, named, err := Chart{Names: []string{"thin", "scales"}, Curves: []Curve{{Name: "a", X: []float64{1, 2}, Y: []float64{3, 4}}}}.Draw()
	if err != nil || !strings.Contains(string(named), ">thin<") || !strings.Contains(string(named), ">scales<") {
		t.Errorf("the names are not in the plot, error %v", err)
	}
	dots := Curve{Name: "a", X: []float64{1, 2}, Y: []float64{3, 4}, Dots: true}
	_, without, err := Chart{Curves: []Curve{dots}}.Draw()
	dots.Dots = false
	_, with, err2 := Chart{Curves: []Curve{dots}}.Draw()
	if colour := "stroke:#56B4E9"; err != nil || err2 != nil || strings.Contains(string(without), colour) && !strings.Contains(string(with), colour) {
		t.Errorf("dots have a line, errors %v, %v", err, err2)
	}
	if strings.Contains(string(svg), "never drawn") {
		t.Error("a level below 0 is on a logarithmic axis")
	}
}

func TestChartOfLittle(t *testing.T) {
	long.Test(t)
	for name, c := range map[string]Chart{
		"nothing":       {},
		"nothing, log":  {LogX: true, LogY: true},
		"no positives":  {LogX: true, LogY: true, Curves: []Curve{{Name: "a", X: []float64{0, -1}, Y: []float64{1, 1}}}},
		"one point":     {LogX: true, LogY: true, Curves: []Curve{{Name: "a", X: []float64{3}, Y: []float64{1e-12}, Err: []float64{1}}}},
		"not finite":    {Curves: []Curve{{Name: "a", X: []float64{1, 2}, Y: []float64{math.NaN(), math.Inf(1)}}}},
		"flat":          {Curves: []Curve{{Name: "a", X: []float64{1, 2}, Y: []float64{0, 0}}}},
		"over 30 tens":  {LogY: true, Curves: []Curve{{Name: "a", X: []float64{1, 2}, Y: []float64{1e-20, 1e10}}}},
		"a level alone": {LogY: true, Levels: []Level{{"a", 2}}},
	} {
		if _, _, err := c.Draw(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
