package walkforward

import (
	"bytes"
	"regexp"
	"testing"

	"paspo/internal/run/glossary"
)

// Every column and every policy of the table is explained, under the name that it has there.
func TestTableIsExplained(t *testing.T) {
	var b bytes.Buffer
	if err := writeRows(&b, nil); err != nil {
		t.Fatal(err)
	}
	columns := regexp.MustCompile(` {2,}`).Split(string(bytes.TrimSpace(b.Bytes())), -1)
	if len(columns) < 11 {
		t.Errorf("columns %q", columns)
	}
	for _, name := range append(columns[1:], Trained, Equal, Hold, MinVariance, MeanVariance, Reversion, Gradient, BestConstant) {
		if len(glossary.Find(name)) == 0 {
			t.Errorf("%s is not explained", name)
		}
	}
}
