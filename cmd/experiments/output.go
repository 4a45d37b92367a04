package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// output is the folder that an experiment writes to.
type output struct {
	dir    string
	log    io.Writer
	answer io.Writer // of what is not written to the folder
}

func (o *output) progress(format string, args ...any) { fmt.Fprintf(o.log, format+"\n", args...) }

// runs writes the learning curves of all runs, one row an evaluation.
func (o *output) runs(name string, runs [][]*run) error {
	f, err := os.Create(filepath.Join(o.dir, name+".csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	w.Write([]string{"setting", "seed", "step", "return_mode", "return_sampled"})
	for _, seeds := range runs {
		for _, r := range seeds {
			for _, p := range r.Curve {
				w.Write([]string{
					r.Setting, strconv.FormatUint(r.Seed, 10), strconv.FormatInt(p.Step, 10),
					strconv.FormatFloat(p.Mode, 'g', 6, 64), strconv.FormatFloat(p.Sampled, 'g', 6, 64),
				})
			}
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return f.Close()
}

// csv writes rows, the first as their head.
func (o *output) csv(name string, rows [][]string) error {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dir, name+".csv"), b.Bytes(), 0o644)
}

func (o *output) json(name string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dir, name+".json"), append(data, '\n'), 0o644)
}

// drawing is what package plots draws.
type drawing interface {
	Draw() (png, svg []byte, err error)
}

func (o *output) plot(name string, p drawing) error {
	png, svg, err := p.Draw()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.dir, name+".png"), png, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dir, name+".svg"), svg, 0o644)
}

// table writes rows as a Markdown table, the first as its head, and puts it into
// the folder's README where that has a place for it.
func (o *output) table(name string, rows [][]string) error {
	var b strings.Builder
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(r)) + "\n")
		}
	}
	o.progress("\n%s", b.String())
	if err := os.WriteFile(filepath.Join(o.dir, name+".md"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	readme := filepath.Join(o.dir, "README.md")
	mark := "<!-- " + name + ".md -->"
	text, err := os.ReadFile(readme)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !strings.Contains(string(text), mark):
		return nil
	case err != nil:
		return err
	}
	return splice(readme, mark, "<!-- end -->", "\n"+b.String())
}
