package tensorboard

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

var now = time.UnixMicro(1_700_000_000_250_000)

// The check value of CRC-32C is 0xe3069283 for "123456789" (Koopman's
// catalogue); the mask is that of the TFRecord format.
func TestMaskedCRC(t *testing.T) {
	c := uint32(0xe3069283)
	want := (c>>15 | c<<17) + 0xa282ead8
	if got := maskedCRC([]byte("123456789")); got != want {
		t.Errorf("masked checksum %#x, want %#x", got, want)
	}
}

// The first record of every event file of TensorBoard is known byte for byte
// up to its wall time, here 0.
func TestVersionRecord(t *testing.T) {
	got := Event{Time: time.Unix(0, 0), Version: fileVersion}.append(nil)
	want, _ := hex.DecodeString("09" + "0000000000000000" + "1a0d" + hex.EncodeToString([]byte("brain.Event:2")))
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	rec := appendRecord(nil, got)
	if hex.EncodeToString(rec[:8]) != "1800000000000000" {
		t.Errorf("length %x", rec[:8])
	}
}

func TestWriteRead(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []Scalar{{"train/lr", 1e-3, "step length"}, {"rollout/return", -2.5, ""}}
	for step := range int64(3) {
		if err := w.Write(now, step*512, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	events, err := Read(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 4 || events[0].Version != fileVersion || !events[0].Time.Equal(now) {
		t.Fatalf("events %+v", events)
	}
	for i, e := range events[1:] {
		if e.Step != int64(i)*512 || !slices.Equal(e.Scalars, want) {
			t.Errorf("event %d is %+v", i, e)
		}
		want[0].Description = "" // with the first value of a tag alone
	}
	if _, err := Create(dir, now); err == nil {
		t.Error("an existing file was overwritten")
	}
}

func TestContinueCuts(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, path string)
		step   int64
		want   []int64
	}{
		{"later steps", nil, 2, []int64{1, 2, 9}},
		{"nothing", nil, 5, []int64{1, 2, 3, 9}},
		{"all", nil, 0, []int64{9}},
		{"torn end", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()-3); err != nil {
				t.Fatal(err)
			}
		}, 5, []int64{1, 2, 9}},
		{"empty file", func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, 5, []int64{9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := Create(dir, now)
			if err != nil {
				t.Fatal(err)
			}
			for step := range int64(3) {
				if err := w.Write(now, step+1, []Scalar{{Tag: "x", Value: 1}}); err != nil {
					t.Fatal(err)
				}
			}
			w.Close()
			if c.damage != nil {
				c.damage(t, w.Path())
			}
			w, err = Continue(dir, c.step, now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(now, 9, []Scalar{{Tag: "x", Value: 1}}); err != nil {
				t.Fatal(err)
			}
			w.Close()
			events, err := Read(w.Path())
			if err != nil {
				t.Fatal(err)
			}
			if events[0].Version != fileVersion {
				t.Error("no version")
			}
			var steps []int64
			for _, e := range events[1:] {
				steps = append(steps, e.Step)
			}
			if !slices.Equal(steps, c.want) {
				t.Errorf("steps %v, want %v", steps, c.want)
			}
		})
	}
}

func TestContinueWithoutFile(t *testing.T) {
	w, err := Continue(t.TempDir(), 3, now)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if events, err := Read(w.Path()); err != nil || len(events) != 1 {
		t.Errorf("%d events, error %v", len(events), err)
	}
}

// A flipped bit costs the record that it is in and no other, and is named. So
// does a cut.
func TestDamageIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all [][]byte
		var file []byte
		var ends []int
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			data := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")
			all = append(all, data)
			file = appendRecord(file, data)
			ends = append(ends, len(file))
		}
		read := func(file []byte) (got [][]byte, damaged []span) {
			damaged, err := records(bytes.NewReader(file), func(data []byte, _ span) error {
				got = append(got, slices.Clone(data))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return got, damaged
		}
		equal := func(got, want [][]byte) bool { return slices.EqualFunc(got, want, bytes.Equal) }
		if got, damaged := read(file); !equal(got, all) || damaged != nil {
			t.Fatalf("read back %x, damaged %v", got, damaged)
		}
		bit := rapid.IntRange(0, 8*len(file)-1).Draw(t, "bit")
		hit, _ := slices.BinarySearch(ends, bit/8+1)
		file[bit/8] ^= 1 << (bit % 8)
		begin := ends[hit] - (headLen + len(all[hit]) + tailLen)
		want := slices.Delete(slices.Clone(all), hit, hit+1)
		got, damaged := read(file)
		if !equal(got, want) || !slices.Equal(damaged, []span{{int64(begin), int64(ends[hit])}}) {
			t.Fatalf("bit %d: %x, want %x; damaged %v", bit, got, want, damaged)
		}
		file[bit/8] ^= 1 << (bit % 8)
		cut := rapid.IntRange(1, len(file)-1).Draw(t, "cut")
		whole, exact := slices.BinarySearch(ends, cut)
		if exact {
			whole++
		}
		if got, damaged := read(file[:cut]); !equal(got, all[:whole]) || exact != (damaged == nil) {
			t.Fatalf("cut at %d: %x, damaged %v", cut, got, damaged)
		}
	})
}

// Good events behind a damaged one stay, and the file reads without an error.
func TestContinueKeepsWhatIsGood(t *testing.T) {
	for hit := range 4 {
		dir := t.TempDir()
		w, err := Create(dir, now)
		if err != nil {
			t.Fatal(err)
		}
		var begins []int64
		for step := range int64(3) {
			info, _ := os.Stat(w.Path())
			begins = append(begins, info.Size())
			if err := w.Write(now, step+1, []Scalar{{Tag: "x", Value: 1}}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		b, err := os.ReadFile(w.Path())
		if err != nil {
			t.Fatal(err)
		}
		b[append([]int64{0}, begins...)[hit]+9] ^= 1
		if err := os.WriteFile(w.Path(), b, 0o644); err != nil {
			t.Fatal(err)
		}
		if w, err = Continue(dir, 9, now); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(now, 4, nil); err != nil {
			t.Fatal(err)
		}
		w.Close()
		events, err := Read(w.Path())
		var steps []int64
		for _, e := range events[1:] {
			steps = append(steps, e.Step)
		}
		want := slices.DeleteFunc([]int64{1, 2, 3, 4}, func(s int64) bool { return hit > 0 && s == int64(hit) })
		if err != nil || events[0].Version != fileVersion || !slices.Equal(steps, want) {
			t.Errorf("record %d damaged: steps %v, want %v; %v", hit, steps, want, err)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(Event{Time: now, Version: fileVersion}.append(nil))
	f.Add(Event{Time: now, Step: 512, Scalars: []Scalar{{Tag: "a", Value: 1}, {Tag: "b", Value: 2}}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := parseEvent(b); err == nil {
			if _, err := parseEvent(e.append(nil)); err != nil {
				t.Errorf("%+v does not read back: %v", e, err)
			}
		}
	})
}
