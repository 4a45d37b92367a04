package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"paspo/internal/faultfs"
	_ "paspo/internal/seeded"
)

func open(t *testing.T, path, worker string) *Journal {
	t.Helper()
	j, err := Open(path, worker, nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func update(t *testing.T, j *Journal, ops ...Op) {
	t.Helper()
	if err := j.Update(context.Background(), func(*State) []Op { return ops }); err != nil {
		t.Fatal(err)
	}
}

func study() Op { return Op{Code: CreateStudy, StudyName: "s", Directions: []int{Maximize}} }

func newTrial() Op {
	id, running := 0, Running
	var none []float64
	return Op{
		Code: CreateTrial, Study: &id, State: &running, Values: &none, DatetimeStart: Now(),
		Params: map[string]float64{"x": 0.5}, Distributions: map[string]string{"x": `{"name":"FloatDistribution","attributes":{"low":0,"high":1,"log":false,"step":null}}`},
	}
}

func attribute(trial int, name string, value any) Op {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return Op{Code: SetTrialUserAttr, Trial: &trial, UserAttr: Attrs{name: b}}
}

func end(trial int, value float64) Op {
	done, values := Complete, []float64{value}
	return Op{Code: SetTrialState, Trial: &trial, State: &done, Values: &values, DatetimeComplete: Now()}
}

func TestReplays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.log")
	j := open(t, path, "a")
	update(t, j, study(), study(), newTrial(), newTrial(), attribute(0, "k", "v"), end(0, 1.5), attribute(0, "k", "late"), end(0, 2), attribute(7, "k", 1))
	for _, j := range []*Journal{j, open(t, path, "b")} {
		st := j.State()
		if len(st.Studies) != 1 || len(st.Studies[0].Trials) != 2 {
			t.Fatalf("%d studies", len(st.Studies))
		}
		a, b := st.Studies[0].Trials[0], st.Studies[0].Trials[1]
		if a.State != Complete || a.Value != 1.5 || string(a.Attr("k")) != `"v"` || b.State != Running || b.Value == b.Value || b.Attr("k") != nil {
			t.Errorf("trials %+v, %+v", a, b)
		}
		var x float64
		if err := b.Params(func(_ []byte, v float64) { x = v }); err != nil || x != 0.5 {
			t.Errorf("parameter %v, %v", x, err)
		}
	}
}

// What a writer that died has left of a line counts for nothing, and the next one cuts it
// off. Lines before are never lost.
func TestTornLines(t *testing.T) {
	for kind := faultfs.Fails; kind <= faultfs.Killed; kind++ {
		for at := 1; ; at++ {
			path := filepath.Join(t.TempDir(), "journal.log")
			j := open(t, path, "a")
			update(t, j, study(), newTrial())
			disk, restore := faultfs.Use(kind, at)
			err := j.Update(context.Background(), func(*State) []Op {
				return []Op{attribute(0, "x", strings.Repeat("x", 100)), attribute(0, "y", 2)}
			})
			restore()
			os.Remove(path + ".lock") // of a process that died
			k := open(t, path, "b")
			update(t, k, attribute(0, "z", 3))
			got := k.State().Studies[0].Trials[0]
			if string(got.Attr("z")) != "3" {
				t.Errorf("%v at %d: what follows is lost", kind, at)
			}
			if err == nil && (got.Attr("x") == nil || got.Attr("y") == nil) {
				t.Errorf("%v at %d: no error, and %s, %s", kind, at, got.Attr("x"), got.Attr("y"))
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				if !json.Valid([]byte(line)) || !strings.HasSuffix(line, "\n") {
					t.Errorf("%v at %d: %q is no line", kind, at, line)
				}
			}
			if !disk.Tripped() {
				break
			}
		}
	}
}

// A lock whose holder is dead is taken at once, one of a living holder is not.
func TestLockOfTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.log")
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip("SKIPPED: no command to run: ", err)
	}
	dead := Self()
	dead.PID, dead.Start = cmd.Process.Pid, "1"
	if err := os.WriteFile(path+".lock", dead.encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	j := open(t, path, "a")
	start := time.Now()
	update(t, j, study())
	if time.Since(start) > grace/2 {
		t.Error("the lock of a dead process was waited for")
	}
	living := Self()
	living.Nonce = "x"
	for name, content := range map[string][]byte{"a living process": living.encode(), "one that says nothing of itself": nil, "another machine": []byte(`{"host":"elsewhere","pid":1,"start":"1"}`)} {
		if err := os.WriteFile(path+".lock", content, 0o644); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if err := j.Update(ctx, func(*State) []Op { return nil }); err == nil {
			t.Errorf("the lock of %s was taken", name)
		}
		cancel()
	}
	os.Remove(path + ".lock")
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// One that shows no sign of life for long enough is dead wherever it is.
func TestStillness(t *testing.T) {
	var s stillness
	if s.since("a") > time.Second {
		t.Error("still before it was seen")
	}
	s.from = s.from.Add(-time.Hour)
	if s.since("a") < time.Hour {
		t.Error("not still after an hour")
	}
	if s.since("b") > time.Second {
		t.Error("still though it has changed")
	}
}

// Of those who append at the same time none loses a line, and each revision is given once.
func TestWritersTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.log")
	accept := func(_, before, after []byte) bool {
		a, _ := strconv.Atoi(string(before))
		b, _ := strconv.Atoi(string(after))
		return b > a
	}
	update(t, open(t, path, "first"), study(), newTrial())
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			j, err := Open(path, fmt.Sprint(w), accept)
			for i := 0; err == nil && i < each; i++ {
				err = j.Update(context.Background(), func(s *State) []Op {
					n, _ := strconv.Atoi(string(s.Studies[0].Trials[0].Attr("n")))
					return []Op{attribute(0, "n", n+1), attribute(0, fmt.Sprint(w), i)}
				})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	j, err := Open(path, "last", accept)
	if err != nil {
		t.Fatal(err)
	}
	if n := string(j.State().Studies[0].Trials[0].Attr("n")); n != fmt.Sprint(writers*each) {
		t.Errorf("%s revisions, want %d", n, writers*each)
	}
	// One that comes late has no effect.
	update(t, j, attribute(0, "n", 3))
	if n := string(j.State().Studies[0].Trials[0].Attr("n")); n != fmt.Sprint(writers*each) {
		t.Errorf("a late revision counts: %s", n)
	}
}

func TestReadOnlyFolders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.log")
	j := open(t, path, "a")
	update(t, j, study())
	_, restore := faultfs.Use(faultfs.ReadOnly, 1)
	defer restore()
	err := j.Update(context.Background(), func(*State) []Op { return []Op{newTrial()} })
	if err == nil || err.Error() != "cannot lock "+path+": read-only file system" {
		t.Errorf("error %v", err)
	}
}

// Object finds what encoding/json finds.
func TestObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(3) })
		want := rapid.MapOf(rapid.String(), value).Draw(t, "object")
		var text []byte
		var err error
		if rapid.Bool().Draw(t, "indented") {
			text, err = json.MarshalIndent(want, " ", "\t")
		} else {
			text, err = json.Marshal(want)
		}
		if err != nil {
			t.Skip(err)
		}
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(text, &whole); err != nil {
			t.Fatal(err)
		}
		found := 0
		if err := Object(text, func(name, value []byte) error {
			var key string
			if err := json.Unmarshal([]byte(`"`+string(name)+`"`), &key); err != nil {
				return err
			}
			if string(value) != string(whole[key]) {
				t.Errorf("%s is %s, want %s", key, value, whole[key])
			}
			found++
			return nil
		}); err != nil || found != len(whole) {
			t.Errorf("%s: %d of %d found, %v", text, found, len(whole), err)
		}
		// Whatever is cut off, it ends.
		cut := text[:rapid.IntRange(0, len(text)-1).Draw(t, "cut")]
		if Object(cut, func([]byte, []byte) error { return nil }) == nil {
			t.Errorf("%q is taken for whole", cut)
		}
	})
}

func anyJSON(depth int) *rapid.Generator[any] {
	all := []*rapid.Generator[any]{
		rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Float64Range(-1e9, 1e9), func(x float64) any { return x }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil),
	}
	if depth > 0 {
		all = append(all, rapid.Map(rapid.SliceOfN(anyJSON(depth-1), 0, 3), func(v []any) any { return v }),
			rapid.Map(rapid.MapOfN(rapid.String(), anyJSON(depth-1), 0, 3), func(v map[string]any) any { return v }))
	}
	return rapid.OneOf(all...)
}

func TestNumbers(t *testing.T) {
	for _, text := range []string{"0", "7", "-3", "123456789012345678", "1e3"} {
		want, wantErr := strconv.ParseInt(text, 10, 64)
		if got, err := Int([]byte(text)); got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("Int(%s) is %d, %v", text, got, err)
		}
	}
	if _, err := Int(nil); err == nil {
		t.Error("nothing is a number")
	}
	if s, err := String([]byte(`"a\nb"`)); s != "a\nb" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	if !slices.Equal([]float64{first([]byte("[1.5, 2]"), 0), first([]byte("null"), 3), first(nil, 4), first([]byte("[]"), 5)}, []float64{1.5, 3, 4, 5}) {
		t.Error("first values")
	}
}
