package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"paspo/internal/limits"
	"paspo/internal/sweep/journal"
)

// Workers are processes of this machine that train a sweep.
type Workers struct {
	Count   int
	Command func(i int) []string // of a worker, see Work
	Cores   int                  // of a worker
	Parent  string               // variable that tells a worker the descriptor of a socket, see once
	Errs    io.Writer            // workers write to it at the same time

	// Show is called now and then.
	Show func(*Status)
}

// workerMemory is what a worker takes: 60 MB were measured on the portfolio, and larger
// networks take more.
const workerMemory = 128 << 20

// Fitting returns how many of some workers fit into the memory that is left, at least one.
func Fitting(workers int) int { return fitting(workers, limits.FreeMemory()) }

func fitting(workers int, memory int64) int {
	return int(min(int64(workers), max(1, memory/workerMemory)))
}

// restarts is how often in a row a worker that died is started again: often enough to get past
// some trainings that workers die of, and not for ever where they die of all.
const restarts = 10

// crashed is the status of a Go process that a panic has ended.
const crashed = 2

// Run has workers train until nothing is left. Where ctx ends they are asked to save what
// they train. A worker that is killed is started again.
func (w *Sweep) Run(ctx context.Context, o Workers) error {
	var group sync.WaitGroup
	errs := make([]error, o.Count)
	for i := range errs {
		group.Go(func() { errs[i] = w.keep(ctx, o, i) })
	}
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	for {
		s, err := w.Status()
		if err == nil {
			o.Show(s)
		}
		select {
		case <-ended:
			if s, err = w.Status(); err != nil {
				return err
			}
			o.Show(s)
			if err := ctx.Err(); err != nil {
				return err
			}
			if s.Ended() {
				return nil
			}
			return errors.Join(slices.CompactFunc(errs, alike)...)
		case <-time.After(poll):
		}
	}
}

// alike says whether two workers have ended for one reason, such as a disk that is full.
func alike(a, b error) bool { return a != nil && b != nil && a.Error() == b.Error() }

// keep keeps one worker running.
func (w *Sweep) keep(ctx context.Context, o Workers, i int) error {
	for died := 0; ; {
		began := time.Now()
		pid, err := o.once(ctx, i)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() >= 0 && exit.ExitCode() != crashed {
			return err // it said why
		}
		// A signal or a panic has ended it.
		if exit.ExitCode() == crashed {
			w.sawCrash(pid)
		}
		if time.Since(began) > time.Minute {
			died = 0
		}
		if died++; died > restarts {
			return fmt.Errorf("a worker died %d times in a row: %w", died, err)
		}
	}
}

// sawCrash writes beside the last sign of life of a worker on this machine that the worker
// crashed.
func (w *Sweep) sawCrash(pid int) {
	dir := filepath.Join(w.Dir, workersDir)
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		var s sign
		path := filepath.Join(dir, e.Name())
		data, err := limits.ReadFile(path, limits.Config)
		if err != nil || json.Unmarshal(data, &s) != nil || s.PID != pid || s.Host != journal.Self().Host || s.Space != journal.Self().Space {
			continue
		}
		s.Crashed = true
		_ = os.WriteFile(path, append(marshal(s), '\n'), 0o644)
	}
}

// once runs a worker to its end. The worker ends too when this process does, since a socket
// between them is closed then. Over this socket it says why it failed.
func (o *Workers) once(ctx context.Context, i int) (pid int, err error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return 0, err
	}
	defer ours.Close()
	command := o.Command(i)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", o.Cores), o.Parent+"=3")
	// Ctrl-C reaches it through this process alone, once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = o.Errs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return 0, err
	}
	pid = cmd.Process.Pid
	gone := make(chan struct{})
	defer close(gone)
	go func() {
		select {
		case <-ctx.Done():
			cmd.Process.Signal(syscall.SIGTERM)
		case <-gone:
		}
	}()
	var said struct {
		Error string `json:"error"`
	}
	_ = json.NewDecoder(ours).Decode(&said) // nothing, where all is well
	err = cmd.Wait()
	if err != nil && said.Error != "" {
		return pid, &workerError{said.Error, err}
	}
	return pid, err
}

// workerError is what a worker says of its end.
type workerError struct {
	text string
	exit error
}

func (e *workerError) Error() string { return e.text }
func (e *workerError) Unwrap() error { return e.exit }

func socketpair() (a, b *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "parent"), nil
}
