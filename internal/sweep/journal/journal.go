package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"paspo/internal/atomicfile"
)

// Journal is a file of operations and what they come to.
type Journal struct {
	path   string
	worker string
	self   Process
	state  *State
	offset int64 // of what has been read
}

// Open reads a journal, which need not exist yet. The worker is who appends; accept, see
// State, may be nil.
func Open(path, worker string, accept Accept) (*Journal, error) {
	j := &Journal{path: path, worker: worker, self: Self(), state: newState(accept)}
	return j, j.Read()
}

// State returns what the operations read so far come to. It must not be modified.
func (j *Journal) State() *State { return j.state }

// Read reads what has been appended since.
func (j *Journal) Read() error {
	err := j.read()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", j.path, atomicfile.Cause(err))
	}
	return nil
}

func (j *Journal) read() error {
	f, err := os.Open(j.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(j.offset, io.SeekStart); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// Mostly there is little or nothing new. One byte more than there is finds its end.
	const most = 1 << 22
	block := int(min(most, max(0, info.Size()-j.offset)+1))
	var buf []byte
	for {
		n := len(buf)
		buf = slices.Grow(buf, block)
		k, err := io.ReadFull(f, buf[n:n+block])
		buf = buf[:n+k]
		// What is not ended is being written, or was when a writer died.
		end := bytes.LastIndexByte(buf, '\n') + 1
		j.apply(buf[:end])
		j.offset += int64(end)
		buf = append(buf[:0], buf[end:]...)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (j *Journal) apply(lines []byte) {
	for line := range bytes.Lines(lines) {
		if err := j.state.apply(line); err != nil {
			slog.Warn("a damaged line is passed over", "file", j.path, "reason", err)
		}
	}
}

// Update appends operations. Under the lock it reads the journal and has decide say what
// to append. Where decide returns nothing, nothing is written. When Update returns without
// an error the operations are on disk and in the state: what came of them is to be looked
// up there, as they may have had no effect.
func (j *Journal) Update(ctx context.Context, decide func(*State) []Op) error {
	l, err := acquire(ctx, j.path, j.self)
	if err != nil {
		return err
	}
	defer l.release()
	if err := j.Read(); err != nil {
		return err
	}
	ops := decide(j.state)
	if len(ops) == 0 {
		return nil
	}
	var b bytes.Buffer
	for _, op := range ops {
		op.Worker = j.worker
		line, err := json.Marshal(op)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	if err := j.append(b.Bytes()); err != nil {
		return fmt.Errorf("cannot write %s: %w", j.path, atomicfile.Cause(err))
	}
	return j.Read()
}

// append puts whole lines at the end and waits until they are on disk. It first cuts off
// a line that a writer died in the midst of. Lines that are whole are never taken back:
// others may have read them.
func (j *Journal) append(lines []byte) (err error) {
	f, err := atomicfile.Disk().OpenFile(j.path, os.O_CREATE|os.O_RDWR|os.O_APPEND)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if err := cutTorn(f); err != nil {
		return err
	}
	if _, err := f.Write(lines); err != nil {
		return errors.Join(err, cutTorn(f))
	}
	return f.Sync()
}

// cutTorn removes a last line that is not ended.
func cutTorn(f atomicfile.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end, b := size, make([]byte, 1)
	for ; end > 0; end-- {
		if _, err := f.Seek(end-1, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.ReadFull(f, b); err != nil {
			return err
		}
		if b[0] == '\n' {
			break
		}
	}
	if end == size {
		return nil
	}
	slog.Warn("a line that is not ended is cut off", "file", f.Name())
	return f.Truncate(end)
}
