package sweep

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"paspo/internal/parquet"
)

// Best writes the configuration of the best setting as train --config takes it, with the
// first seed that nothing was chosen on.
func (w *Sweep) Best(out io.Writer) error {
	s, err := w.Status()
	if err != nil {
		return err
	}
	if w.Spec.Problems() > 1 {
		return fmt.Errorf("the settings of %s are on several problems, whose returns cannot be compared: no setting is the best of all", w.Dir)
	}
	if s.Best < 0 {
		if s.Ended() {
			return fmt.Errorf("no setting has been trained on all seeds, and nothing is left to train: %d of %d trainings failed", s.Failed, s.Trainings)
		}
		return errors.New("no setting has been trained on all seeds yet")
	}
	b := s.Settings[s.Best]
	all := w.assignments(b.Point, w.Spec.Report.Seeds[0])
	c, err := w.Spec.Config(all)
	if err != nil {
		return err
	}
	// A configuration may be put anywhere, and paths in one are relative to where it is.
	for key, path := range c.Files() {
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		all = append(all, key+"="+string(marshal(path)))
	}
	if c, err = w.Spec.Config(all); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "# Setting %d of %s: %s %.6g over seeds %v. The seed below is another one, that nothing was chosen on.\n# %s\n", b.Number, oneLine(w.Dir), w.Spec.Objective.Statistic, b.Value, w.Spec.Seeds, oneLine(b.Label)); err != nil {
		return err
	}
	return c.Write(out)
}

// oneLine writes text on one line.
func oneLine(text string) string { return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(text) }

// Export writes a row for every training of the settings that have begun, as csv or parquet.
func (w *Sweep) Export(out io.Writer, format string) error {
	if format != "csv" && format != "parquet" {
		return fmt.Errorf("--format is %q: csv or parquet is allowed", format)
	}
	s, err := w.Status()
	if err != nil {
		return err
	}
	head := []string{"setting", "setting_state", w.Spec.Objective.Statistic}
	own := []string{"seed", "state", "return", "stderr", "action", "max_residual", "violations", "steps", "processor_seconds", "run", "error", "part"}
	for _, key := range w.keys() {
		if slices.Contains(own, key) { // such as steps
			key = "space." + key
		}
		head = append(head, key)
	}
	rows := [][]string{slices.Concat(head, own)}
	text := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'g', -1, 64)
	}
	for k, x := range slices.Concat(s.Settings, s.Report) {
		seeds, of := w.Spec.Seeds, "search"
		if k >= len(s.Settings) {
			seeds, of = w.Spec.Report.Seeds, "report"
		}
		value := ""
		if x.Value == x.Value {
			value = text(&x.Value)
		}
		row := []string{strconv.Itoa(x.Number), x.State.String(), value}
		for i := range w.Spec.Space {
			row = append(row, w.Spec.Space[i].Text(x.Point[i]))
		}
		for i, r := range x.Records {
			seed, folder := seeds[i], ""
			if r == nil {
				r = &Record{State: stateWaiting}
			} else {
				folder = w.RunDir(x.Number, seed)
			}
			state := r.State
			switch {
			case r.failed():
				state = stateFailed
			case x.State.Finished() && state != stateDone:
				state = stateGivenUp
			}
			rows = append(rows, append(row[:len(row):len(row)], strconv.FormatUint(seed, 10), state, text(r.Return), text(r.StdErr), r.Action, text(r.Residual),
				strconv.Itoa(r.Violations), strconv.FormatInt(r.Step, 10), strconv.FormatFloat(r.Seconds, 'f', 2, 64), folder, r.Error, of))
		}
	}
	if format == "csv" {
		return csv.NewWriter(out).WriteAll(rows)
	}
	number, integer := parquet.Number, parquet.Integer
	kinds := map[string]parquet.Kind{
		w.Spec.Objective.Statistic: number, "return": number, "stderr": number, "max_residual": number, "processor_seconds": number,
		"setting": integer, "seed": integer, "violations": integer, "steps": integer,
	}
	columns := make([]parquet.Column, len(rows[0]))
	for j, name := range rows[0] {
		c := parquet.Column{Name: name, Kind: kinds[name]}
		for _, row := range rows[1:] {
			c.Cells = append(c.Cells, row[j])
		}
		switch found := parquet.KindOf(c.Cells); {
		case j >= len(head)-len(w.Spec.Space) && j < len(head):
			c.Kind = found
		case name == "seed" && found != integer: // a seed may be too large for a number with a sign
			c.Kind = parquet.Text
		}
		columns[j] = c
	}
	return parquet.Write(out, columns)
}
