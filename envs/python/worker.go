package python

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

//go:embed worker.py
var program string

// boot runs the program from descriptor 3, with the socket as descriptor 4.
const boot = "import sys; p = {'__name__': 'paspo_worker'}; exec(compile(open(3).read(), '<paspo worker>', 'exec'), p); p['main'](4, *sys.argv[1:])"

// worker is a process that holds environments. One goroutine at a time uses it, the one
// that holds mu.
type worker struct {
	mu sync.Mutex
	channel
	process process
	poller  poller

	mem  *memory
	used []bool // by slot
	live int    // slots in use

	stepped []bool // by vector, or by slot where environments are single: stepped since its first slot was taken

	queue   []int32   // slots to be stepped
	actions []float64 // theirs
	again   bool      // episodes that end start anew
	waiting bool      // for the answer to a step
	err     error     // that ended it, or an exception
	failed  int       // the place of the environment that raised it

	steps atomic.Int64 // that have come back and all was well

	told map[int][]told // numbers in info, by slot, that have not been passed on
}

// process is one of Python.
type process struct {
	pid   int
	ended chan struct{}          // closed when it has ended, where it is a child of this one
	how   func() (string, error) // how it ended, which it has
}

// launcher starts processes on one thread that lives as long as this process does: the
// kernel ends a child when the thread that started it ends, and is asked to so that no
// worker outlives this process.
var launcher = sync.OnceValue(func() chan func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
})

// launch starts a process of Python that runs the program, with a socket to it.
func (p *Problem) launch(start string) (channel, process, error) {
	c, theirs, err := p.socket()
	if err != nil {
		return c, process{}, err
	}
	defer theirs.Close()
	code, err := programFile()
	if err != nil {
		c.close()
		return c, process{}, err
	}
	defer code.Close()
	cmd := exec.Command(p.config.Interpreter, "-c", boot, p.module, p.function, p.config.Path, start)
	cmd.ExtraFiles = []*os.File{code, theirs}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // standard output is for results
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	launcher() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		c.close()
		return c, process{}, fmt.Errorf("env.python.interpreter is %q: %w", p.config.Interpreter, err)
	}
	ended := make(chan struct{})
	var how error
	go func() {
		how = cmd.Wait()
		close(ended)
	}()
	return c, process{cmd.Process.Pid, ended, func() (string, error) {
		var status *exec.ExitError
		if errors.As(how, &status) {
			return status.String(), nil
		}
		return "exit status 0", how
	}}, nil
}

// programFile returns a file without a name that holds the program.
func programFile() (*os.File, error) {
	fd, err := memoryFile("paspo-worker", 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "program")
	if _, err := f.WriteAt([]byte(program), 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// worker starts a worker.
func (p *Problem) worker() (*worker, error) {
	w := &worker{}
	var err error
	if p.config.Start == Spawn {
		if w.channel, w.process, err = p.launch(Spawn); err != nil {
			return nil, err
		}
	} else {
		if p.server == nil {
			if p.server, err = p.forkServer(); err != nil {
				return nil, err
			}
		}
		var theirs *os.File
		if w.channel, theirs, err = p.socket(); err != nil {
			return nil, err
		}
		defer theirs.Close()
		var forked struct{ PID int }
		if err := p.server.ask(map[string]string{"op": "fork"}, int(theirs.Fd()), &forked); err != nil {
			w.channel.close()
			return nil, fmt.Errorf("the process that Python processes are copied from: %w", p.unstarted(err))
		}
		w.process = process{pid: forked.PID, how: func() (string, error) {
			var e struct{ Status syscall.WaitStatus }
			err := p.server.ask(map[string]any{"op": "how", "pid": forked.PID}, -1, &e)
			if e.Status.Signaled() {
				return "signal: " + e.Status.Signal().String(), err
			}
			return fmt.Sprintf("exit status %d", e.Status.ExitStatus()), err
		}}
	}
	w.name = fmt.Sprintf("Python process %d of the environments (pid %d)", len(p.workers), w.process.pid)
	w.channel.process = &w.process
	return w, nil
}

// serverVariable names the descriptor of a socket, in the environment of this process.
// At its other end waits a process that has the function which makes environments, a
// closure perhaps that no name leads to, and runs the program that it is sent.
const serverVariable = "PASPO_FORK_SERVER"

// forkServer returns the process that workers are copied from.
func (p *Problem) forkServer() (*channel, error) {
	text := os.Getenv(serverVariable)
	if text == "" {
		c, process, err := p.launch(Fork)
		c.process = &process
		c.name = fmt.Sprintf("the Python process (pid %d) that others are copied from", process.pid)
		return &c, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s is %q: a descriptor is allowed", serverVariable, text)
	}
	c := channel{fd: fd, timeout: p.timeout(), name: "the Python process that others are copied from"}
	if err := c.limit(); err != nil {
		return nil, fmt.Errorf("%s is %q: %w", serverVariable, text, err)
	}
	code, err := programFile()
	if err != nil {
		return nil, err
	}
	defer code.Close()
	return &c, c.ask(map[string]string{"op": "program"}, int(code.Fd()), nil)
}

func (p *Problem) timeout() time.Duration {
	return time.Duration(p.config.Timeout * float64(time.Second))
}

// closing is for how long a process may close its environments, which may have processes of
// their own.
const closing = 5 * time.Second

// close ends the process.
func (w *worker) close() {
	w.channel.close()
	w.process.wait(closing)
}

// wait waits for the end of a process that has been told to end, and then ends it. One that
// is no child of this process is waited for by the one that it was copied from.
func (p *process) wait(most time.Duration) {
	if p.ended == nil {
		return
	}
	select {
	case <-p.ended:
	case <-time.After(most):
		syscall.Kill(p.pid, syscall.SIGKILL)
		<-p.ended
	}
}
