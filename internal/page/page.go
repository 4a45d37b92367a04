package page

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"paspo/internal/finite"
	"paspo/internal/run/runfolder"
	"paspo/internal/stats"
	"paspo/internal/sweep"
)

//go:embed page.html
var text string

var layout = template.Must(template.New("page").Funcs(template.FuncMap{"breakable": breakable}).Parse(text))

// breakable lets a name of a setting go over several lines.
func breakable(name string) template.HTML {
	return template.HTML(strings.NewReplacer(".", ".<wbr>", "_", "_<wbr>").Replace(template.HTMLEscapeString(name)))
}

// Page is what the file shows.
type Page struct {
	Title  string
	Origin runfolder.Origin
	Parts  []*Part
}

// Part is about one sweep, about runs of no sweep, or about a comparison.
type Part struct {
	Name   string
	Lead   []string // the verdict, a sentence each
	Facts  []Fact
	Blocks []*Block
}

// Fact is a name with a value.
type Fact struct{ Name, Value string }

// Block is drawings and a table under one title. What its legend names can be hidden in its
// drawings.
type Block struct {
	Title, Note string
	Legend      []Series
	Charts      []Chart
	Table       *Table
	Folded      bool // shown where a reader asks for it
}

// Series is what a legend names.
type Series struct{ Name, Class string }

// Chart is a drawing.
type Chart struct {
	SVG     template.HTML
	Caption string
	Wide    bool
}

// Table is one to read and to sort.
type Table struct {
	Head []string
	Rows [][]Cell
}

// Cell is what a row says under one head.
type Cell struct {
	Text, Dim string  // Dim is said less loud
	Value     float64 // that rows are sorted by, NaN for the text
}

const (
	shownRows   = 50 // of a table
	shownSeries = 8  // of a drawing, as many as there are colours
	level       = 0.95
	resamples   = 2000
)

// Write writes the page.
func (p *Page) Write(w io.Writer) error { return layout.Execute(w, p) }

// WriteFile writes the page to a file.
func (p *Page) WriteFile(path string) error {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return err
	}
	return runfolder.WriteFile(path, b.Bytes())
}

// Add adds folders, each a sweep or a run, and names the page after them where it has no title. A
// folder that is named twice counts once.
func (p *Page) Add(ctx context.Context, dirs []string) error {
	var runs []string
	var seen []os.FileInfo
	var names []string
	for _, dir := range dirs {
		at, err := os.Stat(dir)
		if err != nil {
			return err // which names it
		}
		if slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(at, other) }) {
			slog.Warn("a folder is named again, and counts once", "folder", dir)
			continue
		}
		seen, names = append(seen, at), append(names, dir)
		if runfolder.IsRun(dir) {
			runs = append(runs, dir)
			continue
		}
		w, err := sweep.Open(dir)
		if _, none := os.Stat(filepath.Join(dir, sweep.SpecFile)); err != nil && none == nil {
			return err // which names the folder
		}
		if err != nil {
			return fmt.Errorf("%s is neither a run nor a sweep: %w", dir, err)
		}
		part, err := ofSweep(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		p.Parts = append(p.Parts, part)
	}
	if p.Title == "" {
		p.Title = "Report on " + strings.Join(names, ", ")
		if len(names) > 3 {
			p.Title = fmt.Sprintf("Report on %d folders", len(names))
		}
	}
	if len(runs) == 0 {
		return nil
	}
	part, err := ofRuns(ctx, runs)
	if err == nil {
		p.Parts = append(p.Parts, part)
	}
	return err
}

// Compare adds a comparison.
func (p *Page) Compare(name string, facts []Fact, c *Comparison) error {
	b, lead, err := c.block("Compared")
	if err != nil {
		return err
	}
	part := &Part{Name: name, Lead: lead, Facts: facts}
	part.add(b)
	p.Parts = append(p.Parts, part)
	return nil
}

// add adds a block unless there is nothing in it.
func (p *Part) add(b *Block) {
	if b != nil && (len(b.Charts) > 0 || b.Table != nil && len(b.Table.Rows) > 0) {
		p.Blocks = append(p.Blocks, b)
	}
}

func words(s string) Cell { return Cell{Text: s, Value: nan} }

func numeric(x float64) Cell { return Cell{Text: number(x), Value: x} }

func whole(n int) Cell { return Cell{Text: strconv.Itoa(n), Value: float64(n)} }

// estimated is an estimate with its interval.
func estimated(iv stats.Interval, write func(float64) string) Cell {
	c := Cell{Text: write(iv.Estimate), Value: iv.Estimate}
	if finite.Is(iv.Low) {
		c.Dim = between(iv, write)
	}
	return c
}

func between(iv stats.Interval, write func(float64) string) string {
	if !finite.Is(iv.Low) {
		return "no interval of single seeds"
	}
	return write(iv.Low) + " to " + write(iv.High)
}

func ofLevel(iv stats.Interval, write func(float64) string) string {
	text := between(iv, write)
	if finite.Is(iv.Low) {
		text = fmt.Sprintf("%.0f %% interval %s", 100*level, text)
	}
	return text
}

func percent(x float64) string {
	if !finite.Is(x) {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// Key is how a cell is sorted.
func (c Cell) Key() string {
	if c.Text == "–" {
		return "" // last
	}
	if c.Value == c.Value {
		return strconv.FormatFloat(c.Value, 'g', -1, 64)
	}
	return c.Text
}
