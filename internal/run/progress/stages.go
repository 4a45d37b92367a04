package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Stages shows the present stage of a command and its progress, once the command has taken longer
// than delay: on a terminal in one line that is redrawn, else in a line every few seconds. It is
// safe for concurrent use.
type Stages struct {
	mu          sync.Mutex
	w           io.Writer
	terminal    bool
	name        string
	stage       string
	done, total int
	began       time.Time
	drawn       bool
	stop        chan struct{}
	stopped     sync.WaitGroup
}

const (
	delay = 2 * time.Second

	// The time between two lines, redrawn on a terminal and written elsewhere.
	drawEvery, writeEvery = 500 * time.Millisecond, 5 * time.Second
)

// NewStages returns Stages that show the stages of a command on w until they are closed.
func NewStages(w io.Writer, name string) *Stages {
	s := &Stages{w: w, terminal: terminal(w) != nil, name: name, began: time.Now(), stop: make(chan struct{})}
	every := writeEvery
	if s.terminal {
		every = drawEvery
	}
	s.stopped.Go(func() {
		next := time.After(delay)
		for {
			select {
			case <-s.stop:
				return
			case <-next:
				s.show(time.Now())
				next = time.After(every)
			}
		}
	})
	return s
}

// Show sets the present stage and how many of its parts are done. A total of 0 stands for a stage
// without parts.
func (s *Stages) Show(stage string, done, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stage, s.done, s.total = stage, done, total
}

func (s *Stages) show(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.name
	if s.stage != "" {
		line += ": " + s.stage
	}
	if s.total > 0 {
		line += fmt.Sprintf(", %s of %s", group(int64(s.done)), group(int64(s.total)))
	}
	line += fmt.Sprintf(" (%s)", now.Sub(s.began).Round(time.Second))
	if !s.terminal {
		fmt.Fprintln(s.w, line)
		return
	}
	io.WriteString(s.w, eraseLine+line)
	s.drawn = true
}

// Close stops showing stages and erases the line on a terminal.
func (s *Stages) Close() {
	close(s.stop)
	s.stopped.Wait()
	if s.drawn {
		io.WriteString(s.w, eraseLine)
	}
}
