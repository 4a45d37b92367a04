package agent

import (
	"errors"
	"sync"

	"paspo/cuda"
	"paspo/internal/run/config"
)

// Group makes the policies of runs that are opened at the same time in one call, so that those on
// a GPU share it.
type Group struct {
	mu      sync.Mutex
	missing int // members that have neither an agent nor left
	agents  []*Agent
	made    chan struct{}
	err     error
}

// NewGroup returns a group of n members.
func NewGroup(n int) *Group { return &Group{missing: n, made: make(chan struct{})} }

// Member returns one of the members. Each opens its run on a goroutine of its own, where it
// waits for the others, and then leaves.
func (g *Group) Member() *Member { return &Member{group: g} }

// Member opens one run of a group. A nil Member opens a run that is in no group.
type Member struct {
	group *Group
	done  bool // it has an agent in the group, or has left
}

// Start is Start for a run of the group.
func (m *Member) Start(c *config.Config, dir string) (*Run, error) { return start(m, c, dir) }

// Resume is Resume for a run of the group.
func (m *Member) Resume(dir string, assignments []string, settings []config.Setting) (*Run, error) {
	return resume(m, dir, assignments, settings)
}

// Leave stops the other members from waiting for a member that has opened nothing.
func (m *Member) Leave() {
	if m != nil && !m.done {
		m.done = true
		m.group.arrive(nil)
	}
}

// makeBackend makes the policy of an agent. The last member to arrive makes the policies of all. A
// second call of a member makes the policy by itself.
func (m *Member) makeBackend(a *Agent) error {
	if m == nil || m.done {
		return a.makeBackend()
	}
	m.done = true
	m.group.arrive(a)
	<-m.group.made
	return m.group.err
}

// arrive adds an agent, nil for a member that leaves.
func (g *Group) arrive(a *Agent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a != nil {
		g.agents = append(g.agents, a)
	}
	if g.missing--; g.missing == 0 {
		if err := makeBackends(g.agents); err != nil {
			g.err = &groupError{err}
		}
		close(g.made)
	}
}

// groupError is the error of making the policies of a group.
type groupError struct{ err error }

func (e *groupError) Error() string { return e.err.Error() }
func (e *groupError) Unwrap() error { return e.err }

// Fitting returns how many of n runs can be in a group at a time, given the error err of a group of
// n. Where the memory of the GPU is too small it is as many as fit, and where the policy of some
// run could not be made it is one. ok is false where fewer runs do not help.
func Fitting(err error, n int) (fit int, ok bool) {
	var m *cuda.OutOfMemoryError
	if errors.As(err, &m) {
		fit := int(float64(n) * float64(max(0, m.Free)) / float64(max(1, m.Need)))
		return min(n-1, max(1, fit)), true
	}
	var ours *groupError
	return 1, errors.As(err, &ours) && n > 1
}

// Lost reports whether an error is that of a device that has failed.
func Lost(err error) bool { return errors.Is(err, cuda.ErrLost) }
