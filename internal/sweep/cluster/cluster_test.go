package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// The script has the worker save and be queued again when its limit is near, leaves
// preemption to Slurm, and ends as the worker does.
func TestSlurmScript(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: no bash")
	}
	dir := t.TempDir()
	bin := t.TempDir()
	program := filepath.Join(bin, "a program")
	put := func(path, text string) {
		if err := os.WriteFile(path, []byte("#!"+bash+"\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// A worker that takes a moment to save.
	put(program, `trap 'sleep 0.2; echo "saved $*" >> "$LOG"; exit 143' TERM
echo started >> "$LOG"
[ "$QUICK" ] && exit "$QUICK"
while :; do sleep 0.05; done
`)
	put(filepath.Join(bin, "scontrol"), `echo "scontrol $*" >> "$LOG"`)
	o := Slurm{Program: program, Partition: "p", Time: "2:00:00", Gres: "gpu:1", Workers: 5}
	script, err := o.Script(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"--array=0-4", "--partition=p", "--time=2:00:00", "--gres=gpu:1", "--requeue", "--signal=B:USR1@90", "--open-mode=append"} {
		if !strings.Contains(script, "\n#SBATCH "+line+"\n") {
			t.Errorf("%s is missing in\n%s", line, script)
		}
	}
	for _, c := range []struct {
		signal syscall.Signal
		quick  string
		code   int
		log    string
	}{
		{syscall.SIGUSR1, "", 0, "started\nsaved sweep work " + dir + "\nscontrol requeue 7_3\n"},
		{syscall.SIGTERM, "", 143, "started\nsaved sweep work " + dir + "\n"},
		{0, "0", 0, "started\n"},
		{0, "78", 78, "started\n"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command(bash, "-c", script)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LOG="+log, "QUICK="+c.quick, "SLURM_ARRAY_JOB_ID=7", "SLURM_ARRAY_TASK_ID=3")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if c.signal != 0 {
			for range 30_000 { // minutes on a loaded machine
				if _, err := os.Stat(log); err == nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			cmd.Process.Signal(c.signal)
		}
		cmd.Wait()
		got, _ := os.ReadFile(log)
		if code := cmd.ProcessState.ExitCode(); code != c.code || string(got) != c.log {
			t.Errorf("signal %v, quick %q: status %d and\n%swant %d and\n%s", c.signal, c.quick, code, got, c.code, c.log)
		}
	}
	if _, err := (&Slurm{Program: "p", Partition: "a b", Workers: 1}).Script(dir); err == nil || !strings.Contains(err.Error(), `--partition is "a b"`) {
		t.Errorf("error %v", err)
	}
	// A limit before which a worker would be queued again at once would never end.
	for _, text := range []string{"xx", "2", "0:179", "2:59", "0-0:2", "1:2:3:4", "1h", "-5", "00:02:59"} {
		if _, err := (&Slurm{Program: "p", Time: text, Workers: 1}).Script(dir); err == nil || !strings.Contains(err.Error(), `--time is "`+text+`": a limit of sbatch of 3m0s or more is allowed`) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	for _, text := range []string{"", "0", "3", "3:00", "0:03:00", "1-0", "0-1", "0-0:3", "0-0:0:180", "UNLIMITED"} {
		if _, err := (&Slurm{Program: "p", Time: text, Workers: 1}).Script(dir); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestKubernetesJob(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sweep")
	o := Kubernetes{Image: "registry/paspo:1", PVC: "claim", Workers: 4, GPUs: 2, Memory: "1Gi"}
	for name, allowed := range map[string]bool{"claim": true, "a-1.b": true, "Bad_Name!": false, "a..b": false, "-a": false, strings.Repeat("a", 254): false} {
		named := o
		if named.PVC = name; allowed != func() bool { _, err := named.Job(dir); return err == nil }() {
			t.Errorf("--pvc %q: allowed is %v", name, !allowed)
		}
	}
	for name, allowed := range map[string]bool{"r.example.com:5000/a/b@sha256:0f": true, "I m": false, "-a": false, "a\n": false} {
		named := o
		if named.Image = name; allowed != func() bool { _, err := named.Job(dir); return err == nil }() {
			t.Errorf("--image %q: allowed is %v", name, !allowed)
		}
	}
	without := o
	if without.GPUs = -1; func() bool { _, err := without.Job(dir); return err == nil }() {
		t.Error("a job has -1 GPUs")
	}
	if text, err := o.Job(filepath.Join(t.TempDir(), "a$(GOMAXPROCS)$")); err != nil || !strings.Contains(text, "/sweeps/a$$(GOMAXPROCS)$$\n") {
		t.Errorf("dollars are not kept: %v\n%s", err, text)
	}
	text, err := o.Job(dir)
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Spec       struct {
			CompletionMode           string `yaml:"completionMode"`
			Completions, Parallelism int
			Backoff                  int                              `yaml:"backoffLimitPerIndex"`
			Policy                   struct{ Rules []map[string]any } `yaml:"podFailurePolicy"`
			Template                 struct {
				Spec struct {
					Containers []struct {
						Image     string
						Args      []string
						Resources struct{ Limits map[string]any }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &job); err != nil {
		t.Fatal(err)
	}
	s := job.Spec
	c := s.Template.Spec.Containers[0]
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || job.Metadata.Name != "sweep-sweep" || s.CompletionMode != "Indexed" || s.Completions != 4 || s.Parallelism != 4 ||
		s.Backoff == 0 || len(s.Policy.Rules) != 2 || c.Image != o.Image || strings.Join(c.Args, " ") != "sweep work /sweeps/sweep" || c.Resources.Limits["nvidia.com/gpu"] != 2 {
		t.Errorf("job\n%s", text)
	}
	if _, err := (&Kubernetes{Workers: 1}).Job(dir); err == nil {
		t.Error("no image and no claim, and no error")
	}
	if n := jobName("-A_b.C-"); n != "sweep--a-b-c" {
		t.Errorf("name %q", n)
	}
}
