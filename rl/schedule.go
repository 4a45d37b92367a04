package rl

import "math"

// Names of schedules.
const (
	ScheduleConstant = "constant"
	ScheduleLinear   = "linear"
	ScheduleCosine   = "cosine"
)

// Schedule returns the value of a schedule at a share of training in [0, 1]:
//
//	linear  from + (to - from) share
//	cosine  to + (from - to) (1 + cos(pi share)) / 2
//
// and from for every other kind. The second is the annealing of Loshchilov and Hutter (SGDR, ICLR
// 2017, equation 5) without restarts.
func Schedule(kind string, from, to, share float64) float64 {
	share = min(max(share, 0), 1)
	switch kind {
	case ScheduleLinear:
		return from + (to-from)*share
	case ScheduleCosine:
		return to + (from-to)*(1+math.Cos(math.Pi*share))/2
	}
	return from
}
