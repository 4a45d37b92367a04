package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"paspo/internal/run/runfolder"
)

// ConfigurationStatus is the exit status of a worker that no other attempt would help:
// EX_CONFIG of sysexits.h.
const ConfigurationStatus = 78

// Slurm says how workers of a sweep run under Slurm.
type Slurm struct {
	Program   string // that has the command sweep work
	Partition string // empty for Slurm's own choice
	Time      string // limit of a job, as sbatch has it
	Gres      string // such as gpu:1, empty for none
	Workers   int    // tasks of the array, all at a time
}

// Script returns a batch script: an array of workers of the sweep in a folder. Ninety seconds before a job's limit
// its worker saves what it trains, gives it back and is queued again. At preemption, which
// is TERM, Slurm queues it itself.
func (o *Slurm) Script(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for _, f := range []struct{ flag, value string }{{"--partition", o.Partition}, {"--time", o.Time}, {"--gres", o.Gres}} {
		if strings.ContainsFunc(f.value, func(r rune) bool { return r <= ' ' || strings.ContainsRune("'\"\\$`", r) }) {
			return "", fmt.Errorf("%s is %q: a value of sbatch without spaces and quotes is allowed", f.flag, f.value)
		}
	}
	if limit, ok := slurmLimit(o.Time); !ok || limit < leastLimit {
		return "", fmt.Errorf("--time is %q: a limit of sbatch of %v or more is allowed, such as 30 (minutes), 2:00:00 or 1-12:00, as a worker is queued again ninety seconds before it",
			o.Time, leastLimit)
	}
	if strings.ContainsAny(dir, "\n'%\\") {
		return "", fmt.Errorf("the folder %q has a character that a batch script cannot name", dir)
	}
	var b strings.Builder
	b.WriteString("#!/bin/bash\n")
	sbatch := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "#SBATCH --%s=%s\n", name, value)
		}
	}
	sbatch("job-name", "sweep")
	sbatch("partition", o.Partition)
	sbatch("time", o.Time)
	sbatch("gres", o.Gres)
	sbatch("array", fmt.Sprintf("0-%d", o.Workers-1))
	sbatch("cpus-per-task", "1")
	sbatch("output", runfolder.Quote(filepath.Join(dir, "slurm-%A-%a.log")))
	sbatch("open-mode", "append")
	sbatch("signal", "B:USR1@90")
	b.WriteString("#SBATCH --requeue\n")
	fmt.Fprintf(&b, `
export GOMAXPROCS=1
worker= again= stop=
stop() { stop=1; [ -z "$worker" ] || kill -TERM $worker; }
trap 'again=1; stop' USR1 # the limit is near
trap stop TERM            # preempted
%s sweep work %s &
worker=$!
[ -z "$stop" ] || kill -TERM $worker
# wait ends at a signal too.
while wait $worker; status=$?; kill -0 $worker 2>/dev/null; do :; done
if [ "$again" ]; then
	scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
	exit 0
fi
exit $status
`, runfolder.Quote(o.Program), runfolder.Quote(dir))
	return b.String(), nil
}

// leastLimit leaves a worker time to train before it is queued again.
const leastLimit = 3 * time.Minute

var slurmTime = regexp.MustCompile(`^(?:([0-9]{1,6})-)?([0-9]{1,6})(?::([0-9]{1,6}))?(?::([0-9]{1,6}))?$`)

// slurmLimit reads a limit as sbatch has it: minutes, minutes:seconds, hours:minutes:seconds,
// or after days- hours, hours:minutes and hours:minutes:seconds. None, and 0, is the longest.
func slurmLimit(text string) (d time.Duration, ok bool) {
	const none = math.MaxInt64
	if text == "" || text == "UNLIMITED" || text == "INFINITE" || text == "-1" {
		return none, true
	}
	m := slurmTime.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	units := []time.Duration{time.Hour, time.Minute, time.Second}
	if m[1] == "" && m[4] == "" {
		units = units[1:]
	}
	add := func(text string, unit time.Duration) {
		n, _ := strconv.Atoi(text)
		d += time.Duration(n) * unit
	}
	add(m[1], 24*time.Hour)
	for i, unit := range units {
		add(m[2+i], unit)
	}
	if d == 0 {
		d = none
	}
	return d, true
}

// SlurmScript is the batch script in the folder of a sweep.
const SlurmScript = "slurm.sh"

// Submit writes the script into the folder of the sweep and gives it to sbatch. It returns
// the number of the job.
func (o *Slurm) Submit(ctx context.Context, dir string) (job string, err error) {
	text, err := o.Script(dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, SlurmScript)
	if err := runfolder.WriteFile(path, []byte(text)); err != nil {
		return "", err
	}
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "sbatch", "--parsable", path)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("there is no sbatch here: submit %s where Slurm is", path)
	case err != nil:
		return "", fmt.Errorf("sbatch refuses %s: %w: %s", path, err, strings.Join(strings.Fields(errs.String()), " "))
	}
	// Of a federation it names the cluster too.
	job, _, _ = strings.Cut(strings.TrimSpace(string(out)), ";")
	return job, nil
}

// Kubernetes says how workers of a sweep run on Kubernetes.
type Kubernetes struct {
	Image   string // whose entry point is the program
	PVC     string // claim of the volume that holds the folder of the sweep at its top
	Workers int
	GPUs    int // of a worker
	Memory  string
}

// quantity is what Kubernetes takes for an amount of memory.
var quantity = regexp.MustCompile(`^[1-9][0-9]*([KMGTPE]i|[kMGTPE])?$`)

// claimName is what Kubernetes takes for the name of a claim (RFC 1123, a subdomain).
var claimName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// imageName has the characters of an image's reference, which are host, path, tag and digest.
var imageName = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$`)

// mount is where the volume is in a container.
const mount = "/sweeps"

// Job returns an Indexed Job as YAML: one index a worker. A pod that is disrupted does not
// count as failed, and one whose configuration is wrong is not tried again.
func (o *Kubernetes) Job(dir string) (string, error) {
	if o.Image == "" || o.PVC == "" {
		return "", errors.New("--image and --pvc are needed: the image with the program, and the claim of the volume that holds the sweep")
	}
	if !imageName.MatchString(o.Image) {
		return "", fmt.Errorf("--image is %q: a reference such as registry.example.com/paspo:1 is allowed", o.Image)
	}
	if !claimName.MatchString(o.PVC) || len(o.PVC) > 253 {
		return "", fmt.Errorf("--pvc is %q: a name of lower-case letters, digits, dots and hyphens is allowed, such as sweeps-1", o.PVC)
	}
	if !quantity.MatchString(o.Memory) {
		return "", fmt.Errorf("--memory is %q: a quantity of Kubernetes such as 512Mi or 4Gi is allowed", o.Memory)
	}
	if o.GPUs < 0 {
		return "", fmt.Errorf("--gpus is %d: 0 or more are allowed", o.GPUs)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	// Kubernetes takes $(NAME) in an argument for a variable, and $$ for a dollar.
	folder := strings.ReplaceAll(filepath.Base(abs), "$", "$$")
	type m = map[string]any
	limits := m{"memory": o.Memory, "cpu": "1"}
	if o.GPUs > 0 {
		limits["nvidia.com/gpu"] = o.GPUs
	}
	job := m{
		"apiVersion": "batch/v1",
		"kind":       "Job",
		"metadata":   m{"name": jobName(filepath.Base(abs))},
		"spec": m{
			"completionMode": "Indexed", "completions": o.Workers, "parallelism": o.Workers,
			"backoffLimitPerIndex": 20,
			"podFailurePolicy": m{"rules": []m{
				{"action": "FailIndex", "onExitCodes": m{"containerName": "worker", "operator": "In", "values": []int{ConfigurationStatus}}},
				{"action": "Ignore", "onPodConditions": []m{{"type": "DisruptionTarget", "status": "True"}}},
			}},
			"template": m{"spec": m{
				"restartPolicy":                 "Never",
				"terminationGracePeriodSeconds": 60,
				"securityContext": m{
					"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "seccompProfile": m{"type": "RuntimeDefault"},
				},
				"containers": []m{{
					"name": "worker", "image": o.Image, "args": []string{"sweep", "work", mount + "/" + folder},
					"env":             []m{{"name": "GOMAXPROCS", "value": "1"}},
					"resources":       m{"requests": m{"memory": o.Memory, "cpu": "1"}, "limits": limits},
					"securityContext": m{"allowPrivilegeEscalation": false, "capabilities": m{"drop": []string{"ALL"}}},
					"volumeMounts":    []m{{"name": "sweeps", "mountPath": mount}},
				}},
				"volumes": []m{{"name": "sweeps", "persistentVolumeClaim": m{"claimName": o.PVC}}},
			}},
		},
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err = e.Encode(job)
	return b.String(), err
}

// jobName returns a name as Kubernetes allows it: lower case letters, digits and hyphens.
func jobName(folder string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(folder))
	const most = 50 // indices and suffixes of pods follow
	return strings.Trim("sweep-"+name[:min(len(name), most)], "-")
}
