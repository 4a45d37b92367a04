package count

import "testing"

func TestOf(t *testing.T) {
	for _, c := range []struct {
		n         int
		one, want string
	}{{0, "row", "0 rows"}, {1, "row", "1 row"}, {2, "row", "2 rows"}, {1, "entity", "1 entity"}, {3, "entity", "3 entities"}} {
		if got := Of(c.n, c.one); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestLasting(t *testing.T) {
	for seconds, want := range map[float64]string{0.4: "0s", 3661: "1h1m1s", 1e9: "277777h46m40s", 1e30: "3.17e+22 years"} {
		if got := Lasting(seconds); got != want {
			t.Errorf("%g seconds are %q, want %q", seconds, got, want)
		}
	}
}
