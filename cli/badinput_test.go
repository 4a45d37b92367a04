package cli

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"paspo/internal/checkout"
	"paspo/internal/long"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// Mistakes of new users give one clear line and a status that is not 0, and leave no files behind.
func TestBadCommandLines(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.yaml")
	isFile := file(t, "a-file", "")
	t.Setenv("PASPO_LIBCUDA", missing)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"evl"}, `unknown command "evl"; did you mean "eval"?`},
		{[]string{"nonsense"}, `unknown command "nonsense"`},
		{[]string{"--sed", "3"}, "train has no flag --sed; did you mean --seed?"},
		{[]string{"--holdings", "x"}, "train has no flag --holdings; see train --help"},
		{[]string{"portfolio", "p", "--holdings", "x"}, "train portfolio has no flag --holdings: train portfolio decide has it"},
		{[]string{"decide", "p", "--holdings", "x"}, `unknown command "decide"; did you mean "portfolio decide"?`},
		{[]string{"check", "x"}, `unknown command "check"; did you mean "constraints check"?`},
		{[]string{"-z"}, "unknown shorthand flag: 'z' in -z"},
		{[]string{"--steps"}, "flag needs an argument: --steps"},
		{[]string{"--env", "porfolio"}, `env.name is "porfolio": portfolio, compute, synthetic`},
		{[]string{"--steps", "-5"}, "steps is -5: an integer of at least 1 is allowed"},
		{[]string{"--steps", "x"}, `steps is "x": an integer is allowed`},
		{[]string{"--seed", "1.5"}, `seed is "1.5": an integer from 0 to 18446744073709551615 is allowed`},
		{[]string{"--seed", "1e23"}, `seed is "1e23": an integer from 0 to 18446744073709551615 is allowed`},
		{[]string{"--constraints", "nope"}, "the presets are portfolio, compute, synthetic, unconstrained"},
		{[]string{"--set", "ppo.envs=10000000"}, "ppo.envs 10000000 with ppo.steps_per_env "},
		{[]string{"help", "nope"}, `unknown command "nope"; see train --help`},
		{[]string{"help", "evl"}, `unknown command "evl"; did you mean "eval"?`},
		{[]string{"help", "constraints", "chek"}, `unknown command "constraints chek"; did you mean "check"?`},
		{[]string{"--device", "gpu"}, "device gpu: cuda: "},
		{[]string{"--device", "tpu"}, `device is "tpu": one of auto, cpu, gpu, gpu:N is allowed`},
		{[]string{"--set", "ppo.lrr=1"}, "unknown key ppo.lrr; did you mean ppo.lr?"},
		{[]string{"--set", "ppo.lr"}, "write it as key=value"},
		{[]string{"--set", "ppo.lr=-1"}, "ppo.lr is -1: a number in (0, inf) is allowed"},
		{[]string{"--set", "ppo.minibatch=1000"}, "ppo.minibatch is 1000"},
		{[]string{"--config", missing}, "cannot read the configuration " + missing + ": no such file or directory"},
		{[]string{"--config", dir}, "is a directory"},
		{[]string{"--constraints", missing}, "missing.yaml"},
		{[]string{"--out", isFile}, "cannot make the run folder " + isFile + ": not a directory"},
		{[]string{"--out", filepath.Join(isFile, "run")}, "not a directory"},
		{[]string{"--out", ""}, "--out is empty"},
		{[]string{"--resume", missing}, "cannot open the run " + missing + ": no such file or directory"},
		{[]string{"--resume", dir}, "is no run: it has no config.yaml"},
		{[]string{"--resume", dir, "--env", "compute"}, "--resume goes on with the run's own settings: --env cannot be given with it"},
		{[]string{"config", "x"}, `unknown command "config x"`},
		{[]string{"eval"}, "train eval takes a run folder; 0 given"},
		{[]string{"eval", missing}, "no such file or directory"},
		{[]string{"eval", isFile}, "is a file: a run is a folder"},
		{[]string{"eval", dir, "--episodes", "0"}, "--episodes is 0"},
		{[]string{"eval", dir, "--episodes", "x"}, `--episodes is "x": an integer is allowed`},
		{[]string{"eval", dir, "--episodes", "99999999999"}, "--episodes is 99999999999: an integer from 2 to 100000 is allowed"},
		{[]string{"--set", "report.starts=2000000000"}, "report.starts is 2000000000: an integer from 2 to 100000 is allowed"},
		{[]string{"--set", "ppo.eval_episodes=2000000000"}, "ppo.eval_episodes is 2000000000: an integer of at most 1000000 is allowed"},
		{[]string{"act", dir, "--seed", "-2"}, `--seed is "-2": an integer from 0 to 18446744073709551615 is allowed`},
		{[]string{"constraints", "sample", "portfolio", "-n", "x"}, `--number is "x": an integer is allowed`},
		{[]string{"constraints", "bounds", "portfolio", "--solver", "x"}, `--solver is "x": one of auto, clp, explicit, lazy is allowed`},
		{[]string{"constraints", "bounds", "portfolio", "--tol", "nan"}, "--tol is NaN: a number in [0, 0.1] is allowed"},
		{[]string{"act"}, "train act takes a run folder; 0 given"},
		{[]string{"act", dir}, "is no run"},
		{[]string{"constraints"}, "constraints takes one of show, check, bounds, sample"},
		{[]string{"constraints", "chek", "portfolio"}, `unknown command "constraints chek"; did you mean "check"?`},
		{[]string{"constraints", "show"}, "takes a preset; 0 given"},
		{[]string{"constraints", "show", "portfolo"}, "portfolo"},
		{[]string{"constraints", "show", "unconstrained"}, "say how many"},
		{[]string{"constraints", "check", missing}, "missing.yaml"},
		{[]string{"constraints", "check", dir}, dir},
		{[]string{"constraints", "check", "portfolio", "--entities", "5"}, "13 entities"},
		{[]string{"constraints", "bounds", "portfolio", "--solver", "magic"}, `"magic"`},
		{[]string{"constraints", "bounds", "portfolio", "--tol", "-1"}, "-1"},
		{[]string{"constraints", "sample", "portfolio", "-n", "0"}, "-n is 0"},
		{[]string{"constraints", "sample", "portfolio", "-n", "x"}, `"x"`},
		{[]string{"constraints", "sample", "portfolio", "--method", "x"}, `"x"`},
	} {
		refused(t, c.want, "", c.args...)
	}
	if entries, _ := os.ReadDir("runs"); len(entries) > 0 {
		t.Errorf("folders are left behind: %v", entries)
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"yaml.yaml", "entities: [A, B", "yaml.yaml"},
		{"key.yaml", "entities: [A, B]\nconstraint: []", "constraint"},
		{"unbounded.yaml", "entities: [A, B]\ntotal: none\nconstraints: [{expr: \"A - B <= 1\"}]", "unbounded.yaml"},
		{"nan.yaml", "entities: [A, B]\ntotal: .nan", "nan.yaml"},
		{"token.yaml", "entities: [A, B]\nconstraints: [{name: r, expr: \"A + C <= 1\"}]", "C"},
		{"empty.yaml", "", "empty.yaml"},
		{"x.npz", "no zip", "x.npz"},
	} {
		path := file(t, c.name, c.text)
		refused(t, c.want, "", "constraints", "check", path)
		refused(t, c.want, "", with("--constraints", path, "--out", filepath.Join(t.TempDir(), "run"))...)
	}
	// Constraints of other entities than the environment's.
	out := filepath.Join(t.TempDir(), "run")
	refused(t, "entities", "", with("--constraints", file(t, "mine.yaml", mine), "--out", out)...)
	odd := "entities: [A, B]\ntotal: 1\nconstraints: [{name: z, coefficients: {A: 0}, max: 1}]" // has a warning
	refused(t, "the constraints have 2 entities", "", with("--constraints", file(t, "odd.yaml", odd), "--out", out)...)
	for env, want := range map[string]string{
		"portfolio": "are 13: --env synthetic --set env.synthetic.entities=2 --set env.synthetic.seed=1 takes any",
		"compute":   "there are 9 servers: --env synthetic --set env.synthetic.entities=2 --set env.synthetic.seed=1 takes any",
		"synthetic": "entities is 7, but the constraints have 2: --set env.synthetic.entities=2 takes them, with --set env.synthetic.seed=1, since",
	} {
		refused(t, want, "", with("--constraints", file(t, "odd.yaml", odd), "--env", env, "--out", out)...)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a run folder is left behind")
	}
	refused(t, "c.yaml:2: unknown key ppo.lrr; did you mean ppo.lr?", "", "--config", file(t, "c.yaml", "ppo:\n  lrr: 1"))
	refused(t, "c.yaml:1", "", "--config", file(t, "c.yaml", "ppo: {lr: 1"))
	refused(t, "c.yaml:2: ppo.lr is \".nan\": a finite number is allowed", "", "--config", file(t, "c.yaml", "ppo:\n  lr: .nan"))
}

func TestExistingRunIsRefused(t *testing.T) {
	dir, _ := finished(t)
	before, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "exists already", "", with("--out", dir)...)
	if after, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); err != nil || !bytes.Equal(before, after) {
		t.Error("the existing run was touched")
	}
}

// copyRun copies the finished run, so that a test can damage it.
func copyRun(t *testing.T) string {
	t.Helper()
	dir, _ := finished(t)
	to := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestDamagedCheckpoint(t *testing.T) {
	dir := copyRun(t)
	newest := filepath.Join(dir, "checkpoints", "iteration-00000002.safetensors")
	info, err := os.Stat(newest)
	if err != nil {
		t.Fatal(err)
	}
	// The process died while it wrote a checkpoint: an older one takes its place.
	if err := os.Truncate(newest, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	status, out, errs := command(t, "", "eval", dir, "--episodes", "2")
	if status != 0 || !strings.Contains(out, "step 512") || !strings.Contains(errs, "earlier checkpoint") {
		t.Errorf("status %d, stdout %s, stderr %s", status, out, errs)
	}
	if err := os.Truncate(filepath.Join(dir, "checkpoints", "iteration-00000001.safetensors"), 100); err != nil {
		t.Fatal(err)
	}
	status, _, errs = command(t, "", "act", dir)
	if status == 0 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "is damaged") {
		t.Errorf("status %d, stderr %s", status, errs)
	}
	refused(t, `checkpoint "newest": one of latest, best, initial is allowed`, "", "act", dir, "--checkpoint", "newest")
}

// A run that cannot be resumed stays unchanged, and the error says what can be done.
func TestRefusedResumption(t *testing.T) {
	dir := copyRun(t)
	before, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "--resume is empty: name the folder of a run", "", "--resume", "")
	refused(t, "--from is empty: name the folder of a run", "", "--from", "")
	refused(t, "--constraints is empty: name a file", "", "--constraints", "")
	refused(t, "steps is 100 and 1024 are done: at least 513 is allowed", "", "--resume", dir, "--steps", "100")
	if after, err := os.ReadFile(filepath.Join(dir, "config.yaml")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the configuration was written (%v)", err)
	}
	far := filepath.Join(t.TempDir(), "too far")
	status, _, errs := command(t, "", with("--env", "synthetic", "--out", far, "--quiet", "--set", "ppo.lr=1e30")...)
	want := "the run would stop there again: train anew with gentler settings, for example "
	if status != 1 || !strings.Contains(errs, want) || !strings.Contains(errs, "--config '"+far+"/config.yaml' --set ppo.lr=") {
		t.Errorf("status %d, %s", status, errs)
	}
}

// Where rewards are too large no learning rate helps.
func TestAdviceForLargeRewards(t *testing.T) {
	for _, scaled := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "large")
		c, err := config.Load("", []string{"env.name=synthetic", "debias.enabled=false", fmt.Sprint("ppo.scale_rewards=", scaled)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := agent.Start(c, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		err = interrupted(t.Context(), r, &rl.NonFiniteError{Tensor: "the return", Value: math.Inf(1), Iteration: 1, Rewards: true})
		want := "; rewards are too large: divide them in the environment"
		if !scaled {
			want = " --set ppo.scale_rewards=true"
		}
		if !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "ppo.lr") {
			t.Errorf("%v, want %q at its end", err, want)
		}
	}
}

// A policy of other constraints or another environment is an error that names the difference.
func TestWhosePolicy(t *testing.T) {
	long.Test(t)
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine.yaml")
	text := "entities: [A, B, C]\ntotal: 1\nbounds: {A: [0, 0.5]}\nconstraints:\n- A + 2*B <= 1\n# a note\n"
	if err := os.WriteFile(mine, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "own")
	small := []string{"--env", "synthetic", "--steps", "512", "--quiet", "--set", "debias.points=2000", "--set", "debias.cache_dir=", "--set",
		"ppo.epochs=1", "--set", "report.episodes=2", "--set", "ppo.eval_every=0", "--set", "env.synthetic.entities=3", "--set", "env.synthetic.seed=1"}
	succeed(t, "", append(small, "--constraints", mine, "--out", own)...)
	other := filepath.Join(dir, "other")
	succeed(t, "", append(small, "--constraints", mine, "--set", "env.synthetic.seed=2", "--out", other)...)

	replace := func(file, old, new string) func(string) {
		return func(run string) {
			path := filepath.Join(run, file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(b), old) {
				t.Fatalf("%s holds no %q", file, old)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	newest := filepath.Join("checkpoints", "iteration-00000001.safetensors")
	for _, c := range []struct {
		name string
		edit func(run string)
		want string // of the error, or of a warning where it begins with WARN
	}{
		{"swapped", replace("constraints.yaml", "[A, B, C]", "[B, A, C]"), "its entity 1 is A in [0, 0.5], that of this run B in [0, +Inf]"},
		{"cap", replace("constraints.yaml", "0.5", "0.4"), "its entity 1 is A in [0, 0.5], that of this run A in [0, 0.4]"},
		{"row", replace("constraints.yaml", "2*B", "3*B"), "its inequality 1 is A + 2*B <= 1, that of this run A + 3*B <= 1"},
		{"total", replace("constraints.yaml", "total: 1", "total: 2"), "its equality 1 is A + B + C = 1, that of this run A + B + C = 2"},
		{"comment", replace("constraints.yaml", "# a note", "# another"), "WARN"},
		{"environment", replace("config.yaml", "states: 2", "states: 3"), "its env.synthetic.states is 2, that of this run 3"},
		{"setting", replace("config.yaml", "lr: 0.001", "lr: 0.002"), "its ppo.lr is 0.001, that of this run 0.002"},
		{"policy", replace("config.yaml", "min_shape: 0.001", "min_shape: 0.002"), "its policy.min_shape is 0.001, that of this run 0.002"},
		{"empty", func(run string) {
			if err := os.Truncate(filepath.Join(run, "config.yaml"), 0); err != nil {
				t.Fatal(err)
			}
		}, "config.yaml is damaged: it does not set seed"},
		{"another run's", func(run string) {
			b, err := os.ReadFile(filepath.Join(other, newest))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(run, newest), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "its env.synthetic.seed is 2, that of this run 1"},
		{"format", replace(newest, "paspo checkpoint 2", "paspo checkpoint 1"), `its format is "paspo checkpoint 1", this version reads "paspo checkpoint 2"`},
	} {
		run := filepath.Join(dir, c.name)
		if err := os.CopyFS(run, os.DirFS(own)); err != nil {
			t.Fatal(err)
		}
		c.edit(run)
		for _, args := range [][]string{{"act", run}, {"eval", run, "--episodes", "2"}, {"--resume", run, "--quiet"}} {
			status, out, errs := command(t, "[0,1,0]\n", args...)
			if c.want == "WARN" {
				if status != 0 || !strings.Contains(errs, "level=WARN") || !strings.Contains(errs, "its text of constraints") {
					t.Errorf("%s: %v: status %d, %s", c.name, args, status, errs)
				}
			} else if status != 1 || out != "" || !strings.Contains(errs, c.want) {
				t.Errorf("%s: %v: status %d, %q; %s want %s", c.name, args, status, out, errs, c.want)
			}
		}
	}
}

// A path is taken literally, never as a pattern, and commands in messages quote it for the shell.
func TestPathsAreNoPatterns(t *testing.T) {
	long.Test(t)
	trained, _ := finished(t)
	for _, name := range []string{"a[b", `a[b-c]d back\slash st*r q? ünïcode it's %d`} {
		dir := filepath.Join(t.TempDir(), name, "run")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(trained)); err != nil {
			t.Fatal(err)
		}
		status, out, errs := command(t, "", "eval", dir, "--episodes", "2")
		if status != 0 || !strings.Contains(out, "iteration-00000002.safetensors, step 1024") {
			t.Errorf("%s: status %d, %s%s", name, status, out, errs)
		}
		succeed(t, "", "--resume", dir, "--steps", "1536", "--quiet")
		if entries, err := checkout.Files(dir, "events.out.tfevents.*"); err != nil || len(entries) != 1 {
			t.Errorf("%s: event files %q, %v", name, entries, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); err != nil || strings.Count(string(b), "\n") != 3 {
			t.Errorf("%s: metrics %s, %v", name, b, err)
		}
	}
}

// A finished run without schedules can be trained longer, with the result of a run that was trained
// that long at once.
func TestResumeLonger(t *testing.T) {
	long.Test(t)
	dir, whole := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "whole")
	succeed(t, "", with("--preset", "paper", "--out", dir, "--quiet")...)
	succeed(t, "", "--resume", dir, "--steps", "2048", "--quiet")
	succeed(t, "", with("--preset", "paper", "--steps", "2048", "--out", whole, "--quiet")...)
	sameRun(t, dir, whole, 4)
}

// sameRun checks that two runs hold the same parameters, and have recorded every
// iteration once.
func sameRun(t *testing.T, a, b string, iterations int) {
	t.Helper()
	name := fmt.Sprintf("checkpoints/iteration-%08d.safetensors", iterations)
	x, err1 := os.ReadFile(filepath.Join(a, name))
	y, err2 := os.ReadFile(filepath.Join(b, name))
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Errorf("%s differs: %v, %v", name, err1, err2)
	}
	for _, dir := range []string{a, b} {
		text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		for i, line := range lines {
			if !strings.HasPrefix(line, fmt.Sprintf(`{"iteration":%d,`, i+1)) {
				t.Errorf("%s: line %d is %.40s", dir, i+1, line)
			}
		}
		if len(lines) != iterations {
			t.Errorf("%s: %d iterations are recorded, want %d", dir, len(lines), iterations)
		}
	}
}

// waitFor waits for a file, on a loaded machine for minutes.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 5*time.Minute; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatalf("%s does not appear", path)
}

// One signal ends a run with a checkpoint and a line that says how to go on;
// kill -9 loses what follows the last checkpoint alone.
func TestInterruptAndKill(t *testing.T) {
	long.Test(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "run")
	// Long enough to be killed half-way, with enough checkpoints kept that none is removed before the
	// test sees it.
	const iterations = 40
	long := func(dir string) []string {
		return with("--out", dir, "--steps", fmt.Sprint(iterations*512), "--set", "ppo.epochs=40", "--set", "ppo.checkpoint_keep=100")
	}
	// The process dies while it starts.
	for _, after := range []time.Duration{5 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond} {
		args := long(dir)
		if runfolder.IsRun(dir) {
			args = []string{"--resume", dir}
		}
		cmd := process(ctx, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		cmd.Process.Kill()
		cmd.Wait()
	}
	begin := long(dir)
	if runfolder.IsRun(dir) {
		begin = []string{"--resume", dir}
	}
	for _, c := range []struct {
		signal syscall.Signal
		at     string
		args   []string
	}{
		{syscall.SIGINT, "iteration-00000005.safetensors", begin},
		{syscall.SIGHUP, "iteration-00000010.safetensors", []string{"--resume", dir}},
	} {
		cmd := process(ctx, c.args...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, filepath.Join(dir, "checkpoints", c.at))
		cmd.Process.Signal(c.signal)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 128+int(c.signal) || !strings.Contains(errs.String(), "go on with: ") || !strings.Contains(errs.String(), "--resume "+dir) {
			t.Fatalf("%v: exit status %d, %s", c.signal, code, errs.String())
		}
	}

	cmd := process(ctx, "--resume", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(dir, "checkpoints", "iteration-00000015.safetensors"))
	cmd.Process.Kill()
	cmd.Wait()

	succeed(t, "", "--resume", dir)
	whole := filepath.Join(t.TempDir(), "whole")
	succeed(t, "", long(whole)...)
	sameRun(t, dir, whole, iterations)
}

// A disk that fills up ends the run with one line, and the run resumes from the last checkpoint once
// there is room again.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: mounting a small disk takes root")
	}
	disk := t.TempDir()
	if err := syscall.Mount("paspo", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("SKIPPED: no tmpfs here: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir := filepath.Join(disk, "run")
	cmd := process(ctx, with("--out", dir, "--steps", "4096", "--quiet", "--set", "ppo.checkpoint_keep=100")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Run()
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	last := lines[len(lines)-1]
	if cmd.ProcessState.ExitCode() != 1 || len(lines) != 1 || !strings.HasPrefix(last, "train: ") || !strings.Contains(last, "no space left on device") || !strings.Contains(last, "--resume "+dir) {
		t.Fatalf("exit status %d, stderr\n%s", cmd.ProcessState.ExitCode(), errs.String())
	}
	if err := syscall.Mount("paspo", disk, "tmpfs", syscall.MS_REMOUNT, "size=60m"); err != nil {
		t.Fatal(err)
	}
	succeed(t, "", "--resume", dir)
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		dir := t.TempDir()
		os.Chmod(dir, 0o555)
		refused(t, "permission denied", "", with("--out", filepath.Join(dir, "run"))...)
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("paspo", disk, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("SKIPPED: no tmpfs here: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	refused(t, "read-only file system", "", with("--out", filepath.Join(disk, "run"))...)
}

// full is a writer to a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestFullOutput(t *testing.T) {
	for _, args := range [][]string{
		{"config"}, {"constraints", "show", "portfolio"}, {"constraints", "check", "portfolio"},
		{"constraints", "bounds", "portfolio"}, {"constraints", "sample", "portfolio"},
	} {
		var errs bytes.Buffer
		if status := run(context.Background(), args, strings.NewReader("[]"), full{}, &errs); status == 0 || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%v: status %d, %s", args, status, errs.String())
		}
	}
}
