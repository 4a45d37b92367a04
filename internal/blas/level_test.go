package blas

import "testing"

func TestUse(t *testing.T) {
	defer Use(Auto)
	best := Level()
	if err := Use("plain"); err != nil {
		t.Errorf("plain: %v, level %s", err, Level())
	}
	plain := Level()
	for _, name := range []string{"avx2", "avx512"} {
		if err := Use(name); err != nil && Level() != plain || err == nil && Level() == plain {
			t.Errorf("%s: %v, level %s", name, err, Level())
		}
		Use("plain")
	}
	if err := Use("sse9"); err == nil || Level() != plain {
		t.Errorf("sse9: %v, level %s", err, Level())
	}
	if err := Use(Auto); err != nil || Level() != best {
		t.Errorf("auto: %v, level %s, not %s", err, Level(), best)
	}
}
