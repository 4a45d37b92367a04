package decision

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Columns may have the names that brokers give them, and stand among others; what cannot be told is
// refused with what is allowed.
func TestHoldings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "h.csv")
	const names = `:1: the names are `
	for text, want := range map[string]string{
		"ticker,shares\nAAPL,10\n":   "",
		"Symbol,Quantity\nAAPL,10\n": "",
		"Symbol, Qty\nAAPL,10\n":     "",
		"shares,ticker\n10,AAPL\n":   "",
		"Account,Symbol,Description,Qty,Cost\n1,AAPL,\"Apple, Inc\",10,\"1,000\"\n": "",
		"AAPL,10\n":                         names + `"AAPL,10": "ticker,shares" are allowed, then lines such as "AAPL,10"`,
		"ticker;shares\nAAPL;10\n":          names + `"ticker;shares": "ticker,shares" are allowed, then lines such as "AAPL,10", separated by commas`,
		"ticker,shares,qty\nAAPL,10,1\n":    names + `"ticker,shares,qty"`,
		"ticker,shares\nAAPL,1,000\n":       ":2: the number of fields is 3: 2 are allowed, as in the first line, and no commas between thousands",
		"ticker,shares\nAAPL,\"1,000.5\"\n": `:2: AAPL: what is held is "1,000.5": a number with a point for decimals and nothing between thousands is allowed`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		held, err := readHoldings(file, []string{"CASH", "AAPL"}, nil, []float64{0, 0})
		if want == "" && (err != nil || !slices.Equal(held, []float64{0, 10})) || want != "" && (err == nil || !strings.HasPrefix(err.Error(), file+want)) {
			t.Errorf("%q: %v, %v", text, held, err)
		}
	}
}
