package runfolder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/glossary"
	"paspo/internal/tensorboard"
	"paspo/rl"
)

// groups are the groups that TensorBoard shows metrics in, for those that are not in train.
var groups = map[string]string{
	"episodes": "rollout", "return": "rollout", "episode_length": "rollout",
	"fixed_share": "rollout", "max_residual": "rollout", "violations": "rollout",
	"alpha_q05": "policy", "alpha_q50": "policy", "alpha_q95": "policy",
	"beta_q05": "policy", "beta_q50": "policy", "beta_q95": "policy",
	"entropy":          "policy",
	"steps_per_second": "time", "rollout_seconds": "time", "update_seconds": "time",
	"env_seconds": "time", "sample_seconds": "time",
}

// Tag returns the tag of a metric in TensorBoard.
func Tag(name string) string {
	for _, group := range []string{"eval", "choice"} {
		if rest, ok := strings.CutPrefix(name, group+"_"); ok {
			return group + "/" + rest
		}
	}
	if strings.HasPrefix(name, "info/") || strings.HasPrefix(name, "algo/") {
		return name
	}
	if g, ok := groups[name]; ok {
		return g + "/" + name
	}
	return "train/" + name
}

func scalars(m rl.Metrics) []tensorboard.Scalar {
	var all []tensorboard.Scalar
	for name, v := range m.Scalars() {
		s := tensorboard.Scalar{Tag: Tag(name), Value: float32(v)}
		if found := glossary.Find(s.Tag); len(found) > 0 {
			s.Description = found[0].Text
		}
		all = append(all, s)
	}
	return all
}

// Row is one line of the metrics.
type Row map[string]float64

// Metrics reads the metrics of a run, in the order of iterations. It leaves out an incomplete last
// line, and damaged lines with a warning.
func Metrics(dir string) ([]Row, error) {
	path := filepath.Join(dir, MetricsFile)
	f, err := limits.Open(path, limits.Metrics)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
	}
	defer f.Close()
	var rows []Row
	damaged, err := scan(f, func(row Row, _ int64) { rows = append(rows, row) })
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
	}
	warnDamaged(path, damaged)
	return rows, nil
}

// warned holds the warnings that were given, since a command reads metrics more than once.
var warned sync.Map

func warnDamaged(path string, lines []int) {
	const most = 10
	if len(lines) == 0 {
		return
	}
	text := strings.Trim(fmt.Sprint(lines[:min(len(lines), most)]), "[]")
	if len(lines) > most {
		text += fmt.Sprintf(" and %d more", len(lines)-most)
	}
	if _, again := warned.LoadOrStore([2]string{path, text}, true); again {
		return
	}
	slog.Warn("damaged lines are passed over", "file", path, "lines", text)
}

func parseRow(line []byte) (Row, error) {
	var raw map[string]*float64
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	row := Row{}
	for k, v := range raw {
		if v != nil {
			row[k] = *v
		}
	}
	if _, ok := row["step"]; !ok {
		return nil, errors.New("no step")
	}
	return row, nil
}

// maxLine is the length of the longest line that is read. An iteration has some kilobytes.
const maxLine = 1 << 18

// scan calls f with every row and with the offset of the end of its line. Empty lines, a byte order
// mark and an incomplete last line are skipped. It returns the numbers of the other lines that hold
// no row.
func scan(r io.Reader, f func(row Row, end int64)) (damaged []int, err error) {
	b := bufio.NewReaderSize(r, maxLine)
	end := int64(0)
	for number := 1; ; number++ {
		line, err := b.ReadSlice('\n')
		end += int64(len(line))
		long := err == bufio.ErrBufferFull
		for err == bufio.ErrBufferFull {
			line, err = b.ReadSlice('\n')
			end += int64(len(line))
		}
		switch {
		case err == io.EOF:
			return damaged, nil
		case err != nil:
			return damaged, err
		case long:
			damaged = append(damaged, number)
			continue
		}
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		row, err := parseRow(line)
		if err != nil {
			damaged = append(damaged, number)
			continue
		}
		f(row, end)
	}
}

// cutMetrics truncates the file after the last row of at most step, and seeks to its end. Rows that
// are missing before step are a warning.
func cutMetrics(f atomicfile.File, step int64) error {
	if err := limits.Check(f.Name(), limits.Metrics); err != nil {
		return err
	}
	var keep int64
	last := 0.0
	damaged, err := scan(f, func(row Row, end int64) {
		if row["step"] <= float64(step) {
			keep, last = end, max(last, row["step"])
		}
	})
	if err != nil {
		return err
	}
	warnDamaged(f.Name(), damaged)
	if last < float64(step) {
		slog.Warn("the lines of the last steps before the checkpoint are lost", "file", f.Name(), "last", last, "checkpoint", step)
	}
	if err := f.Truncate(keep); err != nil {
		return err
	}
	_, err = f.Seek(keep, io.SeekStart)
	return err
}
