package decision

import (
	"encoding/json"
	"strings"
	"testing"

	"paspo/lp"
)

// Where no limit binds, or there is none, programs that read the decision find empty lists.
func TestEmptyLists(t *testing.T) {
	for _, upper := range []float64{1, 0.9} {
		p, err := lp.New(lp.Description{Entities: []string{"CASH", "A"}, Total: 1, Lower: []float64{0, 0}, Upper: []float64{1, upper}})
		if err != nil {
			t.Fatal(err)
		}
		var d Decision
		d.Binds, d.Nearest = slacks(p, []float64{0.5, 0.5}, nil)
		text, err := json.Marshal(d)
		if err != nil || !strings.Contains(string(text), `"binds":[]`) || strings.Contains(string(text), `"nearest":null`) {
			t.Errorf("upper bound %g: %s, %v", upper, text, err)
		}
	}
}
