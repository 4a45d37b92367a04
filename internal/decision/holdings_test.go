package decision

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Columns may have the names that brokers give them; others are refused with those that are allowed.
func TestNamesOfHoldings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "h.csv")
	for names, ok := range map[string]bool{"ticker,shares": true, "Symbol,Quantity": true, "Symbol, Qty": true, "shares,ticker": false, "AAPL,10": false} {
		if err := os.WriteFile(file, []byte(names+"\nAAPL,10\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		held, err := readHoldings(file, []string{"CASH", "AAPL"}, nil, []float64{0, 0})
		if ok && (err != nil || !slices.Equal(held, []float64{0, 10})) || !ok && (err == nil || !strings.Contains(err.Error(), `"ticker,shares" are allowed, then lines such as "AAPL,10"`)) {
			t.Errorf("%s: %v, %v", names, held, err)
		}
	}
}
