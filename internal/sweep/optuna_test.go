package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

const (
	optunaVersion    = "5.0.0"
	dashboardVersion = "0.21.0"
)

// python returns an interpreter that has Optuna and its dashboard, in an environment of the
// checkout's cache, and an error where it cannot be had.
func python() (string, error) {
	dir, err := checkout.Cache("optuna-" + optunaVersion + "-dashboard-" + dashboardVersion)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "bin", "python")
	if exec.Command(program, "-c", "import optuna, optuna_dashboard").Run() == nil {
		return program, nil
	}
	os.RemoveAll(dir)
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		{program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "optuna==" + optunaVersion, "optuna-dashboard==" + dashboardVersion},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			os.RemoveAll(dir)
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return program, nil
}

// reader opens the journal again and again until its standard input ends, with Optuna and with
// optuna-dashboard, whose pages ask for the same two addresses, and then prints the trials.
const reader = `
import json, select, sys
from wsgiref.util import setup_testing_defaults
import optuna, optuna_dashboard
def shown(app, path):
    request, status = {"PATH_INFO": path}, []
    setup_testing_defaults(request)
    body = b"".join(app(request, lambda s, *_: status.append(s)))
    assert status == ["200 OK"], (path, status, body)
    return json.loads(body)
optuna.logging.set_verbosity(optuna.logging.ERROR)
reads, seen = 0, set()
while True:
    ended = select.select([sys.stdin], [], [], 0.05)[0]
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(sys.argv[1]))
    study = optuna.load_study(study_name=sys.argv[2], storage=storage)
    trials = study.get_trials()
    app = optuna_dashboard.wsgi(storage)
    studies = shown(app, "/api/studies")["study_summaries"]
    dashboard = shown(app, f"/api/studies/{studies[0]['study_id']}")
    assert [s["study_name"] for s in studies] == [sys.argv[2]] and len(dashboard["trials"]) >= len(trials)
    reads += 1
    seen |= {t.state.name for t in trials}
    if ended:
        break
study.set_user_attr("note", "written by Optuna")
print(json.dumps({
    "dashboard": [{"state": t["state"].upper(), "value": (t.get("values") or [None])[0]} for t in dashboard["trials"]],
    "reads": reads, "seen": sorted(seen), "direction": study.direction.name, "best": study.best_trial.number,
    "trials": [{"state": t.state.name, "value": t.value, "params": t.params, "seeds": t.user_attrs,
                "intermediate": {str(k): v for k, v in t.intermediate_values.items()}} for t in trials]}))
`

// optunaReader is Optuna reading a sweep while it runs.
type optunaReader struct {
	cmd       *exec.Cmd
	in        io.Closer
	out, errs strings.Builder
}

// optunaSees is what it has found in the end.
type optunaSees struct {
	Reads, Best int
	Seen        []string
	Direction   string
	Dashboard   []struct { // its trials
		State string
		Value *float64
	}
	Trials []struct {
		State  string
		Value  *float64
		Params map[string]any
		Seeds  map[string]Record
	}
}

// readByOptuna has Optuna read a sweep again and again.
func readByOptuna(t *testing.T, program string, w *Sweep) *optunaReader {
	t.Helper()
	o := &optunaReader{cmd: exec.Command(program, "-c", reader, filepath.Join(w.Dir, JournalFile), "sweep")}
	in, err := o.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.in = in
	o.cmd.Stdout, o.cmd.Stderr = &o.out, &o.errs
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

// end has Optuna read for the last time. One read that failed is a failure.
func (o *optunaReader) end(t *testing.T) (got optunaSees) {
	t.Helper()
	o.in.Close()
	if err := o.cmd.Wait(); err != nil {
		t.Fatalf("Optuna: %v\n%s", err, &o.errs)
	}
	if err := json.Unmarshal([]byte(o.out.String()), &got); err != nil {
		t.Fatal(err, o.out.String())
	}
	return got
}

// Optuna opens a sweep while it runs and finds what Status does.
func TestOptunaReads(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: starts Optuna")
	}
	program, err := python()
	if err != nil {
		t.Skipf("SKIPPED: Optuna cannot be installed: %v", err)
	}
	w := create(t, 400, `seeds: [1, 2]
search: {method: random, trials: 5}
space:
  ppo.lr: {log: [1e-4, 1e-2]}
  ppo.gamma: {linear: [0, 0.9]}
  ppo.epochs: {int: [1, 3]}
  policy.encoder: {choices: [[4], [4, 4]]}
  ppo.scale_values: {choices: [true, false]}
  ppo.lr_schedule: {choices: [constant, linear]}
  ppo.entropy_coef: {choices: [0, 0.01]}
`)
	optuna := readByOptuna(t, program, w)
	workers(t, w.Dir, 2)
	got := optuna.end(t)
	s, err := w.Status()
	if err != nil {
		t.Fatal(err)
	}
	if got.Direction != "MAXIMIZE" || got.Best != s.Best || len(got.Trials) != len(s.Settings) || len(got.Dashboard) != len(s.Settings) || got.Reads < 2 {
		t.Errorf("direction %s, best %d, %d trials, %d reads; want best %d of %d", got.Direction, got.Best, len(got.Trials), got.Reads, s.Best, len(s.Settings))
	}
	for i, x := range s.Settings {
		g := got.Trials[i]
		if g.State != "COMPLETE" || g.Value == nil || *g.Value != x.Value {
			t.Errorf("trial %d is %s with %v, want %v", i, g.State, g.Value, x.Value)
		}
		if d := got.Dashboard[i]; d.State != "COMPLETE" || d.Value == nil || *d.Value != x.Value {
			t.Errorf("the dashboard shows trial %d as %s with %v, want %v", i, d.State, d.Value, x.Value)
		}
		for k := range w.Spec.Space {
			d := &w.Spec.Space[k]
			want := d.Text(x.Point[k])
			if v := g.Params[d.Key]; fmt.Sprint(v) != want && fmt.Sprintf("%g", v) != want && !sameNumber(v, x.Point[k]) && !strings.EqualFold(fmt.Sprint(v), want) {
				t.Errorf("trial %d: %s is %v, want %s", i, d.Key, v, want)
			}
		}
		for k, seed := range w.Spec.Seeds {
			if r := g.Seeds[seedKey(seed)]; r.Return == nil || *r.Return != x.Returns[k] {
				t.Errorf("trial %d, seed %d: %v, want %v", i, seed, r.Return, x.Returns[k])
			}
		}
	}
	// What Optuna has written is read.
	if string(w.journal.State().Studies[0].UserAttrs["note"]) != `"written by Optuna"` {
		t.Errorf("attributes %v", w.journal.State().Studies[0].UserAttrs)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, JournalFile+".lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock is left: %v", err)
	}
}

func sameNumber(v any, want float64) bool { x, ok := v.(float64); return ok && x == want }
