package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
)

// A 90 % interval of the mean of 40 normals covers the truth in about 90 % of
// 400 repetitions; the percentile bootstrap is known to fall a little short.
func TestMeanIntervalCovers(t *testing.T) {
	long.Test(t)
	r := rand.New(rng.New(1, "data"))
	const repetitions = 400
	covered := 0
	for k := range repetitions {
		xs := make([]float64, 40)
		for i := range xs {
			xs[i] = 3 + 2*r.NormFloat64()
		}
		iv := MeanInterval(xs, 0.9, rng.New(2).Split(uint64(k)))
		if iv.Low <= 3 && 3 <= iv.High {
			covered++
		}
	}
	if p := float64(covered) / repetitions; p < 0.84 || p > 0.95 {
		t.Errorf("a 90%% interval covers the mean in %.1f%% of cases", 100*p)
	}
}

func TestBootstrapKeepsPairs(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5, 6}
	y := []float64{2, 4, 6, 8, 10, 12}
	iv := Bootstrap(len(x), 0.95, rng.New(3), func(idx []int) float64 {
		var sx, sy float64
		for _, i := range idx {
			sx += x[i]
			sy += y[i]
		}
		return sy / sx
	})
	if iv.Estimate != 2 || iv.Low != 2 || iv.High != 2 {
		t.Errorf("ratio of proportional samples: %+v, want 2 throughout", iv)
	}
}

func TestOneSampleHasNoInterval(t *testing.T) {
	iv := MeanInterval([]float64{7}, 0.95, rng.New(1))
	if iv.Estimate != 7 || !math.IsNaN(iv.Low) || !math.IsNaN(iv.High) {
		t.Errorf("got %+v", iv)
	}
	b, err := json.Marshal(iv)
	if err != nil || string(b) != `{"estimate":7,"low":null,"high":null}` {
		t.Errorf("as JSON: %s, %v", b, err)
	}
}

func TestIntervalKeepsUnknownEndpoints(t *testing.T) {
	for _, iv := range []Interval{{1, 0, 2}, {7, math.NaN(), math.NaN()}, {0, -1, math.NaN()}} {
		data, err := json.Marshal(iv)
		var got Interval
		if err == nil {
			err = json.Unmarshal(data, &got)
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(iv) {
			t.Errorf("%v, %v from %v by %s", err, got, iv, data)
		}
	}
}

// The range of n draws holds the median in all but 2 of 2^n arrangements of their sides; one draw
// has no interval.
func TestFewSeeds(t *testing.T) {
	for want, seeds := range map[string][]int{
		"":                                       {0, 1, 5, 20},
		"those of 2 seeds hold the median of":    {3, 2, 1},
		"come to at most 87.5 % of the time.":    {20, 4},
		"Intervals of fewer than 5 seeds are to": {3},
	} {
		if got := FewSeeds(seeds); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%v: %q, want %q", seeds, got, want)
		}
	}
}
