// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// File is what is written to before the name changes.
type File interface {
	io.WriteCloser
	Sync() error
}

// Create opens a file for writing, whose name must not appear before it is
// whole.
func Create(path string) (File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
}

// count tells the files of several writers to one path apart.
var count atomic.Int64

// Write puts data under path: into another file of the same folder first, made by
// create, which is synced and renamed, and then the folder is synced. What stood
// under the name stays until then.
func Write(path string, data []byte, create func(path string) (File, error)) (err error) {
	dir := filepath.Dir(path)
	tmp := filepath.Join(dir, fmt.Sprintf(".%s.%d.%d.tmp", filepath.Base(path), os.Getpid(), count.Add(1)))
	defer func() {
		if err != nil {
			os.Remove(tmp)
		}
	}()
	f, err := create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Cause strips the path off an error of a file, for messages that name the file
// as the user knows it.
func Cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
