package blas_test

import (
	"strings"
	"testing"

	"paspo/internal/blas"
)

func TestUse(t *testing.T) {
	defer blas.Use(blas.Auto)
	best := blas.Level()
	if err := blas.Use("plain"); err != nil {
		t.Errorf("plain: %v, level %s", err, blas.Level())
	}
	plain := blas.Level()
	for _, name := range []string{"avx2", "avx512", "neon"} {
		other := !strings.HasSuffix(plain, name)
		if err := blas.Use(name); err != nil && blas.Level() != plain || err == nil && (blas.Level() != plain) != other {
			t.Errorf("%s: %v, level %s", name, err, blas.Level())
		}
		blas.Use("plain")
	}
	if err := blas.Use("sse9"); err == nil || blas.Level() != plain {
		t.Errorf("sse9: %v, level %s", err, blas.Level())
	}
	if err := blas.Use(blas.Auto); err != nil || blas.Level() != best {
		t.Errorf("auto: %v, level %s, not %s", err, blas.Level(), best)
	}
}
