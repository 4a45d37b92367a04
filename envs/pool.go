package envs

import (
	"sync"
	"sync/atomic"
	"time"
)

// pool calls a function once for every index, on several goroutines where that
// pays. It allocates nothing once it is made.
type pool struct {
	do    func(i int)
	count int

	workers int
	chunk   int
	next    atomic.Int64
	start   []chan struct{} // one a helper; nil until helpers are needed
	busy    sync.WaitGroup

	// cost is what a round takes on one goroutine. The first rounds measure it.
	rounds int
	cost   time.Duration
}

const (
	poolRounds = 4 // measured before helpers are called

	// poolShare is the work that one more goroutine has to take over before it pays, since
	// waking it and waiting for it cost a few microseconds.
	poolShare = 25 * time.Microsecond
)

func newPool(workers, count int, do func(i int)) *pool {
	return &pool{do: do, count: count, workers: min(workers, count)}
}

func (c *pool) run() {
	if c.workers == 1 {
		for i := range c.count {
			c.do(i)
		}
		return
	}
	if c.rounds < poolRounds {
		begin := time.Now()
		for i := range c.count {
			c.do(i)
		}
		took := time.Since(begin)
		// The first rounds fill caches and grow buffers: the fastest counts.
		if c.rounds == 0 || took < c.cost {
			c.cost = took
		}
		if c.rounds++; c.rounds == poolRounds {
			c.workers = max(1, min(c.workers, int(c.cost/poolShare)))
			c.hire()
		}
		return
	}
	c.next.Store(0)
	c.busy.Add(len(c.start))
	for _, s := range c.start {
		s <- struct{}{}
	}
	defer c.busy.Wait() // where the work ends this goroutine too
	c.work()
}

// hire starts the helpers. The goroutine that calls run works too.
func (c *pool) hire() {
	// Some chunks a worker even out what they cost.
	c.chunk = max(1, c.count/(8*c.workers))
	for range c.workers - 1 {
		s := make(chan struct{}, 1)
		c.start = append(c.start, s)
		go c.help(s)
	}
}

// help works until start is closed. Where the work ends the goroutine, another one
// takes its place.
func (c *pool) help(start chan struct{}) {
	ended := false
	defer func() {
		if !ended {
			c.busy.Done()
			go c.help(start)
		}
	}()
	for range start {
		c.work()
		c.busy.Done()
	}
	ended = true
}

func (c *pool) work() {
	for {
		end := int(c.next.Add(int64(c.chunk)))
		i := end - c.chunk
		if i >= c.count {
			return
		}
		for ; i < min(end, c.count); i++ {
			c.do(i)
		}
	}
}

func (c *pool) close() {
	for _, s := range c.start {
		close(s)
	}
	c.start = nil
	c.workers = 1
}
