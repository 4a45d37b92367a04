package atomicfile

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// File is a file that is open for writing.
type File interface {
	io.ReadWriteSeeker
	io.Closer
	Truncate(size int64) error
	Sync() error
	Fd() uintptr
	Name() string
}

// FS is all that is done to the disk that runs are kept on, but for reading.
type FS interface {
	// OpenFile is os.OpenFile. What it makes, its owner may write and all may read.
	OpenFile(path string, flag int) (File, error)
	Mkdir(path string) error
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

// disk is what every write of a run goes through.
var disk FS = osFS{}

// Disk returns the file system that is in use.
func Disk() FS { return disk }

// Use replaces the file system until restore is called. It is for tests, which
// make a disk fail or stop at a given moment.
func Use(f FS) (restore func()) {
	old := disk
	disk = f
	return func() { disk = old }
}

type osFS struct{}

func (osFS) OpenFile(path string, flag int) (File, error) {
	// A nil *os.File must not become a File that is not nil.
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Mkdir(path string) error      { return os.Mkdir(path, 0o755) }
func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(path string) error     { return os.Remove(path) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// MkdirAll makes a folder and those above it that are missing, so that they are
// still there after a loss of power.
func MkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	// Another process may have made it meanwhile.
	if err := disk.Mkdir(dir); err != nil && !os.IsExist(err) {
		return err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return &os.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	// A folder may be open to those who know what is in it and to no reader.
	if err := disk.SyncDir(filepath.Dir(dir)); err != nil && !os.IsPermission(err) {
		return err
	}
	return nil
}

// RemoveAll removes a folder or a file with all that is in it.
func RemoveAll(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := RemoveAll(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := disk.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
