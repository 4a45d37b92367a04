package rl

import (
	"math"
	"testing"
)

func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		kind        string
		share, want float64
	}{
		{ScheduleConstant, 0.7, 4},
		{ScheduleLinear, 0, 4}, {ScheduleLinear, 0.25, 3.5}, {ScheduleLinear, 1, 2}, {ScheduleLinear, 2, 2},
		{ScheduleCosine, 0, 4}, {ScheduleCosine, 0.5, 3}, {ScheduleCosine, 1, 2}, {ScheduleCosine, 1.0 / 3, 3.5},
	} {
		if got := Schedule(c.kind, 4, 2, c.share); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s at %g: %v, want %v", c.kind, c.share, got, c.want)
		}
	}
}
