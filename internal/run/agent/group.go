package agent

import (
	"errors"
	"sync"

	"paspo/cuda"
	"paspo/internal/run/config"
)

// Group has runs that are opened at the same time make their policies in one call, so that
// those on a GPU share it.
type Group struct {
	mu      sync.Mutex
	missing int // runs that have not come yet
	agents  []*Agent
	made    chan struct{}
	err     error
}

// NewGroup returns a group of n members.
func NewGroup(n int) *Group { return &Group{missing: n, made: make(chan struct{})} }

// Member returns one of the members. Each opens its run on a goroutine of its own, where it
// waits for the others, and then leaves.
func (g *Group) Member() *Member { return &Member{group: g} }

// Member opens a run of a group. A nil one is of none.
type Member struct {
	group *Group
	came  bool
}

// Start is Start for a run of the group.
func (m *Member) Start(c *config.Config, dir string) (*Run, error) { return start(m, c, dir) }

// Resume is Resume for a run of the group.
func (m *Member) Resume(dir string, assignments []string, settings []config.Setting) (*Run, error) {
	return resume(m, dir, assignments, settings)
}

// Leave ends the wait of the others for a member that has opened nothing.
func (m *Member) Leave() {
	if m != nil && !m.came {
		m.came = true
		m.group.come(nil)
	}
}

// backend makes the policy of an agent: the last member to come makes those of all. One
// that comes a second time is late, and makes its own.
func (m *Member) backend(a *Agent) error {
	if m == nil || m.came {
		return a.backend()
	}
	m.came = true
	m.group.come(a)
	<-m.group.made
	return m.group.err
}

func (g *Group) come(a *Agent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a != nil {
		g.agents = append(g.agents, a)
	}
	if g.missing--; g.missing == 0 {
		if err := backends(g.agents); err != nil {
			g.err = &groupError{err}
		}
		close(g.made)
	}
}

// groupError is why the policies of a group could not be made.
type groupError struct{ err error }

func (e *groupError) Error() string { return e.err.Error() }
func (e *groupError) Unwrap() error { return e.err }

// Fitting returns how many of n runs of a group to have at a time, where err says that n
// cannot be: as many as the memory of the GPU takes, none where it takes not even one, and
// one where the policy of some run cannot be made.
func Fitting(err error, n int) (fit int, ok bool) {
	var m *cuda.OutOfMemoryError
	if errors.As(err, &m) {
		fit := int(float64(n) * float64(max(0, m.Free)) / float64(max(1, m.Need)))
		return min(n-1, max(1, fit)), true
	}
	var ours *groupError
	return 1, errors.As(err, &ours) && n > 1
}

// Lost says whether an error is that of a device that serves nobody any more.
func Lost(err error) bool { return errors.Is(err, cuda.ErrLost) }
