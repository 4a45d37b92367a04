package limits

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The largest files that are read, in bytes. Each is far above what the program
// itself writes or a user has.
const (
	Config      = 1 << 20
	Environment = 1 << 26 // what an environment in Python says of itself: the names of its observations
	Constraints = 1 << 24
	Market      = 1 << 26
	Prices      = 1 << 28 // decompressed too
	Fit         = 1 << 24
	Intervals   = 1 << 30
	Checkpoint  = 1 << 30
	Summary     = 1 << 26
	Metrics     = 1 << 32
	Events      = 1 << 32
)

// Line is the length of the longest line that is read, in bytes: 160 000 numbers
// with all their digits.
const Line = 1 << 22

// SizeError says that a file is larger than what is read. It comes within an
// *fs.PathError, which names the file.
type SizeError struct {
	Size int64 // in bytes; -1 where all that is known is that it is above Most
	Most int64
}

func (e *SizeError) Error() string {
	if e.Size < 0 {
		return fmt.Sprintf("it is too large: at most %s is allowed", Bytes(e.Most))
	}
	return fmt.Sprintf("it is too large: %s, at most %s is allowed", Bytes(e.Size), Bytes(e.Most))
}

func tooLarge(path string, size, most int64) error {
	return &fs.PathError{Op: "read", Path: path, Err: &SizeError{size, most}}
}

// Bytes returns a size with a unit.
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	x, u := float64(n)/(1<<10), 0
	for x >= 1<<10 {
		x /= 1 << 10
		u++
	}
	return fmt.Sprintf("%.4g %ciB", x, units[u])
}

// ReadFile is os.ReadFile for files of up to most bytes; a larger one gives a
// *SizeError before anything of it is read. Of a pipe or a device, which have no size,
// at most one byte more than that is read.
func ReadFile(path string, most int64) ([]byte, error) {
	f, size, err := open(path, most)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > most {
		return nil, tooLarge(path, -1, most)
	}
	return data.Bytes(), nil
}

// Open is os.Open for files of up to most bytes; a larger one gives a *SizeError.
func Open(path string, most int64) (*os.File, error) {
	f, _, err := open(path, most)
	return f, err
}

func open(path string, most int64) (f *os.File, size int64, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	if size > most {
		f.Close()
		return nil, 0, tooLarge(path, size, most)
	}
	return f, size, nil
}

// Check returns a *SizeError for a file of more than most bytes, and nil for one that
// is not there.
func Check(path string, most int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() > most {
		return tooLarge(path, info.Size(), most)
	}
	return nil
}

// LineError says that a line is longer than what is read.
type LineError struct{ Most int }

func (e *LineError) Error() string {
	return fmt.Sprintf("the line is too long: at most %s is allowed", Bytes(int64(e.Most)))
}

// Lines reads lines of up to a number of bytes.
type Lines struct {
	r    *bufio.Reader
	most int
	line []byte
}

// NewLines returns a reader of the lines of r.
func NewLines(r io.Reader, most int) *Lines {
	return &Lines{r: bufio.NewReaderSize(r, 1<<16), most: most}
}

// Waiting says whether Next returns at once: a whole line has been read already.
func (l *Lines) Waiting() bool {
	b, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

// Next returns the next line without its end, which is valid until the call after;
// ended is false where the input stops before the end of the line. A line
// that is too long is passed over and gives a *LineError, after which the next one
// can be read. The end of the input is io.EOF.
func (l *Lines) Next() (line []byte, ended bool, err error) {
	l.line = l.line[:0]
	length := 0
	for {
		part, err := l.r.ReadSlice('\n')
		length += len(part)
		if ended = err == nil; ended {
			length--
			part = part[:len(part)-1]
		}
		if length <= l.most {
			l.line = append(l.line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && length == 0:
			return nil, false, io.EOF
		case err != nil && err != io.EOF:
			return nil, false, err
		case length > l.most:
			return nil, ended, &LineError{l.most}
		}
		return bytes.TrimSuffix(l.line, []byte{'\r'}), ended, nil
	}
}
