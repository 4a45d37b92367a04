package python

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The word turn of the shared memory says whose turn it is: the worker's where it is above 0.
const (
	turnFailed  = iota - 1 // an answer in JSON is at the socket
	turnDone               // all is well
	turnStep               // of what the memory lists
	turnReset              // of what the memory lists
	turnMessage            // a request in JSON is at the socket
)

// wakeByte wakes a side that sleeps at the socket. One that comes late wakes it in vain.
var wakeByte = []byte{'W'}

// turn gives the worker its turn.
func (w *worker) turn(request int64) error {
	atomic.StoreInt64(&w.mem.head[wordTurn], request)
	if atomic.LoadInt64(&w.mem.head[wordWorkerSleeps]) != 0 {
		return w.write(wakeByte, -1)
	}
	return nil
}

// await returns when the worker has had its turn.
func (w *worker) await() error {
	turn, sleeps := &w.mem.head[wordTurn], &w.mem.head[wordTrainerSleeps]
	if !w.poller.poll(turn) {
		for since, b := time.Now(), [1]byte{}; ; {
			// A side says that it sleeps before it looks a last time whether the turn is over, and
			// the other ends the turn before it looks for a sleeper: so one of them sees the other.
			atomic.StoreInt64(sleeps, 1)
			if atomic.LoadInt64(turn) <= turnDone {
				break
			}
			if err := w.read(b[:], since); err != nil {
				return err
			}
		}
		atomic.StoreInt64(sleeps, 0)
	}
	if atomic.LoadInt64(turn) == turnFailed {
		return w.answer(nil)
	}
	return nil
}

// ask sends a request in JSON and waits for the answer.
func (w *worker) ask(request, v any) error {
	if err := w.turn(turnMessage); err != nil {
		return err
	}
	return w.channel.ask(request, -1, v)
}

// poller polls for the end of the worker's turn, which spares whoever waits to sleep and to be
// woken. The processor is yielded between looks. Where others want it, that may take
// milliseconds: so a poll that was in vain or took long is followed by as many waits without
// one as make up for it, and by twice as many as the last time at least.
type poller struct {
	rest int // number of waits without a poll after the last poll that was in vain
	left int // how many of these are still to come
}

const (
	soon = 100 * time.Microsecond // how long a turn is polled for
	wake = 10 * time.Microsecond  // what a poll spares, about
	most = 1024                   // waits between polls
)

// poll returns true when the turn is over, and false when it is not soon. The call that yields is
// raw: the runtime takes others that last for a reason to move this goroutine to another
// thread, which costs more than the poll spares.
func (p *poller) poll(turn *int64) bool {
	if p.left > 0 {
		p.left--
		return false
	}
	since, took := time.Now(), time.Duration(0)
	over := atomic.LoadInt64(turn) <= turnDone // with several workers that of the others may have lasted as long
	for !over && took < soon {
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		took = time.Since(since)
		over = atomic.LoadInt64(turn) <= turnDone
	}
	if took < soon {
		p.rest = 0
	} else {
		p.rest = min(max(2*p.rest, int(took/wake)), most)
	}
	p.left = p.rest
	return over
}
