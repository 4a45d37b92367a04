package cpu

import (
	"reflect"
	"slices"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// The normaliser takes statistics from requests with Learn alone, is applied to all requests,
// and is part of the state. Kept rows are the normalised observations.
func TestLearn(t *testing.T) {
	a, b := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	want := policy.NewNormalizer(3, true, 2)
	for _, c := range []*Backend{a, b} {
		s := policytest.MustState(t, c)
		s.Normalizer.On, s.Normalizer.Clip = true, 2
		if err := c.SetState(s); err != nil {
			t.Fatal(err)
		}
	}
	z := make([]float32, 16*3)
	for k, learn := range []bool{true, true, false} {
		req := policytest.OffsetRequest(16, 3, uint64(k))
		req.Learn, req.Keep = learn, true
		out := policytest.MustSample(t, a, req)
		if learn {
			want.Update(req.Obs)
		}
		if err := want.Apply(z, req.Obs); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.kept.Obs, z) {
			t.Errorf("request %d keeps %v, not %v", k, a.kept.Obs, z)
		}
		plain := policytest.OffsetRequest(16, 3, uint64(k))
		for i := range z {
			plain.Obs[i] = float64(z[i])
		}
		off := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
		if got := policytest.MustSample(t, off, plain).Actions; !slices.Equal(got, out.Actions) {
			t.Errorf("request %d: actions are not those of what was normalised", k)
		}
	}
	s := policytest.MustState(t, a)
	if n := s.Normalizer; !n.On || n.Clip != 2 || !reflect.DeepEqual(n.Seen.Clone(), want.Seen.Clone()) || n.Seen.Count != 32 {
		t.Errorf("the state has %+v, not %+v", n, want)
	}
	if err := b.SetState(s); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(policytest.MustSample(t, a, policytest.OffsetRequest(9, 3, 9)).Actions, policytest.MustSample(t, b, policytest.OffsetRequest(9, 3, 9)).Actions) {
		t.Error("sampling differs from a state")
	}
	s.Normalizer = policy.NewNormalizer(4, true, 0)
	if b.SetState(s) == nil {
		t.Error("a normaliser of other observations is taken")
	}
	s.Normalizer = nil
	if b.SetState(s) == nil {
		t.Error("a state without a normaliser is taken")
	}
}
