package baselines

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"paspo/ppo"
)

// A setting changes what an algorithm learns where Using names the algorithm, with costs that are to
// be 0 or that may be large, and nothing where it does not.
func TestUsing(t *testing.T) {
	b := newBandit(t)
	fields := reflect.VisibleFields(reflect.TypeFor[Config]())
	other := map[string]any{"correction": learnPredicted, "tries": 1, "cost_limit": 1.0}
	for _, name := range Names()[1:] {
		returns := func(limit float64, field int) string {
			_, _, metrics := trained(t, b, name, 4, func(c *Config, p *ppo.Config) {
				p.Envs, p.StepsPerEnv, p.Minibatch, p.Epochs, p.LR = 8, 4, 16, 2, 0.05
				c.CostLimit = limit
				if field < 0 {
					return
				}
				v := reflect.ValueOf(c).Elem().Field(field)
				if x, ok := other[fields[field].Tag.Get("yaml")]; ok {
					v.Set(reflect.ValueOf(x))
				} else {
					v.SetFloat(0.3*v.Float() + 0.01)
				}
			})
			var all strings.Builder
			for _, m := range metrics {
				fmt.Fprintf(&all, "%x ", m.Return)
			}
			return all.String()
		}
		before := []string{returns(0, -1), returns(0.02, -1)}
		for i, f := range fields {
			key := f.Tag.Get("yaml")
			if key == "name" || key == "as_published" {
				continue
			}
			changed := before[0] != returns(0, i) || before[1] != returns(0.02, i)
			if want := slices.Contains(Using(key), name); changed != want {
				t.Errorf("algo.%s changes what %s learns: %v, want %v", key, name, changed, want)
			}
		}
	}
	if Using("name") != nil || Using("as_published") != nil {
		t.Error("name and as_published are for all")
	}
}
