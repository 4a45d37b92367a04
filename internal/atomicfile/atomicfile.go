package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Write puts data under path: into another file of the same folder first, which is
// synced and renamed, and then the folder is synced. What stood under the name
// stays until then.
func Write(path string, data []byte) (err error) {
	info, statErr := os.Stat(path)
	switch {
	case statErr == nil && info.IsDir():
		return errors.New("it is a folder: the name of a file is allowed")
	case statErr == nil && info.Mode()&(os.ModeDevice|os.ModeNamedPipe|os.ModeSocket) != 0:
		return errors.New("it is a device, a pipe or a socket: a file is allowed") // which the rename would replace
	}
	dir := filepath.Dir(path)
	tmp := filepath.Join(dir, fmt.Sprintf(".paspo-%016x.tmp", rand.Uint64()))
	f, err := disk.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			disk.Remove(tmp)
		}
	}()
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
	if err := disk.Rename(tmp, path); err != nil {
		return err
	}
	return disk.SyncDir(dir)
}

var temporary = regexp.MustCompile(`^\.paspo-[0-9a-f]{16}\.tmp$`)

// IsTemporary says whether a file of this name is one that Write had not finished.
func IsTemporary(name string) bool { return temporary.MatchString(name) }

// Sweep removes from a folder what writers that were killed left of their files. A
// file that has changed within the given time may be under way and stays.
func Sweep(dir string, within time.Duration) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !IsTemporary(e.Name()) {
			continue
		}
		if within == 0 || time.Since(info.ModTime()) > within {
			disk.Remove(filepath.Join(dir, e.Name()))
		}
	}
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
