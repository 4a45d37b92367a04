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
