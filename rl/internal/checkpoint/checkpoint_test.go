package checkpoint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"paspo/internal/faultfs"
	"paspo/internal/long"
	"paspo/internal/stats"
	"paspo/policy"
)

// sample returns a checkpoint without empty fields.
func sample(iteration int) *Checkpoint {
	moments := func(mean ...float64) *stats.Moments {
		return &stats.Moments{Count: 5, Mean: mean, M2: slices.Repeat([]float64{2}, len(mean))}
	}
	tensors := func(x float32) []policy.Tensor {
		return []policy.Tensor{{Name: "w", Shape: []int{2, 1}, Data: []float32{x, -x}}, {Name: "b", Shape: []int{1}, Data: []float32{3 * x}}}
	}
	return &Checkpoint{
		Iteration: iteration, Step: 640, Best: Best{Return: -1.25, Iteration: 2}, Rule: policy.Mode,
		Policy: &policy.State{
			Params: tensors(1), M: tensors(0.5), V: tensors(0.25), Step: 12,
			Normalizer: &policy.Normalizer{On: true, Clip: 10, Seen: moments(1, 2, 3)},
		},
		Facts: []Fact{{Name: "problem", Value: "bandit"}, {Name: "env.bandit.noise", Value: "0.1", Minor: true}},
		Loop: Loop{
			Arithmetic: "some machine", Steps: 10_000, Streams: [][]byte{{1, 2, 3}, {4, 5, 6}}, Envs: []byte{7, 8}, Discounted: []float64{0.5, -2},
			Kept: []float64{9}, Rewards: moments(0.1), Returns: moments(0.2),
		},
	}
}

func encoded(t *testing.T, c *Checkpoint) []byte {
	t.Helper()
	b, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Decoding returns the checkpoint that was encoded.
func TestRoundTrip(t *testing.T) {
	want := sample(3)
	b := encoded(t, want)
	got, err := Decode(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	path := filepath.Join(t.TempDir(), "sub", "x.safetensors")
	if err := want.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	want.Path = path
	if got, err = Read(path); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	if again := encoded(t, got); !bytes.Equal(again, b) {
		t.Error("encoding again gives other bytes")
	}
}

// A difference of facts is an error that names it, unless the fact is minor or its value changes
// nothing.
func TestFits(t *testing.T) {
	c := sample(1)
	for _, x := range []struct {
		own  []Fact
		want string
	}{
		{c.Facts, ""},
		{[]Fact{c.Facts[0], {Name: "env.bandit.noise", Value: "0.2", Minor: true}}, ""},
		{append(slices.Clone(c.Facts), Fact{Name: "env.bandit.penalty", Value: "0"}), ""},
		{append(slices.Clone(c.Facts), Fact{Name: "env.bandit.penalty", Value: "1"}), "it has no env.bandit.penalty, that of this run is 1"},
		{[]Fact{{Name: "problem", Value: "game"}, c.Facts[1]}, "its problem is bandit, that of this run game"},
		{c.Facts[1:], "its problem is bandit, this run has none"},
	} {
		switch err := c.Fits(x.own); {
		case x.want == "" && err != nil:
			t.Errorf("%v: %v", x.own, err)
		case x.want != "" && (err == nil || err.Error() != x.want):
			t.Errorf("%v: got %v, want %q", x.own, err, x.want)
		}
	}
	c.Path = "run/x.safetensors"
	if err := c.Fits(nil); err == nil || !strings.Contains(err.Error(), c.Path) {
		t.Errorf("got %v", err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Every changed byte and every cut is found.
func TestDamageIsFound(t *testing.T) {
	long.Test(t)
	b := encoded(t, sample(3))
	want := slices.Clone(b)
	for i := range b {
		old := b[i]
		b[i] ^= 0x20
		// A space of the padding of the header may change where it is still no part of
		// the JSON.
		if c, err := Decode(b); err == nil {
			if again, err := Encode(c); err != nil || !bytes.Equal(again, want) {
				t.Errorf("byte %d of %d changed unnoticed", i, len(b))
			}
		}
		b[i] = old
	}
	for n := range b {
		if _, err := Decode(b[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes unnoticed", n, len(b))
		}
	}
}

// The newest undamaged checkpoint is used.
func TestLatestPassesOverDamage(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if _, err := f.Save(sample(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	name := func(i int) string { return filepath.Join(dir, numberedName(i)) }
	expect := func(want int) {
		t.Helper()
		c, err := Latest(dir)
		if err != nil || c.Iteration != want {
			t.Fatalf("iteration %d (%v), want %d", c.Iteration, err, want)
		}
	}
	expect(4)
	if err := os.Truncate(name(4), 1000); err != nil {
		t.Fatal(err)
	}
	expect(3)
	b, err := os.ReadFile(name(3))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-3] ^= 1
	if err := os.WriteFile(name(3), b, 0o644); err != nil {
		t.Fatal(err)
	}
	// The file of an interrupted write has no number.
	if err := os.WriteFile(filepath.Join(dir, ".paspo-0123456789abcdef.tmp"), b[:99], 0o644); err != nil {
		t.Fatal(err)
	}
	expect(2)
	if err := os.WriteFile(name(2), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Latest(dir); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), name(4)) {
		t.Errorf("got %v", err)
	}
	if _, err := Latest(t.TempDir()); err == nil {
		t.Error("an empty folder")
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(sample(1)); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	good, err := os.ReadFile(filepath.Join(dir, before[0]))
	if err != nil {
		t.Fatal(err)
	}
	const write = 2 // after opening
	_, restore := faultfs.Use(faultfs.Short, write)
	_, err = s.Save(sample(1))
	restore()
	if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), ".tmp") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	now, err := os.ReadFile(filepath.Join(dir, before[0]))
	if err != nil || !bytes.Equal(now, good) || !slices.Equal(files(t, dir), before) {
		t.Errorf("the folder holds %q, it held %q (%v)", files(t, dir), before, err)
	}
}

// Pruning keeps the last undamaged checkpoints, among them the one just written. Damaged ones do
// not count.
func TestPruneLeavesWhatReads(t *testing.T) {
	dir := t.TempDir()
	save := func(keep, iteration int) {
		t.Helper()
		s, err := Open(dir, keep)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Save(sample(iteration)); err != nil {
			t.Fatal(err)
		}
	}
	damage := func(iteration int) {
		t.Helper()
		if err := os.Truncate(filepath.Join(dir, numberedName(iteration)), 500); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want ...int) {
		t.Helper()
		var names []string
		for _, i := range want {
			names = append(names, numberedName(i))
		}
		if got := files(t, dir); !slices.Equal(got, names) {
			t.Errorf("left %q, want %q", got, names)
		}
	}
	for _, i := range []int{10, 20, 30} {
		save(9, i)
	}
	damage(30)
	save(1, 21)
	expect(21, 30)
	if c, err := Latest(dir); err != nil || c.Iteration != 21 {
		t.Errorf("latest is %+v, %v", c, err)
	}
	save(1, 30)
	expect(30)
	save(9, 40)
	damage(40)
	save(2, 50)
	expect(30, 40, 50)
}

// Differences of polytopes are named one by one, in either direction, and by the hash alone where nothing
// else differs.
func TestPolytopeDifferences(t *testing.T) {
	facts := func(of ...string) []Fact {
		all := []Fact{{Name: "number of entities", Value: "2"}, {Name: "ppo.gamma", Value: strings.Join(of, "")}, {Name: whole, Value: strings.Join(of, "")}}
		for i := 0; i < len(of); i += 2 {
			all = append(all, Fact{Name: of[i], Value: of[i+1]})
		}
		return all
	}
	for _, c := range []struct {
		theirs, ours []Fact
		want         []string
	}{
		{facts("entity 1", "A", "inequality 1", "A <= 1"), facts("entity 1", "A", "inequality 1", "A <= 1"), nil},
		{
			facts("entity 1", "A", "inequality 1", "A <= 1"), facts("entity 1", "B", "inequality 1", "B <= 1"),
			[]string{"its entity 1 is A, that of this run B", "its inequality 1 is A <= 1, that of this run B <= 1"},
		},
		{facts("entity 1", "A"), facts("entity 1", "A", "inequality 1", "A <= 1"), []string{"it has no inequality 1, this run has A <= 1"}},
		{facts("entity 1", "A", "inequality 1", "A <= 1"), facts("entity 1", "A"), []string{"its inequality 1, A <= 1, is not in this run"}},
		{[]Fact{{Name: whole, Value: "a"}}, []Fact{{Name: whole, Value: "b"}}, []string{"its sha256 of the polytope is a, that of this run b"}},
	} {
		if got := PolytopeDifferences(&Checkpoint{Facts: c.theirs}, c.ours); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
