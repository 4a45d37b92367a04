package constraints

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/lp"
)

const handWritten = `
# a fund
name: my fund
entities: [CASH, MSFT, AMZN, BRK.B, Fund 1, NO, 7203]
bounds:
  MSFT: [0, 0.3]
  CASH: [0.05, .inf]
  NO: [-0.1, null]
groups: {TECH: [MSFT, AMZN], OLD: [BRK.B, "7203"]}
constraints:
  - {name: tech, expr: "TECH + 2*CASH <= 0.4"}
  - "0.1 <= TECH <= 0.35"
  - {name: r2, coefficients: {MSFT: 2, OLD: 0.5}, min: 0.1, max: 0.5}
  - {name: r3, coefficients: {CASH: 1, MSFT: -2}, max: 0}
  - {name: fund, expr: '2*(` + "`Fund 1` - BRK.B/4" + `) >= MSFT - 1'}
  - {name: even, coefficients: {NO: 1, "7203": -1}, equal: 0}
`

func TestParse(t *testing.T) {
	p, err := Parse("dir/fund.yaml", []byte(handWritten))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name() != "my fund" || strings.Join(p.Entities(), "|") != "CASH|MSFT|AMZN|BRK.B|Fund 1|NO|7203" {
		t.Errorf("%q %q", p.Name(), p.Entities())
	}
	inf := math.Inf(1)
	l, u := p.Bounds()
	if !slices.Equal(l, []float64{0.05, 0, 0, 0, 0, -0.1, 0}) || !slices.Equal(u, []float64{inf, 0.3, inf, inf, inf, inf, inf}) {
		t.Errorf("bounds %v %v", l, u)
	}
	a, b, names := p.Inequalities()
	want := []struct {
		name string
		coef []float64
		b    float64
	}{
		{"tech", []float64{2, 1, 1, 0, 0, 0, 0}, 0.4},
		{"0.1 <= TECH <= 0.35", []float64{0, 1, 1, 0, 0, 0, 0}, 0.35},
		{"0.1 <= TECH <= 0.35", []float64{0, -1, -1, 0, 0, 0, 0}, -0.1},
		{"r2", []float64{0, 2, 0, 0.5, 0, 0, 0.5}, 0.5},
		{"r2", []float64{0, -2, 0, -0.5, 0, 0, -0.5}, -0.1},
		{"r3", []float64{1, -2, 0, 0, 0, 0, 0}, 0},
		{"fund", []float64{0, 1, 0, 0.5, -2, 0, 0}, 1},
	}
	if len(b) != len(want) {
		t.Fatalf("rows %q", names)
	}
	for k, w := range want {
		if names[k] != w.name || b[k] != w.b || !slices.Equal(a[7*k:7*k+7], w.coef) {
			t.Errorf("row %d: %s %v <= %g, want %v", k, names[k], a[7*k:7*k+7], b[k], w)
		}
	}
	e, f, names := p.Equalities()
	if !slices.Equal(e, []float64{1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, -1}) || !slices.Equal(f, []float64{1, 0}) || !slices.Equal(names, []string{"total = 1", "even"}) {
		t.Errorf("equalities %v %v %q", e, f, names)
	}
}

func TestParseOtherTotals(t *testing.T) {
	p, err := Parse("x.yaml", []byte("entities: [A, B]\ntotal: 1e6\n"))
	if err != nil || p.Name() != "x" {
		t.Fatal(p, err)
	}
	if _, f, names := p.Equalities(); f[0] != 1e6 || names[0] != "total = 1e+06" {
		t.Errorf("%v %q", f, names)
	}
	p, err = Parse("x.yaml", []byte("entities: [A, B]\ntotal: none\nbounds: {A: [-1, 1], B: [2, 3]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, f, _ := p.Equalities(); len(f) != 0 {
		t.Errorf("equalities %v", f)
	}
}

// The error of an empty polytope lists the constraints in conflict with what they say.
func TestConflictWithNumbers(t *testing.T) {
	_, err := Parse("x.yaml", []byte("entities: [A, B, C]\ngroups: {G: [A, B]}\nbounds: {A: [0.5, 1], B: [0.3, 1]}\nconstraints:\n- {name: cap, expr: G <= 0.7}\n"))
	var empty *lp.EmptyError
	if !errors.As(err, &empty) || !slices.Equal(empty.Conflict, []string{"cap: A + B <= 0.7", "A >= 0.5", "B >= 0.3"}) {
		t.Errorf("%v", err)
	}
	_, err = Parse("x.yaml", []byte("entities: [A, B]\nconstraints: [A + 2*B <= 0.5, {name: 下限, coefficients: {A: 1, B: 1}, min: 0.2, max: 0.5}]\n"))
	if !errors.As(err, &empty) || !slices.Equal(empty.Conflict, []string{"total = 1", "A + 2*B <= 0.5"}) && !slices.Equal(empty.Conflict, []string{"total = 1", "下限: 0.2 <= A + B <= 0.5"}) {
		t.Errorf("%v", err)
	}
}

// A total between limits, bounds of all others and bounds of a group.
func TestShortForms(t *testing.T) {
	p, err := Parse("x.yaml", []byte("entities: [A, B, C, D]\ntotal: {min: 0.5, max: 1}\ngroups: {G: [A, B], H: [C]}\n"+
		"bounds: {B: [-1, 1], default: [0, 0.4], G: [0.1, .inf], H: [-.inf, .inf]}\nconstraints: [A <= 0.2]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if l, u := p.Bounds(); !slices.Equal(l, []float64{0, -1, 0, 0}) || !slices.Equal(u, []float64{0.4, 1, 0.4, 0.4}) {
		t.Errorf("bounds %v %v", l, u)
	}
	if _, f, _ := p.Equalities(); len(f) != 0 {
		t.Errorf("equalities %v", f)
	}
	a, b, names := p.Inequalities()
	if !slices.Equal(names, []string{"total", "total", "G", "A <= 0.2"}) || !slices.Equal(b, []float64{1, -0.5, -0.1, 0.2}) ||
		!slices.Equal(a[:4], []float64{1, 1, 1, 1}) || !slices.Equal(a[8:12], []float64{-1, -1, 0, 0}) {
		t.Errorf("rows %q %v %v", names, a, b)
	}
	roundTrip(t, p)

	p, err = within(t, "total: {max: 1}\nbounds: {default: [-0.5, .inf], a2: [0, 1], a3: [-1, 0]}", testBox())
	if err != nil {
		t.Fatal(err)
	}
	if l, u := p.Bounds(); !slices.Equal(l, []float64{-0.5, -0.5, 0, -1}) || !slices.Equal(u, []float64{1, 2, 1, 0}) {
		t.Errorf("bounds in a box %v %v", l, u)
	}
	if _, err := within(t, "bounds: {default: [-0.5, 0.5]}", testBox()); err == nil || !strings.Contains(err.Error(), "bounds of a2: [-0.5, 0.5] reaches beyond [0, 1]") {
		t.Errorf("error %v", err)
	}
}

const three = "entities: [CASH, MSFT, AMZN]\n"

// badFiles are files of constraints and what is said about them.
var badFiles = []struct{ file, want string }{
	{"", "f.yaml: the file is empty"},
	{"# nothing\n", "f.yaml: the file is empty"},
	{"~\n", "f.yaml:1: the file: a mapping is expected, with name, entities, total, bounds, groups, constraints, points, generate, facet_effort, holdings, not nothing"},
	{"[1, 2]\n", "f.yaml:1: the file: a mapping is expected, with name, entities, total, bounds, groups, constraints, points, generate, facet_effort, holdings, not a list"},
	{"total: 1\n", "f.yaml:1: entities are missing: list them like entities: [CASH, MSFT]"},
	{"entities: [A\ntotal: 1\n", "f.yaml:1: not valid YAML: did not find expected ',' or ']'"},
	{three + "constraints: [`A` <= 1]\n", "f.yaml:2: not valid YAML: found character that cannot start any token; put the text in quotes"},
	{three + "constraints:\n\t- A <= 1\n", "f.yaml:3: not valid YAML: found character that cannot start any token; indent with spaces, not tabs"},
	{three + "---\n" + three, "f.yaml:2: a second document begins; a file holds one"},
	{"entitys: [A]\n", `f.yaml:1: the file: unknown key "entitys" (did you mean entities?); known are name, entities, total, bounds, groups, constraints, points, generate, facet_effort, holdings`},
	{three + three, "f.yaml:2: the file: entities is given twice, first in line 1"},
	{"entities: CASH\n", `f.yaml:1: entities: a list is expected, like [CASH, MSFT], not "CASH"`},
	{"entities: []\n", "f.yaml:1: entities: 0 are listed; 1 to 10000 are allowed"},
	{"entities:\n- A\n- B\n- A\n", "f.yaml:4: entity 3: A is listed twice"},
	{"entities: [A, null]\n", `f.yaml:1: entity 2: a name is expected, not nothing; put it in quotes if it is "null"`},
	{"entities: [A, [B]]\n", "f.yaml:1: entity 2: a name is expected, not a list"},
	{"entities: [A, \"B\\n\"]\n", `f.yaml:1: entity 2: the name "B\n" begins or ends with a space`},
	{"entities: [A, \"\"]\n", `f.yaml:1: entity 2: the name is empty`},
	{"entities: &x [A, B]\ngroups: {G: *x}\n", `f.yaml:2: group G: a list of entities is expected, like [CASH, MSFT]`},
	{"entities: &x [A, B]\nbounds: *x\n", `f.yaml:2: bounds: a mapping is expected, like {MSFT: ...}, not an alias (*x), which these files do not take`},
	{three + "total: one\n", `f.yaml:2: total: a number is expected, not "one"; none means no budget`},
	{three + "total: \"1\"\n", `f.yaml:2: total: a number is expected, not "1"; none means no budget`},
	{three + "total: .nan\n", `f.yaml:2: total: a number is expected, not ".nan"; none means no budget`},
	{three + "constraints:\n  - {coefficients: {MSFT: 1}, max: 2e30}\n", `f.yaml:3: constraint 1, max: 2e30 is too large (at most 1e+30)`},
	{three + "total: 1e300\n", `f.yaml:2: total: 1e300 is too large (at most 1e+15); none means no budget`},
	{three + "total: 0x10\n", `f.yaml:2: total: a number is expected, not "0x10"; none means no budget`},
	{three + "bounds: {MSTF: [0, 1]}\n", `f.yaml:2: bounds: unknown name "MSTF" (did you mean MSFT?); known are CASH, MSFT, AMZN, and default for all others`},
	{three + "bounds: {CASH:2}\n", `f.yaml:2: bounds: CASH:2 needs a space after the colon: CASH: 2`},
	{three + "bounds: {CASH:[0, 1]}\n", `f.yaml:1: not valid YAML: did not find expected ',' or '}'; a colon needs a space after it`},
	{three + "bounds: {dflt: [0, 1]}\n", `f.yaml:2: bounds: unknown name "dflt"; known are CASH, MSFT, AMZN, and default for all others`},
	{three + "bounds: {defualt: [0, 1]}\n", `f.yaml:2: bounds: unknown name "defualt" (did you mean default?); known are CASH, MSFT, AMZN, and default for all others`},
	{three + "groups: {TECH: [MSFT, AMZN]}\nbounds: {TEHC: [0, 1]}\n", `f.yaml:3: bounds: unknown name "TEHC" (did you mean TECH?); known are CASH, MSFT, AMZN, TECH, and default for all others`},
	{three + "bounds:\n  MSFT: 0.3\n", "f.yaml:3: bounds of MSFT: two numbers are expected, like [0, 0.3]; .inf means no bound"},
	{three + "bounds: {MSFT: [0.4, 0.3]}\n", "f.yaml:2: bounds of MSFT: the lower, 0.4, is above the upper, 0.3"},
	{three + "constraints:\n- {name: a (1), expr: CASH <= 1}\n- {name: a, expr: abs(CASH - MSFT) <= 0.1}\n", "f.yaml:4: constraint a has 2 rows, called a (1), a (2), ..: the one in line 3 has the same name as one of them"},
	{three + "constraints:\n- {name: a, expr: abs(CASH - MSFT) <= 0.1}\n- {name: a (2), expr: CASH <= 1}\n", "f.yaml:4: constraint a (2): a row of the one in line 3 has the same name"},
	{three + "groups: {G: [CASH]}\nconstraints: [sum(G) <= 0.4]\n", `f.yaml:3: constraint 1, expr: unknown function "sum": the name of a group alone is the sum of its entities, as in TECH <= 0.4, and others are added, as in A + B <= 0.4 (character 1 of "sum(G) <= 0.4")`},
	{three + "bounds: {MSFT: [.inf, 0.3]}\n", `f.yaml:2: lower bound of MSFT: a number is expected, not ".inf"`},
	{three + "bounds: {MSFT: [0, x]}\n", `f.yaml:2: upper bound of MSFT: a number is expected, not "x"`},
	{three + "bounds: {MSFT: [0, 15%]}\n", `f.yaml:2: upper bound of MSFT: a number is expected, not "15%": write 0.15 for 15%`},
	{three + "bounds: {default: [-2.5 %, 1]}\n", `f.yaml:2: lower bound of CASH: a number is expected, not "-2.5 %": write -0.025 for -2.5 %`},
	{three + "bounds: {MSFT: [0, x%]}\n", `f.yaml:2: upper bound of MSFT: a number is expected, not "x%"`},
	{three + "groups: {G: [CASH]}\nbounds: {G: [1, 0]}\n", `f.yaml:3: bounds of G: the lower, 1, is above the upper, 0`},
	{three + "groups: {G: [CASH]}\nbounds: {G: 0.4}\n", `f.yaml:3: bounds of G: two numbers are expected, like [0, 0.3]; .inf means no bound`},
	{three + "groups: {G: [CASH]}\nbounds: {G: [0, 1]}\nconstraints: [{name: G, expr: CASH <= 1}]\n", `f.yaml:4: constraint G: the one in line 3 has the same name`},
	{three + "bounds: {default: [0.4, 0.3]}\n", "f.yaml:2: bounds of CASH: the lower, 0.4, is above the upper, 0.3"},
	{three + "total: {max: one}\n", `f.yaml:2: total, max: a number is expected, not "one"`},
	{three + "total: {most: 1}\n", `f.yaml:2: total: unknown key "most"; known are min, max`},
	{three + "total: {}\n", `f.yaml:2: total: it needs min or max, like {max: 1}`},
	{three + "total: {min: 2, max: 1}\n", `f.yaml:2: total: the min, 2, is above the max, 1`},
	{three + "total: {max: 1}\nconstraints: [{name: total, expr: CASH <= 1}]\n", `f.yaml:3: constraint total: the one in line 2 has the same name`},
	{three + "groups: {CASH: [MSFT]}\n", "f.yaml:2: group CASH: an entity has this name"},
	{three + "groups: {G: [MSFT, MSFT]}\n", "f.yaml:2: group G: MSFT is listed twice"},
	{three + "groups: {G: [MSFT], H: [G]}\n", "f.yaml:2: group H: G is a group where an entity is expected"},
	{three + "groups: {G: [TSLA]}\n", `f.yaml:2: group G: unknown entity "TSLA"; known are CASH, MSFT, AMZN`},
	{three + "groups: {G: []}\n", "f.yaml:2: group G: a list of entities is expected, like [CASH, MSFT]"},
	{three + "constraints: {a: 1}\n", "f.yaml:2: constraints: a list is expected, not a mapping"},
	{three + "constraints:\n- {name: x, expr: CASH <= 1}\n- {name: x, expr: MSFT <= 1}\n", "f.yaml:4: constraint x: the one in line 3 has the same name"},
	{three + "constraints:\n- {name: tech, exp: CASH <= 1}\n", `f.yaml:3: constraint tech: unknown key "exp" (did you mean expr?); known are name, expr, coefficients, abs, terms, min, max, equal`},
	{three + "constraints:\n- {name: tech, max: 1}\n", "f.yaml:3: constraint tech: it needs expr, coefficients with min, max or equal, or abs with max"},
	{three + "constraints:\n- {name: tech, expr: CASH <= 1, max: 1}\n", "f.yaml:3: constraint tech: max goes with coefficients; an expr states its own limit"},
	{three + "constraints:\n- {name: tech, expr: CASH <= 1, coefficients: {CASH: 1}}\n", "f.yaml:3: constraint tech: expr and coefficients cannot stand together"},
	{three + "constraints:\n- {name: tech, coefficients: {CASH: 1}}\n", "f.yaml:3: constraint tech limits nothing: it has neither min nor max"},
	{three + "constraints:\n- {name: tech, coefficients: {CASH: 1}, equal: 1, max: 2}\n", "f.yaml:3: constraint tech: equal cannot stand with min or max"},
	{three + "constraints:\n- {name: tech, coefficients: {CASH: 1}, min: 1, max: 0.5}\n", "f.yaml:3: constraint tech: min, 1, is above max, 0.5"},
	{three + "constraints:\n- {name: tech, coefficients: {CASH: x}, min: 1}\n", `f.yaml:3: constraint tech, coefficient of CASH: a number is expected, not "x"`},
	{three + "constraints:\n- {name: tech, coefficients: {CASH: 0}, min: 1}\n", "f.yaml: the limits leave nothing: no allocation satisfies tech: 0 >= 1"},
	{three + "constraints:\n- {name: tech, coefficients: {CSH: 1}, max: 1}\n", `f.yaml:3: constraint tech, coefficients: unknown name "CSH" (did you mean CASH?); known are CASH, MSFT, AMZN`},
	{three + "constraints:\n- {name: tech, expr: CASH + TEHC <= 0.4}\ngroups: {TECH: [MSFT]}\n", `f.yaml:3: constraint tech, expr: unknown name "TEHC" (did you mean TECH?); known are CASH, MSFT, AMZN, TECH (character 8 of "CASH + TEHC <= 0.4")`},
	{three + "constraints:\n- CASH + 1 <= CASH\n", "f.yaml: the limits leave nothing: no allocation satisfies CASH + 1 <= CASH"},
	{three + "constraints:\n- {name: tech, expr: [1]}\n", `f.yaml:3: constraint tech, expr: text is expected, like "TECH + 2*CASH <= 0.4", not a list`},
	{three + "constraints:\n- \n", `f.yaml:3: constraint 1, expr: text is expected, like "TECH + 2*CASH <= 0.4", not nothing`},
	{three + "constraints:\n- {name: big, expr: 1e308*10*CASH <= 1}\n", "f.yaml:3: constraint big, coefficient of CASH: +Inf is not a number of at most 1e+30"},
	{three + "bounds: {CASH: [2, 30]}\n", "f.yaml: the limits leave nothing: no allocation satisfies all of total = 1; CASH >= 2 (of a total of 1: 2% is 0.02); MSFT >= 0; AMZN >= 0"},
	{three + "constraints: [CASH >= 0.6, {name: half, expr: MSFT >= 0.5}]\n", "f.yaml: the limits leave nothing: no allocation satisfies all of total = 1; CASH >= 0.6; half: MSFT >= 0.5; AMZN >= 0"},
	{"entities: [A, B]\ntotal: none\n", "f.yaml: polytope f is unbounded: A can grow without end; give it an upper bound or a total"},
	{"points: [[0.5, 0.5], [1]]\n", "f.yaml:1: point 2 has 1 number for 2 entities"},
	{"points: [[0.5, x]]\n", `f.yaml:1: point 1, E2: a number is expected, not "x"`},
	{"points: []\n", "f.yaml:1: points: a list of points is expected, like [[0.2, 0.8], [0.6, 0.4]]"},
	{"points: [[1, 2]]\ntotal: 1\n", "f.yaml:1: point 1: its sum is 3 and the total 1"},
	{"points: [[1, 2]]\nbounds: {}\n", "f.yaml:2: points and bounds cannot stand together"},
	{"points: [[1, 0]]\nfacet_effort: 0\n", `f.yaml:2: facet_effort: an integer from 1 to 1000000 is expected, not "0"`},
	{"entities: [A]\nfacet_effort: 1\n", "f.yaml:2: facet_effort is for the hull of points, and there are none"},
	{"generate: {method: rejection, entities: 3}\n", `f.yaml:1: generate, method: one of points, rejection_sampling, portfolio, unconstrained is expected, not "rejection"`},
	{"generate: {entities: 3}\n", `f.yaml:1: generate, method: one of points, rejection_sampling, portfolio, unconstrained is expected, not ""`},
	{"generate: {method: unconstrained}\n", "f.yaml:1: generate: entities are missing, a number"},
	{"generate: {method: unconstrained, entities: 3, seed: 1}\n", "f.yaml:1: generate: method unconstrained does not take seed, only entities"},
	{"generate: {method: rejection_sampling, entities: 0}\n", `f.yaml:1: generate, entities: an integer from 1 to 10000 is expected, not "0"`},
	{"generate: {method: rejection_sampling, entities: 3, seed: -1}\n", `f.yaml:1: generate, seed: an integer from 0 to 18446744073709551615 is expected, not "-1"`},
	{"entities: [A]\ngenerate: {method: unconstrained, entities: 2}\n", "f.yaml:2: generate: 2 entities where 1 are listed"},
}

func TestParseErrors(t *testing.T) {
	for _, c := range badFiles {
		_, err := Parse("f.yaml", []byte(c.file))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q:\n  got  %v\n  want %s", c.file, err, c.want)
		}
	}
}

func TestReadFileErrors(t *testing.T) {
	dir := t.TempDir()
	directory := filepath.Join(dir, "d.yaml")
	if err := os.Mkdir(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{filepath.Join(dir, "none.yaml"), "no such file or directory"},
		{filepath.Join(dir, "x.json"), "a file of constraints ends in .yaml, .yml or .npz"},
		{directory, "is a directory"},
	} {
		if _, err := ReadFile(c.path); err == nil || err.Error() != c.path+": "+c.want {
			t.Errorf("got %v, want %s: %s", err, c.path, c.want)
		}
	}
	path := filepath.Join(dir, "empty.YAML")
	if err := os.WriteFile(path, []byte("entities: [A, B]\nbounds: {A: [0, 0.1], B: [0, 0.1]}"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadFile(path)
	var empty *lp.EmptyError
	if !errors.As(err, &empty) || !slices.Equal(empty.Conflict, []string{"total = 1", "A <= 0.1", "B <= 0.1"}) {
		t.Errorf("%v", err)
	}
}

// Files that would take long or much memory are refused or read soon.
func TestParseHostile(t *testing.T) {
	deep := "entities: [A, B]\nconstraints: [\"" + strings.Repeat("(", 30_000) + "A <= 1\"]\n"
	if _, err := Parse("f.yaml", []byte(deep)); err == nil || !strings.Contains(err.Error(), "more than 100 parentheses") {
		t.Errorf("%.200v", err)
	}
	long := "entities: [A, B]\nconstraints: [\"" + strings.Repeat("A+", 50_000) + "A <= 1\"]\n"
	if _, err := Parse("f.yaml", []byte(long)); err == nil || !strings.Contains(err.Error(), "longer than 65536 bytes") || len(err.Error()) > 300 {
		t.Errorf("%.300v", err)
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	if _, err := Parse("f.yaml", []byte(bomb)); err == nil {
		t.Error("an alias bomb is taken")
	}
	if _, err := Parse("f.yaml", bytes.Repeat([]byte("#"), maxFile+1)); err == nil {
		t.Error("a file of any size is taken")
	}
}

// Rows may be in units of any size: 1e29 times as large, they say the same.
func TestParseLargeRows(t *testing.T) {
	for _, unit := range []string{"", "e14", "e29"} {
		text := "entities: [A, B, C]\ntotal: 100\nconstraints:\n  - {coefficients: {A: 1" + unit + ", B: 2" + unit + "}, max: 6" + unit + "}\n"
		p := must(Parse("f.yaml", []byte(text)))
		lo, hi, err := lp.BoundingBox(p)
		if err != nil || lo[0] != 0 || math.Abs(hi[0]-6) > 1e-12 || math.Abs(hi[1]-3) > 1e-12 {
			t.Errorf("unit %q: up to %v, %v, want 6, 3, ..", unit, hi, err)
		}
	}
}
