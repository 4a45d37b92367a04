package runfolder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"paspo/internal/atomicfile"
	"paspo/internal/tensorboard"
	"paspo/ppo"
)

// groups are the folds that TensorBoard shows scalars in.
var groups = map[string]string{
	"episodes": "rollout", "return": "rollout", "episode_length": "rollout",
	"fixed_share": "rollout", "max_residual": "rollout", "violations": "rollout",
	"alpha_q05": "policy", "alpha_q50": "policy", "alpha_q95": "policy",
	"beta_q05": "policy", "beta_q50": "policy", "beta_q95": "policy",
	"entropy":          "policy",
	"steps_per_second": "time", "rollout_seconds": "time", "update_seconds": "time",
	"env_seconds": "time", "sample_seconds": "time",
}

func tag(name string) string {
	if rest, ok := strings.CutPrefix(name, "eval_"); ok {
		return "eval/" + rest
	}
	if g, ok := groups[name]; ok {
		return g + "/" + name
	}
	return "train/" + name
}

func scalars(m ppo.Metrics) []tensorboard.Scalar {
	var all []tensorboard.Scalar
	for name, v := range m.Scalars() {
		all = append(all, tensorboard.Scalar{Tag: tag(name), Value: float32(v)})
	}
	return all
}

// Row is one line of the metrics.
type Row map[string]float64

// Metrics reads the metrics of a run, iterations in order. A torn last line is
// left out.
func Metrics(dir string) ([]Row, error) {
	path := filepath.Join(dir, MetricsFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
	}
	defer f.Close()
	var rows []Row
	err = eachLine(f, func(line []byte) error {
		row, err := parseRow(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, len(rows)+1, err)
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
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

// eachLine calls f with every line that is ended.
func eachLine(r io.Reader, f func(line []byte) error) error {
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			return err
		}
	}
}

var errStop = errors.New("stop")

// cutMetrics leaves the file at the end of the last line of at most step.
func cutMetrics(f *os.File, step int64) error {
	var keep int64
	err := eachLine(f, func(line []byte) error {
		row, err := parseRow(line)
		if err != nil || row["step"] > float64(step) {
			return errStop
		}
		keep += int64(len(line)) + 1
		return nil
	})
	if err != nil && err != errStop {
		return err
	}
	if err := f.Truncate(keep); err != nil {
		return err
	}
	_, err = f.Seek(keep, io.SeekStart)
	return err
}
