package spec

import "testing"

func TestSeeds(t *testing.T) {
	for text, want := range map[string]int{"7": 1, "1..10": 10, "3,5,7..9": 5, "18446744073709551615": 1} {
		var s Seeds
		if err := s.Set(text); err != nil || len(s) != want || s.String() != text {
			t.Errorf("%q: %v, %q, error %v", text, s, s.String(), err)
		}
	}
	for _, text := range []string{"", "1..", "10..1", "-1", "1,1", "1..5,3", "0..18446744073709551615", "1 2"} {
		if err := new(Seeds).Set(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}
