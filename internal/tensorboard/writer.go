package tensorboard

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
)

// Writer appends events to one file. It is used by one goroutine at a time.
type Writer struct {
	file atomicfile.File
	data []byte
	rec  []byte

	described map[string]bool // tags that need no description any more
}

// Create starts a new event file in a folder.
func Create(dir string, now time.Time) (*Writer, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	path := filepath.Join(dir, fmt.Sprintf("%s%010d.%s", FilePrefix, now.Unix(), host))
	f, err := atomicfile.Disk().OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f}
	if _, err := f.Write(versionRecord(now)); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// Continue opens the newest event file of a folder to append to it, after
// taking out all events beyond a step and whatever is damaged, which it names in a
// warning: readers of the format stop at the first damaged record. It starts a new
// file where there is none.
func Continue(dir string, step int64, now time.Time) (*Writer, error) {
	path, err := newest(dir)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return Create(dir, now)
	}
	if err := leave(path, step, now); err != nil {
		return nil, err
	}
	f, err := atomicfile.Disk().OpenFile(path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	return &Writer{file: f}, nil
}

// leave makes a file hold its good events of at most a step alone, behind the
// record of the version.
func leave(path string, step int64, now time.Time) error {
	if err := limits.Check(path, limits.Events); err != nil {
		return err
	}
	f, err := atomicfile.Disk().OpenFile(path, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	var good []byte
	prefix := true // good is how the file begins
	damaged, err := records(f, func(data []byte, at span) error {
		e, err := parseEvent(data)
		if err != nil || e.Step > step {
			return nil
		}
		if len(good) == 0 && e.Version == "" {
			good, prefix = versionRecord(now), false
		}
		prefix = prefix && at.from == int64(len(good))
		good = appendRecord(good, data)
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range damaged {
		slog.Warn("a damaged part of an event file is taken out", "file", path, "bytes", fmt.Sprintf("%d..%d", d.from, d.to-1))
	}
	if len(good) == 0 {
		good, prefix = versionRecord(now), false
	}
	if prefix {
		return f.Truncate(int64(len(good)))
	}
	return atomicfile.Write(path, good)
}

func versionRecord(now time.Time) []byte {
	return appendRecord(nil, Event{Time: now, Version: fileVersion}.append(nil))
}

// FilePrefix begins the names of event files. The time that follows has a fixed
// width, so that the newest one is the last by name.
const FilePrefix = "events.out.tfevents."

// newest returns the event file that was started last, empty where there is
// none.
func newest(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range slices.Backward(entries) {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), FilePrefix) {
			return filepath.Join(dir, e.Name()), nil
		}
	}
	return "", nil
}

// Write appends the scalars of one step. Their descriptions go with the first value of a tag.
func (w *Writer) Write(now time.Time, step int64, s []Scalar) error {
	s = slices.Clone(s)
	for i := range s {
		if w.described[s[i].Tag] {
			s[i].Description = ""
		} else if w.described == nil {
			w.described = map[string]bool{}
		}
		w.described[s[i].Tag] = true
	}
	return w.write(Event{Time: now, Step: step, Scalars: s})
}

// write hands the file one whole record: a reader that follows the file sees
// whole ones only.
func (w *Writer) write(e Event) error {
	w.data = e.append(w.data[:0])
	w.rec = appendRecord(w.rec[:0], w.data)
	_, err := w.file.Write(w.rec)
	return err
}

// Sync waits until all events are on disk.
func (w *Writer) Sync() error { return w.file.Sync() }

// Path returns the path of the file.
func (w *Writer) Path() string { return w.file.Name() }

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

// Read returns all events of a file. Damaged parts are passed over and named in the
// error, which comes with the events.
func Read(path string) ([]Event, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Event
	damaged, err := records(f, func(data []byte, _ span) error {
		e, err := parseEvent(data)
		all = append(all, e)
		return err
	})
	if err == nil && len(damaged) > 0 {
		err = fmt.Errorf("%w, bytes %d..%d", errDamaged, damaged[0].from, damaged[0].to-1)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return all, err
}
