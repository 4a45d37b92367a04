package tensorboard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Writer appends events to one file. It is used by one goroutine at a time.
type Writer struct {
	file *os.File
	data []byte
	rec  []byte
}

// Create starts a new event file in a folder.
func Create(dir string, now time.Time) (*Writer, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	path := filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%010d.%s", now.Unix(), host))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f}
	if err := w.write(Event{Time: now, Version: fileVersion}); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// Continue opens the newest event file of a folder to append to it, after
// cutting off all events beyond a step and whatever is damaged. It starts a new
// file where there is none.
func Continue(dir string, step int64, now time.Time) (*Writer, error) {
	path, err := newest(dir)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return Create(dir, now)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f}
	if err := w.cut(step, now); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// cut leaves the file at the end of the last event of at most step.
func (w *Writer) cut(step int64, now time.Time) error {
	r := bufio.NewReader(w.file)
	var keep int64
	for {
		data, err := readRecord(r)
		if err == io.EOF || errors.Is(err, errDamaged) {
			break
		}
		if err != nil {
			return err
		}
		e, err := parseEvent(data)
		if err != nil || e.Step > step {
			break
		}
		keep += int64(headLen + len(data) + tailLen)
	}
	if err := w.file.Truncate(keep); err != nil {
		return err
	}
	if _, err := w.file.Seek(keep, io.SeekStart); err != nil {
		return err
	}
	if keep == 0 {
		return w.write(Event{Time: now, Version: fileVersion})
	}
	return nil
}

// newest returns the event file that was started last, empty where there is
// none.
func newest(dir string) (string, error) {
	// The time in the name has a fixed width, and Glob sorts.
	paths, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(paths) == 0 {
		return "", err
	}
	return paths[len(paths)-1], nil
}

// Write appends the scalars of one step.
func (w *Writer) Write(now time.Time, step int64, s []Scalar) error {
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

// Read returns all events of a file. Where a record is damaged, those before it
// are returned with the error.
func Read(path string) ([]Event, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	var all []Event
	for {
		data, err := readRecord(r)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, fmt.Errorf("%s, record %d: %w", path, len(all), err)
		}
		e, err := parseEvent(data)
		if err != nil {
			return all, fmt.Errorf("%s, record %d: %w", path, len(all), err)
		}
		all = append(all, e)
	}
}
