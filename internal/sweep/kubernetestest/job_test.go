// Package kubernetestest holds what train sweep kubernetes prints to the types of the API of
// Kubernetes. It is a module of its own, so that no other one needs them.
package kubernetestest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

const spec = `base: {preset: paper, env: {name: synthetic}}
seeds: [1]
search: {method: grid}
space: {ppo.envs: {choices: [2, 4]}}
`

// printed returns what train sweep kubernetes prints.
func printed(t *testing.T, train, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command(train, append([]string{"sweep", "kubernetes", folder, "--image", "registry.example/paspo:1", "--pvc", "claim"}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	return string(out)
}

// decode decodes a job. Fields that the API does not know or that come twice are errors.
func decode(t *testing.T, text string) *batch.Job {
	t.Helper()
	job := &batch.Job{}
	if err := yaml.UnmarshalStrict([]byte(text), job); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return job
}

func TestJob(t *testing.T) {
	dir := t.TempDir()
	train := filepath.Join(dir, "train")
	build := exec.Command("go", "build", "-o", train, "./cmd/train")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, folder := filepath.Join(dir, "sweep.yaml"), filepath.Join(dir, "A_sweep.of-mine"+strings.Repeat("x", 60))
	if err := os.WriteFile(file, []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(train, "sweep", "run", file, "--out", folder, "--jobs", "0").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	job := decode(t, printed(t, train, folder, "--max", "50", "--gpus", "2", "--memory", "3Gi"))
	if job.APIVersion != "batch/v1" || job.Kind != "Job" {
		t.Errorf("%s %s", job.APIVersion, job.Kind)
	}
	// The host names of pods are that of the job and an index, of which --max allows five digits.
	if errs := validation.IsDNS1123Label(job.Name + "-99999"); len(errs) > 0 {
		t.Errorf("name %s: %v", job.Name, errs)
	}
	s := job.Spec
	if s.CompletionMode == nil || *s.CompletionMode != batch.IndexedCompletion || s.Completions == nil || *s.Completions != 50 ||
		s.Parallelism == nil || *s.Parallelism != 50 || s.BackoffLimitPerIndex == nil || *s.BackoffLimitPerIndex < 1 || s.BackoffLimit != nil {
		t.Errorf("job %+v", s)
	}
	p := s.Template.Spec
	// What podFailurePolicy and backoffLimitPerIndex need.
	if p.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("restart policy %s", p.RestartPolicy)
	}
	if len(p.Containers) != 1 {
		t.Fatalf("%d containers", len(p.Containers))
	}
	c := p.Containers[0]
	if s.PodFailurePolicy == nil || len(s.PodFailurePolicy.Rules) != 2 {
		t.Fatalf("policy of failures %+v", s.PodFailurePolicy)
	}
	// The first rule that matches counts.
	wrong, disrupted := s.PodFailurePolicy.Rules[0], s.PodFailurePolicy.Rules[1]
	if wrong.Action != batch.PodFailurePolicyActionFailIndex || wrong.OnExitCodes == nil || wrong.OnExitCodes.Operator != batch.PodFailurePolicyOnExitCodesOpIn ||
		wrong.OnExitCodes.ContainerName == nil || *wrong.OnExitCodes.ContainerName != c.Name || !slices.Equal(wrong.OnExitCodes.Values, []int32{status(t, train, dir)}) {
		t.Errorf("rule %+v", wrong)
	}
	if disrupted.Action != batch.PodFailurePolicyActionIgnore || len(disrupted.OnPodConditions) != 1 ||
		disrupted.OnPodConditions[0].Type != core.DisruptionTarget || disrupted.OnPodConditions[0].Status != core.ConditionTrue {
		t.Errorf("rule %+v", disrupted)
	}
	pod, own := p.SecurityContext, c.SecurityContext
	if pod == nil || pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot || pod.RunAsUser == nil || *pod.RunAsUser == 0 || pod.FSGroup == nil ||
		pod.SeccompProfile == nil || pod.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("security of the pod %+v", pod)
	}
	if own == nil || own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation || own.Capabilities == nil || !slices.Equal(own.Capabilities.Drop, []core.Capability{"ALL"}) {
		t.Errorf("security of the container %+v", own)
	}
	if gpus := c.Resources.Limits["nvidia.com/gpu"]; gpus.Cmp(resource.MustParse("2")) != 0 {
		t.Errorf("GPUs %v", gpus.String())
	}
	if m := c.Resources.Limits[core.ResourceMemory]; m.Cmp(resource.MustParse("3Gi")) != 0 {
		t.Errorf("memory %v", m.String())
	}
	if len(p.Volumes) != 1 || p.Volumes[0].PersistentVolumeClaim == nil || p.Volumes[0].PersistentVolumeClaim.ClaimName != "claim" ||
		len(c.VolumeMounts) != 1 || c.VolumeMounts[0].Name != p.Volumes[0].Name {
		t.Errorf("volumes %+v, mounts %+v", p.Volumes, c.VolumeMounts)
	}
	want := []string{"sweep", "work", filepath.Join(c.VolumeMounts[0].MountPath, filepath.Base(folder))}
	if c.Image != "registry.example/paspo:1" || !slices.Equal(c.Args, want) {
		t.Errorf("image %s, arguments %v, want %v", c.Image, c.Args, want)
	}

	if out, err := exec.Command(train, "sweep", "kubernetes", folder, "--image", "i", "--pvc", "c", "--memory", "3 GB").CombinedOutput(); err == nil || !strings.Contains(string(out), `--memory is "3 GB"`) {
		t.Errorf("memory that the API refuses: %v, %s", err, out)
	}
	plain := decode(t, printed(t, train, folder)).Spec.Template.Spec.Containers[0]
	if _, ok := plain.Resources.Limits["nvidia.com/gpu"]; ok {
		t.Error("GPUs without --gpus")
	}
}

// status returns that of a worker that cannot read its sweep.
func status(t *testing.T, train, dir string) int32 {
	t.Helper()
	cmd := exec.Command(train, "sweep", "work", filepath.Join(dir, "none"))
	if err := cmd.Run(); err == nil {
		t.Fatal("a sweep that is not there is trained")
	}
	return int32(cmd.ProcessState.ExitCode())
}

// What the API does not know is refused here as it would be there.
func TestUnknownFieldsAreErrors(t *testing.T) {
	for _, text := range []string{"spec: {completionMod: Indexed}", "spec: {template: {spec: {containers: [{name: a, imag: b}]}}}"} {
		if err := yaml.UnmarshalStrict([]byte(text), &batch.Job{}); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
