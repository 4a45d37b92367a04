package plots

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"paspo/internal/long"
)

func example() Learning {
	var train, eval Curve
	train.Name, eval.Name = "training", "evaluation"
	for i := range 100 {
		x := float64(i) * 1500
		train.X, train.Y = append(train.X, x), append(train.Y, 0.2+0.2*(1-math.Exp(-x/40_000))+0.02*math.Sin(x))
		if i%10 == 0 {
			eval.X, eval.Y, eval.Err = append(eval.X, x), append(eval.Y, 0.22+0.2*(1-math.Exp(-x/40_000))), append(eval.Err, 0.02)
		}
	}
	eval.Points = true
	return Learning{"portfolio, seed 1", "return of an episode", []Curve{train, eval}, []Level{{"exact optimum", 0.459}, {"uniform", 0.21}}}
}

func TestLearning(t *testing.T) {
	long.Test(t)
	raster, vector, err := example().Draw()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raster))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 1200 || b.Dy() != 750 {
		t.Errorf("size %v", b)
	}
	for d := xml.NewDecoder(bytes.NewReader(vector)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range []string{"portfolio, seed 1", "exact optimum", "evaluation", "environment steps", "100k"} {
		if !strings.Contains(string(vector), word) {
			t.Errorf("%q is not in the plot", word)
		}
	}
	again, _, err := example().Draw()
	if err != nil || !bytes.Equal(again, raster) {
		t.Errorf("the same data gives another picture, error %v", err)
	}
}

// Levels that lie on one another share a line and its name.
func TestLevelsShareALine(t *testing.T) {
	l := example()
	l.Levels = append(l.Levels, Level{"best constant", 0.45901})
	_, vector, err := l.Draw()
	if err != nil || !strings.Contains(string(vector), "exact optimum, best constant") {
		t.Errorf("two levels a line, error %v", err)
	}
}

// A run of one iteration, or one that measured nothing, has a plot too.
func TestLearningOfLittle(t *testing.T) {
	long.Test(t)
	for name, l := range map[string]Learning{
		"nothing":   {},
		"empty":     {Curves: []Curve{{Name: "training"}}},
		"one point": {Curves: []Curve{{Name: "training", X: []float64{512}, Y: []float64{0.2}, Err: []float64{math.NaN()}}}},
		"not finite": {
			Curves: []Curve{{Name: "training", X: []float64{1, 2, 3}, Y: []float64{math.NaN(), math.Inf(1), 2}, Err: []float64{1, 1, math.Inf(1)}}},
			Levels: []Level{{"optimum", math.NaN()}},
		},
		"flat":       {Curves: []Curve{{Name: "training", X: []float64{1, 2}, Y: []float64{3, 3}}}},
		"only level": {Levels: []Level{{"optimum", 2}}},
	} {
		if _, _, err := l.Draw(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
