//go:build gpu

package cuda

import "fmt"

// maxLanes bounds the streams that a run is spread over.
const maxLanes = 4

// share gives every step a lane: steps of different lanes may run at the same
// time. A step goes on in the lane of one that it waits for, or else in one that
// has had nothing to do since the level before.
func (p *Plan) share() {
	var last []*planStep // of each lane
	for _, s := range p.steps {
		s.lane = -1
		for _, from := range s.after {
			if last[from.lane] == from {
				s.lane = from.lane
				break
			}
		}
		for lane := 0; s.lane < 0 && lane < len(last); lane++ {
			if last[lane].depth < s.depth {
				s.lane = lane
			}
		}
		switch {
		case s.lane >= 0:
		case len(last) < maxLanes:
			s.lane = len(last)
			last = append(last, nil)
		default:
			s.lane = 0
		}
		last[s.lane] = s
	}
	p.lanes = max(len(last), 1)
}

// Lanes returns the number of streams that a run can use.
func (p *Plan) Lanes() int { return p.lanes }

// planEvent is a launch, or where step is nil the lane waits for all that was
// queued on another one before.
type planEvent struct {
	step    *planStep
	lane    int
	waitFor int
}

// events returns a run as it is queued on a number of lanes. What is on lane 0
// before comes before all of it, and what is queued on lane 0 afterwards after all
// of it.
func (p *Plan) events(lanes int) []planEvent {
	var es []planEvent
	begun := make([]bool, lanes)
	begun[0] = true
	for level := 0; level < len(p.steps); {
		end := level
		for end < len(p.steps) && p.steps[end].depth == p.steps[level].depth {
			end++
		}
		// All that wait do so before any of them goes on.
		waits := map[[2]int]bool{}
		for _, s := range p.steps[level:end] {
			to := s.lane % lanes
			if len(s.after) == 0 && !begun[to] {
				waits[[2]int{to, 0}] = true
			}
			for _, from := range s.after {
				if from.lane%lanes != to {
					waits[[2]int{to, from.lane % lanes}] = true
				}
			}
		}
		for to := range lanes {
			for from := range lanes {
				if waits[[2]int{to, from}] {
					es = append(es, planEvent{lane: to, waitFor: from})
					begun[to] = true
				}
			}
		}
		for _, s := range p.steps[level:end] {
			es = append(es, planEvent{step: s, lane: s.lane % lanes})
		}
		level = end
	}
	for i := 1; i < lanes; i++ {
		if begun[i] {
			es = append(es, planEvent{lane: 0, waitFor: i})
		}
	}
	return es
}

// Queue puts the launches of a run on streams, Lanes of them or fewer, for all
// agents of a memory. What is queued on the first stream before comes before all
// of it, and what is queued on it afterwards after all of it. Queue is called
// inside Do, in a capture of the first stream or outside.
func (p *Plan) Queue(k *Kernels, m *Memory, lanes ...*Stream) error {
	for _, e := range p.events(min(p.lanes, len(lanes))) {
		if e.step == nil {
			if err := lanes[e.lane].Wait(lanes[e.waitFor]); err != nil {
				return err
			}
			continue
		}
		if err := k.Launch(lanes[e.lane], p.args(e.step, m.Base, m.Stride), m.Agents); err != nil {
			return fmt.Errorf("%w, which computes %q", err, e.step.node.Name())
		}
	}
	if p.copies > 0 {
		return k.Launch(lanes[0], p.norm(m.Base, m.Stride), m.Agents)
	}
	return nil
}
