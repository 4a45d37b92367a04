//go:build gpu

package sweep

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/cudatest"
	"paspo/internal/long"
)

// onGPU makes a sweep of a tiny base on a GPU.
func onGPU(t *testing.T, rest string) *Sweep {
	t.Helper()
	s := read(t, strings.Replace(fmt.Sprintf(tinyBase, 32), "device: cpu", "device: gpu", 1)+rest)
	w, err := Create(context.Background(), s, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// What trains side by side on a card, with networks of two shapes, stops where settings are
// compared and goes on, is what single runs are, whichever card it was on.
func TestGPUTrainsTogether(t *testing.T) {
	cudatest.Select(t)
	const space = `seeds: [1, 2]
search: {method: grid}
space:
  ppo.lr: {choices: [1e-3, 1e-2]}
  policy.encoder: {choices: [[4], [5]]}
`
	w := onGPU(t, space)
	workers(t, w.Dir, 1)
	returns := returnsOf(t, w)
	for setting := range returns {
		dir := w.RunDir(setting, w.Spec.Seeds[setting%2])
		same(t, dir, alone(t, dir))
	}
	pruned := onGPU(t, space+"prune: {method: asha, min_steps: 8, factor: 2}\n")
	if !cudatest.Real() {
		pruned.Device = "gpu:1"
	}
	if err := pruned.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	s, err := pruned.Status()
	if err != nil || !s.Ended() || s.Failed > 0 || s.Best < 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	if best := s.Settings[s.Best]; fmt.Sprint(best.Returns) != fmt.Sprint(returns[best.Number]) {
		t.Errorf("setting %d: %v where settings are compared, %v without", best.Number, best.Returns, returns[best.Number])
	}
}

const four = "seeds: [1, 2]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3, 1e-2]}}\n"

// A card that takes fewer trainings than there are trains some after others, and what is
// given back meanwhile is no failure.
func TestGPUWithLittleMemory(t *testing.T) {
	long.Test(t)
	cudatest.Fake(t)
	card := cudatest.Open(t, 1)
	free := func() int64 {
		t.Helper()
		n, _, err := card.Memory()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	w := onGPU(t, four)
	w.Device = "gpu:1"
	p, err := w.newPulse()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	before := free()
	claims, _, err := w.claims(context.Background(), &watch{dir: filepath.Join(w.Dir, workersDir)}, 4)
	if err != nil || len(claims) != 4 {
		t.Fatal(claims, err)
	}
	all := w.openAll(claims)
	need := before - free()
	for _, err := range all.errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	all.Close()
	if need <= 0 || free() != before {
		t.Fatalf("4 trainings take %d bytes, and leave %d of %d", need, free(), before)
	}
	for _, c := range []struct {
		part int64 // of what they need, in hundredths
		want string
	}{{60, ""}, {1, "no memory for a training"}} {
		w := onGPU(t, four)
		w.Device = "gpu:1"
		most, err := card.NewArena(before - need*c.part/100)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Work(context.Background())
		if e := most.Close(); e != nil {
			t.Fatal(e)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("memory for %d %% of the trainings: %v", c.part, err)
		}
		if s, err := w.Status(); err != nil || s.Failed > 0 || c.want == "" && s.Done != 4 {
			t.Errorf("memory for %d %% of the trainings: %+v, %v", c.part, s, err)
		}
	}
}
