package policy

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestNormalizer(t *testing.T) {
	n := NewNormalizer(2, true, 0)
	z := make([]float32, 2)
	apply := func(x ...float64) {
		t.Helper()
		if err := n.Apply(z, x); err != nil {
			t.Fatal(err)
		}
	}
	if apply(5, -7); z[0] != 5 || z[1] != -7 {
		t.Errorf("before any update: %v", z)
	}
	n.Update([]float64{1, 10, 3, 10})
	if apply(4, 10); math.Abs(float64(z[0])-2) > 1e-6 || z[1] != 0 {
		t.Errorf("got %v, want 2, 0: mean 2 and deviation 1, a constant", z)
	}
	frozen := n.Clone()
	n.Update([]float64{100, 0})
	if s := frozen.Seen; s.Count != 2 || s.Mean[0] != 2 || s.Variance(0) != 1 {
		t.Errorf("the copy moved: %+v", s)
	}
	n = NewNormalizer(2, true, 1.5)
	n.Update([]float64{1, 1, -1, -1})
	if apply(9, -9); z[0] != 1.5 || z[1] != -1.5 {
		t.Errorf("clipped: %v", z)
	}
	n = NewNormalizer(2, false, 1.5)
	n.Update([]float64{1, 1, -1, -1})
	if apply(9, -9); z[0] != 9 || n.Seen.Count != 0 {
		t.Errorf("off: %v", z)
	}
	z = make([]float32, 4)
	err := n.Apply(z, []float64{1, 2, 3, 1e300})
	if err == nil || !strings.Contains(err.Error(), "component 1 of the observation of row 1, which is 1e+300,") {
		t.Errorf("an observation beyond float32: %v", err)
	}
}

// offset returns a request whose observations are far from standard.
func offset(rows, obs int, seed uint64) *Request {
	req := request(rows, obs, seed)
	for i := range req.Obs {
		j := float64(i % obs)
		req.Obs[i] = 100*j + (1+j)*req.Obs[i]
	}
	return req
}

// A backend learns from the requests that say so, applies what it knows to all,
// keeps what it applied, and hands it on with its state.
func TestLearn(t *testing.T) {
	a, b := newTestCPU(t, simplex(t, 4), 3, 16, nil), newTestCPU(t, simplex(t, 4), 3, 16, nil)
	want := NewNormalizer(3, true, 2)
	for _, c := range []*CPU{a, b} {
		s := mustState(t, c)
		s.Normalizer.On, s.Normalizer.Clip = true, 2
		if err := c.SetState(s); err != nil {
			t.Fatal(err)
		}
	}
	z := make([]float32, 16*3)
	for k, learn := range []bool{true, true, false} {
		req := offset(16, 3, uint64(k))
		req.Learn, req.Keep = learn, true
		out := sampleOn(t, a, req)
		if learn {
			want.Update(req.Obs)
		}
		if err := want.Apply(z, req.Obs); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.kept.Obs, z) {
			t.Errorf("request %d keeps %v, not %v", k, a.kept.Obs, z)
		}
		plain := offset(16, 3, uint64(k))
		for i := range z {
			plain.Obs[i] = float64(z[i])
		}
		off := newTestCPU(t, simplex(t, 4), 3, 16, nil)
		if got := sampleOn(t, off, plain).Actions; !slices.Equal(got, out.Actions) {
			t.Errorf("request %d: actions are not those of what was normalised", k)
		}
	}
	s := mustState(t, a)
	if n := s.Normalizer; !n.On || n.Clip != 2 || !reflect.DeepEqual(n.Seen.Clone(), want.Seen.Clone()) || n.Seen.Count != 32 {
		t.Errorf("the state has %+v, not %+v", n, want)
	}
	if err := b.SetState(s); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sampleOn(t, a, offset(9, 3, 9)).Actions, sampleOn(t, b, offset(9, 3, 9)).Actions) {
		t.Error("sampling differs from a state")
	}
	s.Normalizer = NewNormalizer(4, true, 0)
	if b.SetState(s) == nil {
		t.Error("a normaliser of other observations is taken")
	}
	s.Normalizer = nil
	if b.SetState(s) == nil {
		t.Error("a state without a normaliser is taken")
	}
}
