package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
)

// grace is for how long a lock may show no sign of life before it is taken from its
// holder, by the clock of whoever waits. Optuna's locks have the same.
const grace = 30 * time.Second

// lock is a file that one process at a time can make. It holds who made it, so that one
// whose maker is dead can be taken at once on the same machine, and after the grace on
// another one. Optuna's own processes make the same file, without its content.
type lock struct {
	path string
	own  []byte
	stop chan struct{}
}

// acquire waits for the lock of a file.
func acquire(ctx context.Context, file string, self Process) (*lock, error) {
	self.Nonce = fmt.Sprintf("%016x", rand.Uint64())
	l := &lock{path: file + ".lock", own: self.encode()}
	var seen stillness
	pause := time.Millisecond
	for {
		err := l.make()
		if err == nil {
			l.stop = make(chan struct{})
			go l.beat()
			return l, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cannot lock %s: %w", file, atomicfile.Cause(err))
		}
		if content, stamp, err := l.read(); err == nil {
			holder, known := decodeProcess(content)
			if known && self.sees(holder) && !holder.alive() || seen.since(stamp) > grace {
				l.breakUp(content)
				seen = stillness{}
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

func (l *lock) make() error {
	f, err := atomicfile.Disk().OpenFile(l.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.Write(l.own)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		atomicfile.Disk().Remove(l.path)
	}
	return err
}

// read returns the content of the lock, and something that changes with every sign of
// life.
func (l *lock) read() (content []byte, stamp string, err error) {
	content, err = limits.ReadFile(l.path, limits.Config)
	if err != nil {
		return nil, "", err
	}
	info, err := os.Stat(l.path)
	if err != nil {
		return nil, "", err
	}
	return content, fmt.Sprintf("%s %d", content, info.ModTime().UnixNano()), nil
}

// beat shows that the holder lives while it holds the lock for long.
func (l *lock) beat() {
	for {
		select {
		case <-l.stop:
			return
		case now := <-time.After(grace / 6):
			os.Chtimes(l.path, now, now)
		}
	}
}

// breakUp takes a lock away. Where it is no longer the one with that content it is put
// back.
func (l *lock) breakUp(content []byte) {
	aside := fmt.Sprintf("%s%016x.rename", l.path, rand.Uint64())
	if atomicfile.Disk().Rename(l.path, aside) != nil {
		return
	}
	if got, err := limits.ReadFile(aside, limits.Config); err == nil && !bytes.Equal(got, content) {
		os.Link(aside, l.path)
	}
	atomicfile.Disk().Remove(aside)
}

// release gives the lock back, unless another process has taken it for that of a dead one.
func (l *lock) release() {
	close(l.stop)
	l.breakUp(l.own)
}

// stillness measures, by the monotonic clock of this process alone, for how long
// something has shown the same.
type stillness struct {
	what string
	from time.Time
}

func (s *stillness) since(what string) time.Duration {
	if s.from.IsZero() || s.what != what {
		s.what, s.from = what, time.Now()
	}
	return time.Since(s.from)
}
