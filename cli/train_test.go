package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"paspo/envs/portfolio"
	"paspo/internal/checkout"
	"paspo/internal/long"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/tensorboard"
)

// small returns flags of a run that takes a moment. The cache of fits is not that of the user.
var small = []string{
	"--steps", "1024", "--set", "debias.points=1000", "--set", "debias.cache_dir=",
	"--set", "ppo.eval_every=1", "--set", "ppo.eval_episodes=4", "--set", "ppo.checkpoint_every=1", "--set", "ppo.checkpoint_seconds=0",
	"--set", "ppo.epochs=1",
	"--set", "report.episodes=8", "--set", "report.starts=4",
}

func with(args ...string) []string { return append(slices.Clone(small), args...) }

// command runs a command line in this process.
func command(t *testing.T, in string, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(context.Background(), args, strings.NewReader(in), &o, &e)
	return status, o.String(), e.String()
}

func succeed(t *testing.T, in string, args ...string) string {
	t.Helper()
	status, out, errs := command(t, in, args...)
	if status != 0 {
		t.Fatalf("train %s: status %d, %s", strings.Join(args, " "), status, errs)
	}
	return out
}

// refused checks that a command line fails with one clear line.
func refused(t *testing.T, want, in string, args ...string) {
	t.Helper()
	status, _, errs := command(t, in, args...)
	if status == 0 {
		t.Errorf("train %s succeeds", strings.Join(args, " "))
	}
	var lines []string
	for line := range strings.Lines(errs) {
		if !strings.HasPrefix(line, "device: ") && !strings.HasPrefix(line, "run: ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "train: ") || !strings.Contains(lines[0], want) ||
		strings.Contains(errs, "goroutine") || strings.Contains(errs, "Usage") {
		t.Errorf("train %s\ngot  %q\nwant %q", strings.Join(args, " "), errs, want)
	}
}

// trained is a small finished run of portfolio that tests may read.
var trained = sync.OnceValues(func() (string, string) {
	dir, err := os.MkdirTemp("", "paspo-test")
	if err != nil {
		panic(err)
	}
	run_ := filepath.Join(dir, "run")
	var o, e bytes.Buffer
	if status := run(context.Background(), with("--json", "--out", run_), nil, &o, &e); status != 0 {
		panic(e.String())
	}
	return run_, o.String()
})

func TestMain(m *testing.M) {
	if os.Getenv("PASPO_TEST_RUN") != "" {
		Main(nil)
		return
	}
	// Processes that tests start would ignore a signal that is ignored here, as under nohup. A signal
	// that is caught here has its default there.
	for _, s := range stopSignals {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	code := m.Run()
	if trainedOnce {
		dir, _ := trained()
		os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(code)
}

var trainedOnce bool

func finished(t *testing.T) (dir, summary string) {
	t.Helper()
	trainedOnce = true
	return trained()
}

// process returns a command that runs this binary as the command line tool, in a process of its own.
func process(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "PASPO_TEST_RUN=1")
	return cmd
}

func TestTrainLeavesAFolder(t *testing.T) {
	dir, summary := finished(t)
	// The folder of a run stands for its constraints.
	if a, b := succeed(t, "", "constraints", "show", dir), succeed(t, "", "constraints", "show", "portfolio"); a != b {
		t.Errorf("the run is constrained by\n%s, its environment by\n%s", a, b)
	}
	for _, name := range []string{
		"config.yaml", "metrics.jsonl", "debias.json", "summary.json", "learning_curve.png", "learning_curve.svg",
		"checkpoints/initial.safetensors", "checkpoints/best.safetensors", "checkpoints/iteration-00000002.safetensors",
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	saved, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil || string(saved) != summary {
		t.Errorf("summary.json is not what --json prints: %v", err)
	}
	var s struct {
		Steps       int64
		Violations  int
		MaxResidual float64 `json:"max_residual"`
		Tables      []struct {
			Rows []struct{ Policy string }
		}
	}
	if err := json.Unmarshal(saved, &s); err != nil {
		t.Fatal(err)
	}
	if s.Steps != 1024 || s.Violations != 0 || !(s.MaxResidual <= 1e-9) || len(s.Tables) != 2 {
		t.Errorf("summary %s", saved)
	}
	var policies []string
	for _, r := range s.Tables[0].Rows {
		policies = append(policies, r.Policy)
	}
	want := []string{"trained policy", "trained policy, sampled", "initial policy", "initial policy, sampled",
		"uniform", "equal weights", "best constant", "optimum"}
	if !slices.Equal(policies, want) {
		t.Errorf("policies %q", policies)
	}

	var fit map[string]any
	b, _ := os.ReadFile(filepath.Join(dir, "debias.json"))
	if err := json.Unmarshal(b, &fit); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"entities", "alpha", "beta"} {
		if l, ok := fit[key].([]any); !ok || len(l) != 12 {
			t.Errorf("debias.json: %s is %v", key, fit[key])
		}
	}
	if fit["points"] != 1000. || fit["method"] != "rejection" || fit["acceptance"] == nil || len(fit) != 6 {
		t.Errorf("debias.json: %s", b)
	}

	rows, err := runfolder.Metrics(dir)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows of metrics, %v", len(rows), err)
	}
	paths, _ := checkout.Files(dir, "events.out.tfevents.*")
	if len(paths) != 1 {
		t.Fatalf("event files %v", paths)
	}
	events, err := tensorboard.Read(paths[0])
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	have := map[string]bool{}
	for _, s := range events[2].Scalars {
		have[s.Tag] = true
	}
	for _, tag := range []string{
		"rollout/return", "rollout/episode_length", "rollout/fixed_share", "rollout/max_residual",
		"train/policy_loss", "train/value_loss", "train/approx_kl", "train/clip_fraction", "train/explained_variance",
		"train/grad_norm", "train/lr", "policy/entropy", "policy/alpha_q05", "policy/alpha_q50", "policy/alpha_q95",
		"policy/beta_q50", "time/steps_per_second", "eval/return", "eval/return_sampled",
	} {
		if !have[tag] {
			t.Errorf("no scalar %s", tag)
		}
	}
}

// The configuration in a run's folder makes the same run again.
func TestConfigMakesTheSameRun(t *testing.T) {
	long.Test(t)
	dir, _ := finished(t)
	again := filepath.Join(t.TempDir(), "again")
	succeed(t, "", "--config", filepath.Join(dir, "config.yaml"), "--out", again, "--quiet")
	for _, name := range []string{"config.yaml", "debias.json", "checkpoints/iteration-00000002.safetensors"} {
		a, err1 := os.ReadFile(filepath.Join(dir, name))
		b, err2 := os.ReadFile(filepath.Join(again, name))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name, err1, err2)
		}
	}
}

func TestTrainOutput(t *testing.T) {
	long.Test(t)
	out := filepath.Join(t.TempDir(), "run")
	status, stdout, stderr := command(t, "", with("--env", "synthetic", "--out", out)...)
	if status != 0 {
		t.Fatal(stderr)
	}
	if !strings.Contains(stdout, "best found by search") || !strings.Contains(stdout, "violations (> 1e-6): 0") ||
		!strings.Contains(stdout, "run folder: "+out) {
		t.Errorf("stdout\n%s", stdout)
	}
	if lines := strings.Split(strings.TrimSpace(stderr), "\n"); len(lines) != 4 || !strings.HasPrefix(lines[0], "device: CPU") || !strings.HasPrefix(lines[3], "synthetic 100%  1,024/1,024  ") {
		t.Errorf("stderr\n%s", stderr)
	}
	out = filepath.Join(t.TempDir(), "run")
	status, stdout, stderr = command(t, "", with("--env", "compute", "--steps", "512", "--out", out, "--json", "--quiet")...)
	if status != 0 || !json.Valid([]byte(stdout)) || stderr != "" {
		t.Errorf("status %d, stdout %s, stderr %s", status, stdout, stderr)
	}
	// The run that parameters come from is named at the beginning and in the summary.
	next := filepath.Join(t.TempDir(), "run")
	status, stdout, stderr = command(t, "", with("--env", "compute", "--steps", "512", "--from", out, "--seed", "2", "--out", next)...)
	line := "parameters of " + out + "/checkpoints/iteration-"
	if status != 0 || !strings.Contains(stderr, "\nbegins with "+line) || !strings.Contains(stdout, "\nbegan with "+line) {
		t.Errorf("status %d, stdout %s, stderr %s", status, stdout, stderr)
	}
	// Its settings are taken, also where a checkpoint is named, unless a preset, file, environment or
	// algorithm is.
	files, err := filepath.Glob(filepath.Join(out, "checkpoints", "iteration-*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, from := range []string{out, files[0]} {
		next = filepath.Join(t.TempDir(), "run")
		status, _, stderr = command(t, "", "--from", from, "--seed", "3", "--out", next)
		c, err := config.Load(filepath.Join(next, "config.yaml"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status != 0 || !strings.Contains(stderr, "settings: those of "+filepath.Join(out, "config.yaml")) || c.Env.Name != "compute" || c.Seed != 3 || c.Steps != 512 {
			t.Errorf("from %s: status %d, %s with seed %d, stderr %s", from, status, c.Env.Name, c.Seed, stderr)
		}
	}
}

// eval and act satisfy limits that follow the state.
func TestLimitsThatFollowTheState(t *testing.T) {
	long.Test(t)
	dir := filepath.Join(t.TempDir(), "run")
	out := succeed(t, "", with("--env", "portfolio-limited", "--steps", "512", "--out", dir)...)
	if !strings.Contains(out, "upper bound") || !strings.Contains(out, "together: largest constraint residual") || !strings.Contains(out, "violations (> 1e-6): 0\n") {
		t.Errorf("stdout\n%s", out)
	}
	// When all of the wealth is in cash, no asset gets more than its trading limit.
	var a struct{ Action []float64 }
	out = succeed(t, "[100,1"+strings.Repeat(",0", 25)+"]", "act", dir)
	if err := json.Unmarshal([]byte(out), &a); err != nil || len(a.Action) != 13 {
		t.Fatalf("%s: %v", out, err)
	}
	for i, x := range a.Action[1:] {
		if x > portfolio.DefaultTradeLimit+1e-9 {
			t.Errorf("asset %d gets %g", i, x)
		}
	}
}

// A matrix that follows the state is that of the observation.
func TestMatrixThatFollowsTheState(t *testing.T) {
	long.Test(t)
	dir := filepath.Join(t.TempDir(), "run")
	status, out, errs := command(t, "", with("--env", "factor", "--steps", "512", "--out", dir)...)
	if status != 0 || !strings.Contains(errs, "intervals: dual simplex, since the matrix follows the state\n") {
		t.Fatalf("status %d, stderr\n%s", status, errs)
	}
	if !strings.Contains(out, "optimum") || !strings.Contains(out, "violations (> 1e-6): 0\n") || strings.Contains(out, "bases kept") {
		t.Errorf("stdout\n%s", out)
	}
	if out = succeed(t, "", "eval", dir, "--episodes", "4"); !strings.Contains(out, "trained policy") {
		t.Errorf("eval\n%s", out)
	}
	// With betas of 3 no more than 0.2 can be invested, with betas of 0 everything.
	invested := func(beta string) (sum float64) {
		obs := "[1" + strings.Repeat(",1", 11) + strings.Repeat(","+beta, 12) + "]"
		var a struct{ Action []float64 }
		out := succeed(t, obs, "act", dir, "--stochastic")
		if err := json.Unmarshal([]byte(out), &a); err != nil || len(a.Action) != 13 {
			t.Fatalf("%s: %v", out, err)
		}
		return 1 - a.Action[0]
	}
	if x := invested("3"); x > 0.2+1e-9 {
		t.Errorf("%g is invested under betas of 3", x)
	}
	if x := invested("0"); x <= 0.2 {
		t.Errorf("%g is invested under betas of 0", x)
	}
}

func TestEval(t *testing.T) {
	dir, _ := finished(t)
	var r struct {
		Step   int64
		Tables []struct {
			Title    string
			Episodes int
			Rows     []struct {
				Policy string
				Return float64
			}
		}
	}
	for _, c := range []struct {
		args     []string
		title    string
		episodes int
		first    string
	}{
		{nil, "portfolio, 8 simulated trajectories", 8, "trained policy"},
		{[]string{"--episodes", "5"}, "portfolio, 5 simulated trajectories", 5, "trained policy"},
		{[]string{"--backtest"}, "portfolio, real monthly returns 2020-12 .. 2021-12, mean over 4 starts", 4, "trained policy"},
		{[]string{"--stochastic"}, "portfolio, 8 simulated trajectories", 8, "trained policy, sampled"},
		{[]string{"--checkpoint", "best"}, "portfolio, 8 simulated trajectories", 8, "trained policy"},
	} {
		out := succeed(t, "", append([]string{"eval", dir, "--json"}, c.args...)...)
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Tables) != 1 || r.Tables[0].Title != c.title || r.Tables[0].Episodes != c.episodes || r.Tables[0].Rows[0].Policy != c.first {
			t.Errorf("eval %v: %s", c.args, out)
		}
	}
	if out := succeed(t, "", "eval", dir, "--episodes", "4"); !strings.Contains(out, "step 1024") || !strings.Contains(out, "trained policy") {
		t.Errorf("eval\n%s", out)
	}
}

func TestAct(t *testing.T) {
	dir, _ := finished(t)
	obs := "[100,1" + strings.Repeat(",0", 25) + "]"
	out := succeed(t, obs+"\n{\"obs\":"+obs+"}\n{\"obs\":"+obs+",\"id\":\"x\"}\n", "act", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 || lines[0] != lines[1] || lines[2] != `{"id":"x",`+lines[0][1:] {
		t.Fatalf("answers %s", out)
	}
	var a struct {
		Action   []float64
		Entities []string
		Residual float64
	}
	if err := json.Unmarshal([]byte(lines[0]), &a); err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, x := range a.Action {
		sum += x
	}
	if len(a.Action) != 13 || len(a.Entities) != 13 || a.Entities[0] != "CASH" || !(a.Residual <= 1e-9) || sum < 1-1e-9 || sum > 1+1e-9 {
		t.Errorf("answer %s", lines[0])
	}
	// Limits that follow the state.
	succeed(t, `{"obs":`+obs+`,"b":[0.9,0.9,0.9,0.9,0.9]}`, "act", dir)

	bad := []string{
		"[1,2,3]", "[100,1" + strings.Repeat(",null", 25) + "]", "[NaN]", "{}", "hello", `{"obs":` + obs + `,"b":[1]}`,
		`{"obs":` + obs + `,"x":1}`, "null", "3", `{"obs":null}`, `{"obs":` + obs + `,"b":[-9,-9,-9,-9,-9]}`, `["a"]`, "[1e999]",
		`{"obs":[1],"obs":` + obs + `}`, "", `{"obs":[1],"id":7}`, "[100,65" + strings.Repeat(",0", 25) + "]",
	}
	status, out, errs := command(t, strings.Join(bad, "\n")+"\n"+obs, "act", dir)
	lines = strings.Split(strings.TrimSpace(out), "\n")
	if status != 1 || len(lines) != len(bad)+1 || !strings.Contains(lines[len(bad)], `"action"`) {
		t.Fatalf("status %d, answers\n%s", status, out)
	}
	for i, line := range lines[:len(bad)] {
		var e struct{ Error string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Error == "" {
			t.Errorf("%s is answered with %s", bad[i], line)
		}
	}
	if !strings.Contains(lines[0], "the observation has 3 components, those of this run have 27") {
		t.Errorf("wrong length: %s", lines[0])
	}
	for back, want := range []string{
		"line 17: the holdings add up to 65: shares of the whole add up to 1", `{"id":7,"error":"line 16: the observation has 1 components`,
		`{"error":"line 15: the line is empty: `, `the key \"obs\" is given twice`,
	} {
		if line := lines[len(bad)-1-back]; !strings.Contains(line, want) {
			t.Errorf("got %s, want %s", line, want)
		}
	}
	if errs != "train: 17 of 18 observations could not be answered\n" {
		t.Errorf("stderr %q", errs)
	}
}

func TestExplain(t *testing.T) {
	for name, want := range map[string]string{
		"share": "share\n  How far a policy is on the way", "policy/entropy": "in nats", "ppo.lr": "ppo.lr\n  learning rate of Adam\n",
		"trained policy": "actions that are not sampled", "violations": "of the iteration",
		"auto": "whichever earns more. --preset auto what learns best", "tuned": "configs/ENV.yaml", "control": "Gymnasium", "group": "same random numbers",
		"paper": "--preset paper the published code's form in full, but for its rule of acting, the mode: ppo.deterministic_action stays auto",
	} {
		if out := succeed(t, "", "explain", name); !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("explain %s\n%s", name, out)
		}
	}
	out := succeed(t, "", "explain")
	for line := range strings.Lines(out) {
		if len(line) > 90 {
			t.Errorf("a long line: %s", line)
		}
	}
	for _, want := range []string{"metrics\n", "  eval_return: Mean return", "words\n", "  expected: ", "presets\n", "  tuned: "} {
		if !strings.Contains(out, want) {
			t.Errorf("explain lists no %q:\n%s", want, out)
		}
	}
	refused(t, `nothing is called "entropie"; did you mean entropy?`, "", "explain", "entropie")

	// Every word of a run's comparison is explained.
	_, summary := finished(t)
	var s struct {
		Tables []struct{ Rows []struct{ Policy string } }
	}
	if err := json.Unmarshal([]byte(summary), &s); err != nil {
		t.Fatal(err)
	}
	for _, row := range s.Tables[0].Rows {
		succeed(t, "", "explain", row.Policy)
	}
}

func TestConfig(t *testing.T) {
	out := succeed(t, "", "config")
	if !strings.Contains(out, "# learning rate of Adam\n  lr: 0.001") {
		t.Errorf("config\n%s", out)
	}
}
