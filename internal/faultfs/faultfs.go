package faultfs

import (
	"errors"
	"os"
	"syscall"

	"paspo/internal/atomicfile"
)

// Kind says what goes wrong.
type Kind int

const (
	None     Kind = iota
	Fails         // the operation fails with EIO and has no effect
	Short         // as Fails, but a write has put half of its bytes down; ENOSPC
	Full          // from the operation on nothing can be made or written: ENOSPC
	ReadOnly      // from the operation on nothing can be made, written, renamed or removed: EROFS
	Killed        // from the operation on nothing happens any more, as after kill -9 in the midst of it
)

func (k Kind) String() string {
	return [...]string{"none", "fails", "short write", "full", "read-only", "killed"}[k]
}

// ErrKilled is what operations return once the disk has stopped.
var ErrKilled = errors.New("the process is dead")

// FS is the real disk until the operation of number At, which counts from 1. It
// does not wait for what is written to be there after a loss of power.
type FS struct {
	Kind  Kind
	At    int
	Count int // operations so far

	real atomicfile.FS
}

// Use puts a disk in the place of the real one until restore is called.
func Use(kind Kind, at int) (f *FS, restore func()) {
	f = &FS{Kind: kind, At: at, real: atomicfile.Disk()}
	return f, atomicfile.Use(f)
}

// Tripped says whether the operation has come.
func (f *FS) Tripped() bool { return f.At > 0 && f.Count >= f.At }

// What an operation does to the disk.
type effect int

const (
	grows   effect = iota // takes space
	changes               // names, or gives space back
	waits                 // neither
)

// step counts an operation and returns the error that it ends with, if any.
func (f *FS) step(e effect) error {
	f.Count++
	now, after := f.Count == f.At, f.Tripped()
	switch {
	case f.Kind == Killed && after:
		return ErrKilled
	case f.Kind == Fails && now:
		return syscall.EIO
	case f.Kind == Short && now, f.Kind == Full && after && e == grows:
		return syscall.ENOSPC
	case f.Kind == ReadOnly && after && e != waits:
		return syscall.EROFS
	}
	return nil
}

// OpenFile implements atomicfile.FS. A file that only is opened takes no space.
func (f *FS) OpenFile(path string, flag int) (atomicfile.File, error) {
	e := waits
	if flag&os.O_CREATE != 0 {
		e = grows
	}
	if err := f.step(e); err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	file, err := f.real.OpenFile(path, flag)
	if err != nil {
		return nil, err
	}
	return &faulty{file, f}, nil
}

func (f *FS) Mkdir(path string) error {
	if err := f.step(grows); err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return f.real.Mkdir(path)
}

func (f *FS) Rename(from, to string) error {
	if err := f.step(changes); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return f.real.Rename(from, to)
}

func (f *FS) Remove(path string) error {
	if err := f.step(changes); err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return f.real.Remove(path)
}

func (f *FS) SyncDir(dir string) error {
	if err := f.step(waits); err != nil {
		return &os.PathError{Op: "sync", Path: dir, Err: err}
	}
	return nil
}

type faulty struct {
	atomicfile.File
	fs *FS
}

func (w *faulty) Write(b []byte) (n int, err error) {
	first := !w.fs.Tripped()
	if err := w.fs.step(grows); err != nil {
		if first && (w.fs.Kind == Short || w.fs.Kind == Full || w.fs.Kind == Killed) {
			n, _ = w.File.Write(b[:len(b)/2])
		}
		return n, &os.PathError{Op: "write", Path: w.Name(), Err: err}
	}
	return w.File.Write(b)
}

func (w *faulty) Truncate(size int64) error {
	if err := w.fs.step(changes); err != nil {
		return &os.PathError{Op: "truncate", Path: w.Name(), Err: err}
	}
	return w.File.Truncate(size)
}

func (w *faulty) Sync() error {
	if err := w.fs.step(waits); err != nil {
		return &os.PathError{Op: "sync", Path: w.Name(), Err: err}
	}
	return nil
}

// Close closes the file in any case.
func (w *faulty) Close() error {
	err := w.fs.step(waits)
	if e := w.File.Close(); err == nil {
		return e
	}
	return &os.PathError{Op: "close", Path: w.Name(), Err: err}
}
