package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// What does not look at its context is left behind.
func TestAwaitLeavesWhatGoesOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	began, release := make(chan bool), make(chan bool)
	defer close(release)
	go func() {
		<-began
		stop()
	}()
	_, err := await(ctx, func(context.Context) (int, error) {
		close(began)
		<-release
		return 1, nil
	})
	var status *exitError
	if !errors.As(err, &status) || status.code != 130 {
		t.Errorf("error %v, want exit status 130", err)
	}
	if v, err := await(t.Context(), func(context.Context) (int, error) { return 2, nil }); v != 2 || err != nil {
		t.Errorf("%v, %v of what has ended", v, err)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	stop()
	var out, errs bytes.Buffer
	if status := run(ctx, []string{"constraints", "check", "portfolio"}, nil, &out, &errs); status != 130 || !strings.Contains(errs.String(), "interrupted") || out.Len() > 0 {
		t.Errorf("status %d, %q, %q", status, out.String(), errs.String())
	}
}

func TestShortened(t *testing.T) {
	long := strings.Repeat("0.5*entity + ", 200) + "last <= 0.25"
	got := shortened(long)
	if len(got) > 1100 || !strings.HasPrefix(long, strings.TrimSuffix(got, " ... <= 0.25")) || !strings.HasSuffix(got, " ... <= 0.25") {
		t.Errorf("%q", got)
	}
	if short := "a + b <= 1"; shortened(short) != short {
		t.Errorf("%q", shortened(short))
	}
}
