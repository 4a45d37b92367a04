package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"paspo/internal/limits"
)

// Batch is a sequence of lines that are answered together.
type Batch struct {
	First int // number of the first line, from 1 on

	data []byte
	ends []int   // offsets in data of the ends of lines
	errs []error // one a line, nil where it could be read
}

// Len returns the number of lines.
func (b *Batch) Len() int { return len(b.ends) }

// Line returns line i without white space around it, or an error where it could not be read.
func (b *Batch) Line(i int) ([]byte, error) {
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	line := bytes.Trim(b.data[from:b.ends[i]], " \t\r")
	if b.errs[i] == nil && len(line) == 0 {
		return nil, errEmpty
	}
	return line, b.errs[i]
}

var errEmpty = errors.New("the line is empty")

// Largest size of a batch. The reader of a full batch waits until it is taken.
const (
	mostLines = 4096
	mostBytes = 2 * limits.Line
)

func (b *Batch) full() bool { return len(b.ends) >= mostLines || len(b.data) >= mostBytes }

func (b *Batch) add(line []byte, err error) {
	b.data = append(b.data, line...)
	b.ends, b.errs = append(b.ends, len(b.data)), append(b.errs, err)
}

// Answerer answers batches.
type Answerer interface {
	// Answer writes one line for every line of b and returns how many of them are errors.
	Answer(out io.Writer, b *Batch) (failed int, err error)
}

// Lines answers lines of up to limits.Line bytes until the input ends. It then returns an error
// where a line could not be answered. It returns when ctx ends, even while it waits for a line.
// what names the lines in errors, such as "observations".
func Lines(ctx context.Context, in io.Reader, out io.Writer, what string, a Answerer) error {
	q := &queue{filling: &Batch{}}
	q.changed.L = &q.mu
	defer context.AfterFunc(ctx, q.stop)()
	defer q.stop()
	go q.read(limits.NewLines(in, limits.Line))
	b := &Batch{}
	number, failed := 1, 0
	for {
		var err error
		if b, err = q.take(b); err == io.EOF {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", what, err)
		}
		b.First = number
		number += b.Len()
		n, err := a.Answer(out, b)
		if err != nil {
			return fmt.Errorf("writing answers: %w", err)
		}
		failed += n
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d %s could not be answered", failed, number-1, what)
	}
	return nil
}

// queue holds the batch that a reader fills while the one before it is answered.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	filling *Batch
	ready   bool  // the batch can be taken: it is full, or more input would have to be waited for
	err     error // error that ended the input
	stopped bool
}

func (q *queue) stop() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	q.changed.Broadcast()
}

// read fills batches until the input ends.
func (q *queue) read(l *limits.Lines) {
	for {
		line, _, err := l.Next()
		more := err == nil && l.Waiting()
		q.mu.Lock()
		for q.filling.full() && !q.stopped {
			q.changed.Wait()
		}
		var tooLong *limits.LineError
		if err == nil || errors.As(err, &tooLong) {
			q.filling.add(line, err)
			err = nil
		}
		q.err = err
		end := err != nil || q.stopped
		wake := end || !more || q.filling.full()
		q.ready = q.ready || wake
		q.mu.Unlock()
		if wake {
			q.changed.Broadcast()
		}
		if end {
			return
		}
	}
}

// take waits for lines and returns their batch. It reuses done, a batch that has been answered.
func (q *queue) take(done *Batch) (*Batch, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.ready && !q.stopped {
		q.changed.Wait()
	}
	b := q.filling
	if q.stopped {
		return b, nil
	}
	if b.Len() == 0 {
		return b, q.err
	}
	done.data, done.ends, done.errs = done.data[:0], done.ends[:0], done.errs[:0]
	q.filling, q.ready = done, q.err != nil
	q.changed.Broadcast()
	return b, nil
}

// Each is an Answerer that answers lines one by one, with the result of the function as JSON.
type Each func(line []byte) (any, error)

// Answer implements Answerer.
func (f Each) Answer(out io.Writer, b *Batch) (failed int, err error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // names of constraints hold <=
	for i := range b.Len() {
		line, err := b.Line(i)
		var v any
		if err == nil {
			v, err = f(line)
		}
		if err != nil {
			failed++
			v = map[string]string{"error": fmt.Sprintf("line %d: %s", b.First+i, OneLine(err))}
		}
		if err := e.Encode(v); err != nil {
			return failed, err
		}
	}
	_, err = out.Write(text.Bytes())
	return failed, err
}

// OneLine joins the lines of an error.
func OneLine(err error) string {
	var parts []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}
