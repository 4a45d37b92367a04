package python

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// channel is a socket to a process.
type channel struct {
	fd      int
	timeout time.Duration
	name    string   // of the process
	process *process // nil where it is not known
}

// socket returns a channel and its other end.
func (p *Problem) socket() (channel, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return channel{}, nil, fmt.Errorf("a socket for a Python process: %w", err)
	}
	c, theirs := channel{fd: pair[0], timeout: p.timeout()}, os.NewFile(uintptr(pair[1]), "socket")
	if err := c.limit(); err != nil {
		c.close()
		theirs.Close()
		return c, nil, fmt.Errorf("a socket for a Python process: %w", err)
	}
	return c, theirs, nil
}

// limit has a read wait no longer than this, so that a process is noticed that ends while
// a child of its own holds the socket.
func (c *channel) limit() error {
	tv := unix.NsecToTimeval(int64(min(c.timeout, time.Second)))
	return unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
}

func (c *channel) close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

// Exception is one that code of the environment has raised.
type Exception struct {
	Text      string // its last line
	Traceback string // as Python prints it, empty where this program objects
}

func (e *Exception) Error() string { return e.Text }

// gone says how the process ended.
func (c *channel) gone() error {
	how := "it has closed its socket"
	if p := c.process; p != nil {
		if p.ended != nil {
			select {
			case <-p.ended:
			case <-time.After(time.Second):
				return fmt.Errorf("%s is gone: %s", c.name, how)
			}
		}
		if text, err := p.how(); err == nil {
			how = text
		}
	}
	return fmt.Errorf("%s is gone: %s", c.name, how)
}

// read fills b within the time limit.
func (c *channel) read(b []byte, since time.Time) error {
	for len(b) > 0 {
		n, err := unix.Read(c.fd, b)
		switch {
		case n > 0:
			b = b[n:]
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if c.process != nil && c.process.ended != nil {
				select {
				case <-c.process.ended:
					return c.gone()
				default:
				}
			}
			if time.Since(since) >= c.timeout {
				if c.process != nil {
					syscall.Kill(c.process.pid, syscall.SIGKILL)
				}
				return fmt.Errorf("%s has not answered for %v, the env.python.timeout", c.name, c.timeout)
			}
		default:
			return c.gone()
		}
	}
	return nil
}

// write sends b, with a descriptor unless that is below 0.
func (c *channel) write(b []byte, fd int) error {
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	for len(b) > 0 {
		n, err := unix.SendmsgN(c.fd, b, rights, nil, unix.MSG_NOSIGNAL)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return c.gone()
		default:
			b, rights = b[n:], nil
		}
	}
	return nil
}

// answer reads an answer: into v, which is nil where there is none but yes or no.
func (c *channel) answer(v any) error {
	since := time.Now()
	var head [5]byte
	for head[0] = wakeByte[0]; head[0] == wakeByte[0]; { // one that has come late
		if err := c.read(head[:1], since); err != nil {
			return err
		}
	}
	if head[0] == '.' {
		return nil
	}
	if err := c.read(head[1:], since); err != nil {
		return err
	}
	data := make([]byte, binary.LittleEndian.Uint32(head[1:]))
	if err := c.read(data, since); err != nil {
		return err
	}
	var e struct{ Error, Traceback string }
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("%s answers %q", c.name, data)
	}
	if e.Error != "" {
		return &Exception{Text: strings.TrimSpace(e.Error), Traceback: e.Traceback}
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(data, v)
}

// ask sends a request in JSON, with a descriptor unless that is below 0, and waits for
// the answer.
func (c *channel) ask(request any, fd int, v any) error {
	data, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := c.write([]byte{'M'}, -1); err != nil {
		return err
	}
	if err := c.write(binary.LittleEndian.AppendUint32(nil, uint32(len(data))), fd); err != nil {
		return err
	}
	if err := c.write(data, -1); err != nil {
		return err
	}
	return c.answer(v)
}
