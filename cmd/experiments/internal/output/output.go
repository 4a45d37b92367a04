package output

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"paspo/internal/stats"
)

// Folder is where an experiment writes to.
type Folder struct {
	Dir    string
	Log    io.Writer
	Answer io.Writer // of what is not written to the folder
}

// Progress writes a line to the log.
func (o *Folder) Progress(format string, args ...any) { fmt.Fprintf(o.Log, format+"\n", args...) }

// Write writes a file. The folder is made where it is not there.
func (o *Folder) Write(file string, data []byte) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.Dir, file), data, 0o644)
}

// CSV writes rows, the first as their head.
func (o *Folder) CSV(name string, rows [][]string) error {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return err
	}
	return o.Write(name+".csv", b.Bytes())
}

// JSON writes a value.
func (o *Folder) JSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return o.Write(name+".json", append(data, '\n'))
}

// drawing is what package plots draws.
type drawing interface {
	Draw() (png, svg []byte, err error)
}

// Plot writes a drawing as PNG and as SVG.
func (o *Folder) Plot(name string, p drawing) error {
	png, svg, err := p.Draw()
	if err != nil {
		return err
	}
	if err := o.Write(name+".png", png); err != nil {
		return err
	}
	return o.Write(name+".svg", svg)
}

// Table writes rows as a Markdown table, the first as its head, and puts it into
// the folder's README where that has a place for it.
func (o *Folder) Table(name string, rows [][]string) error {
	var b strings.Builder
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(r)) + "\n")
		}
	}
	o.Progress("\n%s", b.String())
	if err := o.Write(name+".md", []byte(b.String())); err != nil {
		return err
	}
	readme := filepath.Join(o.Dir, "README.md")
	mark := "<!-- " + name + ".md -->"
	text, err := os.ReadFile(readme)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !strings.Contains(string(text), mark):
		return nil
	case err != nil:
		return err
	}
	return Splice(readme, mark, "<!-- end -->", "\n"+b.String())
}

// Read reads what JSON has written.
func (o *Folder) Read(name string, v any) error {
	data, err := os.ReadFile(filepath.Join(o.Dir, name+".json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s.json: %w", name, err)
	}
	return nil
}

// Splice replaces what stands between two marks in a file.
func Splice(file, from, to, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, after, found := strings.Cut(string(old), from)
	before := string(old[:len(old)-len(after)])
	_, after, ended := strings.Cut(after, to)
	if !found || !ended {
		return fmt.Errorf("%s has no lines %q and %q", file, from, to)
	}
	return os.WriteFile(file, []byte(before+text+to+after), 0o644)
}

// Range writes the endpoints of an interval for a table, and nothing where they are not known, as
// of a single seed.
func Range(iv stats.Interval, write func(float64) string) string {
	if math.IsNaN(iv.Low) || math.IsNaN(iv.High) {
		return ""
	}
	return write(iv.Low) + " .. " + write(iv.High)
}

// Decimals writes x with four decimals, as returns are written in tables.
func Decimals(x float64) string { return fmt.Sprintf("%.4f", x) }

// Percent writes a share for a table.
func Percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// Number writes x for a table.
func Number(x float64) string {
	switch {
	case x != x:
		return ""
	case x == 0:
		return "0"
	case x >= 1000:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
