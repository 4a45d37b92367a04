package expression

import (
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

func exprSymbols() *Names {
	s := NewNames([]string{"CASH", "MSFT", "BRK.B", "BRK-A", "Fund 1", "3M", "S&P"})
	s.AddGroup("TECH", []int{1, 2})
	s.AddGroup("ALL", []int{0, 1, 2, 3, 4, 5, 6})
	return s
}

func TestParseExpr(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		expr     string
		coef     []float64
		min, max float64
	}{
		{"CASH <= 0.4", []float64{1, 0, 0, 0, 0, 0, 0}, -inf, 0.4},
		{"CASH>=.5", []float64{1, 0, 0, 0, 0, 0, 0}, 0.5, inf},
		{" CASH = 1e-3 ", []float64{1, 0, 0, 0, 0, 0, 0}, 1e-3, 1e-3},
		{"CASH == 5.", []float64{1, 0, 0, 0, 0, 0, 0}, 5, 5},
		{"CASH ≤ 0.4", []float64{1, 0, 0, 0, 0, 0, 0}, -inf, 0.4},
		{"CASH ≥ 0.4", []float64{1, 0, 0, 0, 0, 0, 0}, 0.4, inf},
		{"0.4 <= CASH", []float64{1, 0, 0, 0, 0, 0, 0}, 0.4, inf},
		{"0.1 <= TECH <= 0.4", []float64{0, 1, 1, 0, 0, 0, 0}, 0.1, 0.4},
		{"0.4 >= TECH >= 0.1", []float64{0, 1, 1, 0, 0, 0, 0}, 0.1, 0.4},
		{"0.1 <= TECH + 1 <= 0.4*5", []float64{0, 1, 1, 0, 0, 0, 0}, -0.9, 1},
		{"TECH + 2*CASH <= 0.4", []float64{2, 1, 1, 0, 0, 0, 0}, -inf, 0.4},
		{"TECH <= 2*CASH + 0.1", []float64{-2, 1, 1, 0, 0, 0, 0}, -inf, 0.1},
		{"TECH + MSFT >= 0", []float64{0, 2, 1, 0, 0, 0, 0}, 0, inf},
		{"-(CASH - 2*(MSFT + 1))/4 <= 1", []float64{-0.25, 0.5, 0, 0, 0, 0, 0}, -inf, 0.5},
		{"CASH*2*3 - -MSFT <= +1", []float64{6, 1, 0, 0, 0, 0, 0}, -inf, 1},
		{"`Fund 1` + `BRK-A` + '3M' - \"CASH\" <= 1", []float64{-1, 0, 0, 1, 1, 1, 0}, -inf, 1},
		{"BRK.B+S&P<=1", []float64{0, 0, 1, 0, 0, 0, 1}, -inf, 1},
		{"2e0*CASH <= 1E+2", []float64{2, 0, 0, 0, 0, 0, 0}, -inf, 100},
		{"0*CASH <= 1", []float64{0, 0, 0, 0, 0, 0, 0}, -inf, 1},
	} {
		rows, err := Parse(c.expr, exprSymbols())
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", c.expr, len(rows), err)
			continue
		}
		row := rows[0]
		if !slices.Equal(row.Coef, c.coef) || row.Min != c.min || row.Max != c.max {
			t.Errorf("%s: %g <= %v <= %g", c.expr, row.Min, row.Coef, row.Max)
		}
	}
}

const knownNames = "known are CASH, MSFT, BRK.B, BRK-A, Fund 1, 3M, S&P, TECH, ALL"

// badExprs are constraints and what is said about them.
var badExprs = []struct{ expr, want string }{
	{"", `the end where a number, a name or ( is expected (character 1 of "")`},
	{"CASH", `the end where <=, >= or = is expected (character 5 of "CASH")`},
	{"CASH 0.4", `"0.4" where <=, >= or = is expected (character 6 of "CASH 0.4")`},
	{"CASH <= ", `the end where a number, a name or ( is expected (character 9 of "CASH <= ")`},
	{"CASH < 0.4", `"<" has no place here, write "<=" (character 6 of "CASH < 0.4")`},
	{"CASH <= 12.5%", `"12.5%" is not a number, write 0.125 for 12.5% (character 9 of "CASH <= 12.5%")`},
	{"CASH <= 20 %", `"20 %" is not a number, write 0.2 for 20% (character 9 of "CASH <= 20 %")`},
	{"7 % <= CASH", `"7 %" is not a number, write 0.07 for 7% (character 1 of "7 % <= CASH")`},
	{"CASH <= 30%", `"30%" is not a number, write 0.3 for 30% (character 9 of "CASH <= 30%")`},
	{"3M <= 1", `"3M" is not a number; if it is a name put it in backticks (character 1 of "3M <= 1")`},
	{"2 CASH <= 1", `"CASH" follows a number, write 2*CASH (character 3 of "2 CASH <= 1")`},
	{"CASH + 2 (MSFT + AAPL) <= 1", `"(" follows a number, write 2*( (character 10 of "CASH + 2 (MSFT + AAPL) <= 1")`},
	{"leverage(ALLL) <= 1", `unknown name "ALLL" (did you mean ALL?); ` + knownNames + `, and ALL for all entities (character 10 of "leverage(ALLL) <= 1")`},
	{"CAHS <= 1", `unknown name "CAHS" (did you mean CASH?); ` + knownNames + ` (character 1 of "CAHS <= 1")`},
	{"cash <= 1", `unknown name "cash" (did you mean CASH?); ` + knownNames + ` (character 1 of "cash <= 1")`},
	{"X + BRK-A <= 1", `unknown name "X"; ` + knownNames + ` (character 1 of "X + BRK-A <= 1")`},
	{"BRK-A <= 1", "unknown name \"BRK\"; write `BRK-A` (character 1 of \"BRK-A <= 1\")"},
	{"CASH + Fund 1 <= 1", "unknown name \"Fund\"; write `Fund 1` (character 8 of \"CASH + Fund 1 <= 1\")"},
	{"CASH*MSFT <= 1", `a product of two entities is not linear (character 5 of "CASH*MSFT <= 1")`},
	{"1/CASH <= 1", `a division by an entity is not linear (character 2 of "1/CASH <= 1")`},
	{"CASH/(1-1) <= 1", `a division by 0 (character 5 of "CASH/(1-1) <= 1")`},
	{"CASH => 0.4", `"=>" has no place here, write ">=" (character 6 of "CASH => 0.4")`},
	{"CASH =< 0.4", `"=<" has no place here, write "<=" (character 6 of "CASH =< 0.4")`},
	{"(CASH <= 1", `"<=" where ) is expected (character 7 of "(CASH <= 1")`},
	{"CASH) <= 1", `")" where <=, >= or = is expected (character 5 of "CASH) <= 1")`},
	{"() <= 1", `")" where a number, a name or ( is expected (character 2 of "() <= 1")`},
	{"1 <= 2", `no entity or group is named (character 1 of "1 <= 2")`},
	{"1 <= 2 <= 3", `no entity or group is named (character 1 of "1 <= 2 <= 3")`},
	{"CASH <= 1 1", `"1" where an operator or the end is expected (character 11 of "CASH <= 1 1")`},
	{"CASH <= 1 <= 2 <= 3", `"<=" where an operator or the end is expected (character 16 of "CASH <= 1 <= 2 <= 3")`},
	{"0.1 <= CASH >= 0.4", `a chain goes like 0.1 <= X <= 0.4 or 0.4 >= X >= 0.1; split it (character 13 of "0.1 <= CASH >= 0.4")`},
	{"MSFT <= CASH <= 0.4", `the outer sides of a chain are numbers; split it (character 1 of "MSFT <= CASH <= 0.4")`},
	{"`CASH <= 1", "the quote ` is not closed (character 1 of \"`CASH <= 1\")"},
	{"`` <= 1", "the name in quotes is empty (character 1 of \"`` <= 1\")"},
	{"CASH, MSFT <= 1", `"," where <=, >= or = is expected (character 5 of "CASH, MSFT <= 1")`},
	{"max(CASH, MSFT) >= 1", `max(...) can be limited only from above, as in max(A, B) <= 0.4: the set of allocations would not be convex (character 1 of "max(CASH, MSFT) >= 1")`},
	{"0.1 >= min(CASH, MSFT)", `min(...) can be limited only from below, as in min(A, B) >= 0.1: the set of allocations would not be convex (character 8 of "0.1 >= min(CASH, MSFT)")`},
	{"CASH - abs(MSFT) <= 1", `abs(...) can be limited only from above, as in abs(A - B) <= 0.1: the set of allocations would not be convex (character 8 of "CASH - abs(MSFT) <= 1")`},
	{"max(CASH, -max(MSFT, CASH)) <= 1", `max(...) can be limited only from above, as in max(A, B) <= 0.4: the set of allocations would not be convex (character 12 of "max(CASH, -max(MSFT, CASH)) <= 1")`},
	{"max(CASH, MSFT) = 1", `max(...) has no = : the set of allocations would not be convex (character 1 of "max(CASH, MSFT) = 1")`},
	{"0 <= abs(CASH - MSFT) <= 1", `abs(...) is limited from both sides by a chain: the set of allocations would not be convex (character 6 of "0 <= abs(CASH - MSFT) <= 1")`},
	{"abs(CASH, MSFT) <= 1", `abs takes one sum, 2 are given (character 1 of "abs(CASH, MSFT) <= 1")`},
	{"max(CASH, MSFT <= 1", `"<=" where , or ) is expected (character 16 of "max(CASH, MSFT <= 1")`},
	{"max() <= 1", `")" where a number, a name or ( is expected (character 5 of "max() <= 1")`},
	{"max(CASH, MSFT)*CASH <= 1", `a product of two entities is not linear (character 16 of "max(CASH, MSFT)*CASH <= 1")`},
	{"1/max(CASH, MSFT) <= 1", `a division by an entity is not linear (character 2 of "1/max(CASH, MSFT) <= 1")`},
	{"max(CASH, 2) <= 1", `it can never hold: a number is compared with a smaller one (character 1 of "max(CASH, 2) <= 1")`},
	{"max(1, 2) <= 1", `no entity or group is named (character 1 of "max(1, 2) <= 1")`},
	{"1e999*CASH <= 1", `1e999 is too large (character 1 of "1e999*CASH <= 1")`},
	{"CASH <= . ", `unknown name "."; ` + knownNames + ` (character 9 of "CASH <= . ")`},
}

func TestParseExprErrors(t *testing.T) {
	for _, c := range badExprs {
		_, err := Parse(c.expr, exprSymbols())
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n  got  %v\n  want %s", c.expr, err, c.want)
		}
	}
}

// A text that the parser accepts becomes a row of numbers, and the same row when it is written and
// parsed again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"TECH + 2*CASH <= 0.4", "0.1 <= TECH <= .4", "-(CASH - 2*(MSFT + 1))/4 >= 1e-3", "`Fund 1` = \"3M\"", "CASH ≤ 30%", "((((CASH", "max(CASH, 2*abs(MSFT - TECH)) - min(ALL, 1) <= 0.5", "1e999*CASH<=--+1",
	} {
		f.Add(s)
	}
	for _, c := range badExprs {
		f.Add(c.expr)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names := exprSymbols()
		rows, err := Parse(s, names)
		if err != nil {
			if utf8.ValidString(s) && !utf8.ValidString(err.Error()) {
				t.Errorf("an error that is not text: %q", err)
			}
			return
		}
		for _, row := range rows {
			if len(row.Coef) != len(names.Entities) {
				t.Fatalf("%d coefficients", len(row.Coef))
			}
			row.Name = "x"
			if lp.CheckRow(names.Entities, row) != nil || vec.MaxAbs(row.Coef) == 0 {
				return
			}
			text, ok := Row(names.Entities, row)
			if !ok {
				t.Fatalf("%v cannot be written", row)
			}
			again, err := Parse(text, NewNames(names.Entities))
			if err != nil || len(again) != 1 || !slices.Equal(row.Coef, again[0].Coef) || row.Min != again[0].Min || row.Max != again[0].Max {
				t.Fatalf("%s: %v is %v when written as %s (%v)", s, row, again, text, err)
			}
		}
	})
}
