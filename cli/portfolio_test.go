package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"paspo/envs/market"
	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/internal/run/runfolder"
)

// priceFile writes months of prices of three stocks.
func priceFile(t *testing.T, months int) string {
	t.Helper()
	r := rand.New(rng.New(3, "prices"))
	var b strings.Builder
	b.WriteString("date,AAA,BBB,CCC\n")
	row := []float64{10, 20, 150}
	for i := range months {
		fmt.Fprintf(&b, "%s,%.4f,%.4f,%.4f\n", time.Date(2010, time.Month(1+i), 28, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), row[0], row[1], row[2])
		for j := range row {
			row[j] *= math.Exp(0.05 * r.NormFloat64())
		}
	}
	return textFile(t, "prices.csv", b.String())
}

func textFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// smallSettings returns the settings of small without its other flags.
func smallSettings() (args []string) {
	for i := 0; i < len(small); i += 2 {
		if small[i] == "--set" {
			args = append(args, small[i], small[i+1])
		}
	}
	return args
}

// From prices and limits to orders.
func TestPortfolio(t *testing.T) {
	prices := priceFile(t, 61)
	limits := textFile(t, "limits.yaml", `
groups: {PAIR: [AAA, BBB]}
bounds: {default: [0, 0.6], CASH: [0.02, 0.2], PAIR: [0, 0.7]}
constraints:
  - {name: spread, expr: "CCC >= 0.1 + 0.2*AAA"}
`)
	out := filepath.Join(t.TempDir(), "p")
	args := []string{"portfolio", prices, "--constraints", limits, "--out", out, "--window", "36", "--trade", "12"}
	args = append(args, slices.Concat(smallSettings(), []string{"--set", "steps=512", "--set", "env.market.costs={default: 0.001, CCC: 0.005}", "--json", "--quiet"})...)
	var s struct {
		Folds, Violations int
		Residual          float64 `json:"max_residual"`
		Verdict           string
		Rows              []struct{ Policy string }
	}
	status, stdout, stderr := command(t, "", args...)
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || status != 0 || stderr != "" {
		t.Fatalf("status %d, %v, %s%s", status, err, stdout, stderr)
	}
	if c, err := os.ReadFile(filepath.Join(out, "policy", "config.yaml")); err != nil || !strings.Contains(string(c), "\nsteps: 512\n") {
		t.Errorf("%v, %s", err, c)
	}
	if s.Folds != 2 || s.Violations != 0 || !(s.Residual <= 1e-9) || len(s.Rows) != 8 || s.Rows[0].Policy != "trained policy" || s.Verdict == "" {
		t.Errorf("%s", stdout)
	}
	refused(t, "is there already", "", args...)

	// Training on the model alone, with limits that name no entities: those of the model are meant.
	alone := filepath.Join(t.TempDir(), "alone")
	succeed(t, "", slices.Concat([]string{
		"--env", "market", "--set", "env.market.model=" + filepath.Join(out, "market.json"), "--out", alone, "--quiet", "--steps", "512",
		"--constraints", textFile(t, "alone.yaml", "bounds: {default: [0, 0.6]}\nconstraints: [turnover(ALL) <= 0.5]\n"),
	}, smallSettings())...)
	if shown := succeed(t, "", "constraints", "show", alone); !strings.Contains(shown, "entities: [CASH, AAA, BBB, CCC]") || !strings.Contains(shown, "CCC: [0, 0.6]") || !strings.Contains(shown, "entity: CASH, above: 1, below: 1, from: 0.25, holding: true") {
		t.Errorf("%s", shown)
	}

	// As a spreadsheet writes it, with a byte order mark.
	holdings := textFile(t, "today.csv", "\ufeffticker,shares\nCASH,50000\nAAA,1000.5\nCCC,3\n")
	decide := []string{"portfolio", "decide", out, "--holdings", holdings, "--prices", prices}
	var d struct {
		Wealth, Fees, Residual float64
		Violations             int
		Lines                  []struct {
			Name               string
			Price, Held, Order float64
			After              float64 `json:"held_after"`
			Target             float64 `json:"weight_target"`
			Weight             float64 `json:"weight_after"`
		}
	}
	if err := json.Unmarshal([]byte(succeed(t, "", append(decide, "--json")...)), &d); err != nil {
		t.Fatal(err)
	}
	after, fees, weights := 0., 0., map[string]float64{}
	for _, l := range d.Lines {
		after += l.After * l.Price
		weights[l.Name] = l.Weight
		cost := map[string]float64{"AAA": 0.001, "BBB": 0.001, "CCC": 0.005}[l.Name]
		fees += cost * math.Abs(l.Order) * l.Price
		if l.Name != "CASH" && l.Order != math.Trunc(l.Order) || math.Abs(l.Held+l.Order-l.After) > 1e-9 || l.After < 0 {
			t.Errorf("%+v", l)
		}
		if math.Abs(l.Weight-l.Target) > 0.01 {
			t.Errorf("%s has %v, wanted is %v", l.Name, l.Weight, l.Target)
		}
	}
	if math.Abs(fees-d.Fees) > 1e-6 || math.Abs(after+fees-d.Wealth) > 1e-6 || !(d.Residual <= 1e-12) || d.Violations != 0 {
		t.Errorf("wealth %v became %v, fees %v, residual %v", d.Wealth, after, d.Fees, d.Residual)
	}
	if w := weights; w["CASH"] < 0.02 || w["CASH"] > 0.2 || w["AAA"]+w["BBB"] > 0.7 || w["CCC"] < 0.1+0.2*w["AAA"]-1e-12 {
		t.Errorf("a limit is broken: %v", w)
	}
	var orders strings.Builder
	for _, l := range d.Lines {
		if l.Name != "CASH" && l.Order != 0 {
			fmt.Fprintf(&orders, "%s %g %s\n", map[bool]string{true: "buy", false: "sell"}[l.Order > 0], math.Abs(l.Order), l.Name)
		}
	}
	if got := succeed(t, "", append(decide, "--quiet")...); got != orders.String() || got == "" {
		t.Errorf("%q, want %q", got, orders.String())
	}
	text := succeed(t, "", append(decide, "--lot", "0")...)
	if !strings.Contains(text, "largest constraint residual:") || !strings.Contains(text, "fees:") || strings.Contains(text, "warning") {
		t.Errorf("%s", text)
	}

	// However small, orders that limits need stay.
	if got := succeed(t, "", append(decide, "--min-trade", "1e9", "--quiet")...); got == "" || strings.Count(got, "\n") >= strings.Count(orders.String(), "\n") {
		t.Errorf("%s, without a least amount %s", got, orders.String())
	}
	refused(t, "--min-trade is -1: a number of at least 0 is allowed", "", append(decide, "--min-trade", "-1")...)

	// Limits of today, and limits that no allocation satisfies.
	few := textFile(t, "l.yaml", "bounds: {AAA: [0, 0.1]}\n")
	text = succeed(t, "", append(decide, "--constraints", few)...)
	if !strings.Contains(text, "the limits of today move the policy's shares by") ||
		!strings.Contains(text, "\nwarning: limits of today take the place of all limits of the walk, and leave out or loosen PAIR <= 0.7 (1 today); spread >= 0.1 (-0.02 today); CASH <= 0.2 (1 today); CASH >= 0.02 (0 today); BBB <= 0.6 (1 today); CCC <= 0.6 (1 today); --also FILE keeps") {
		t.Errorf("%s", text)
	}
	// Beside those of the walk.
	text = succeed(t, "", append(decide, "--also", few)...)
	if !strings.Contains(text, "the limits of today move the policy's shares by") || strings.Contains(text, "warning") {
		t.Errorf("%s", text)
	}
	refused(t, "one of them is allowed", "", append(decide, "--also", few, "--constraints", few)...)
	// Percentages are said to be shares.
	percent := textFile(t, "percent.yaml", "bounds: {AAA: [0, 30]}\nconstraints: [short(BBB) <= 0.1]\n")
	const hint = "the upper bound 30 of AAA limits nothing: of a total of 1, 30% is 0.3"
	if text = succeed(t, "", append(decide, "--constraints", percent)...); !strings.Contains(text, "\nwarning: "+hint+"\n") {
		t.Errorf("%s", text)
	}
	for _, args := range [][]string{
		{"portfolio", prices, "--constraints", percent, "--out", filepath.Join(t.TempDir(), "p"), "--window", "60", "--trade", "1", "--steps", "512"},
		{"constraints", "check", percent, "--prices", prices},
	} {
		if _, _, stderr := command(t, "", args...); strings.Count(stderr, hint) != 1 || strings.Count(stderr, "short(BBB) <= 0.1 limits nothing") != 1 {
			t.Errorf("%s: %s", args[0], stderr)
		}
	}
	for want, more := range map[string][]string{
		"/none.yaml: the limits leave nothing: no allocation satisfies all of total = 1; CASH <= 0.2; ": {"--constraints", textFile(t, "none.yaml", "bounds: {default: [0, 0.2]}\n")},
		"; relaxed by 0.05 of the wealth, all but the total, they can be satisfied":                     {"--constraints", textFile(t, "none.yaml", "bounds: {default: [0, 0.2]}\n")},
		"; relaxed by 0.05 of the wealth, all but":                                                      {"--constraints", textFile(t, "none.yaml", "bounds: {default: [0, 0.2]}\nconstraints: [turnover(ALL) <= 0.01]\n")},
		"no orders in lots of 100000 shares keep all limits":                                            {"--lot", "100000"},
		"those next to the target break near: AAA >= 0.5 by 0.":                                         {"--lot", "100000", "--constraints", textFile(t, "near.yaml", "constraints: [{name: near, expr: \"abs(AAA - 0.75) <= 0.25\"}]\n")},
	} {
		status, _, errs := command(t, "", append(decide, more...)...)
		if status != 2 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("status %d, %s", status, errs)
		}
	}
	for text, want := range map[string]string{
		"ticker,shares\naaa,1\n":        ":2: aaa is no entity of the limits; did you mean AAA?",
		"ticker,shares\nAAB,1\n":        ":2: AAB is no entity of the limits; did you mean AAA?",
		"ticker,shares\nAAA,-1\n":       `:2: AAA: what is held is "-1": a number from 0 to 1e15 is allowed, as the limits allow no shorts of it`,
		"ticker;shares\nAAA;1\n":        `:1: the names are "ticker;shares"`,
		"ticker,shares\nCASH,-1\n":      "what is held is worth -1",
		"ticker,shares\nAAA,1\nAAA,2\n": ":3: AAA was given in line 2 already",
		"AAA,1\n":                       `:1: the names are "AAA,1"`,
		"ticker,shares\nAAA\n":          ":2: the number of fields is 1: 2 are allowed",
		"ticker,shares\n":               "what is held is worth 0",
		"ticker,shares\nA\x1b[2JA,1\n":  `:2: "A\x1b[2JA" is no entity of the limits`,
	} {
		decide[4] = textFile(t, "h.csv", text)
		refused(t, want, "", decide...)
	}
	refused(t, "is no folder of a portfolio", "", "portfolio", "decide", t.TempDir(), "--holdings", holdings, "--prices", prices)
	refused(t, "; it is a run of the one above it, "+out, "", "portfolio", "decide", filepath.Join(out, "policy"), "--holdings", holdings, "--prices", prices)
	refused(t, "; it is a run alone, and train portfolio makes folders of a walk", "", "portfolio", "decide", alone, "--holdings", holdings, "--prices", prices)
	refused(t, out+" is a portfolio: "+filepath.Join(out, "report.html")+" is its report", "", "report", out, "--out", filepath.Join(t.TempDir(), "r.html"))
	refused(t, "--holdings is missing", "", "portfolio", "decide", out)
	decide[4], decide[6] = holdings, priceFile(t, 40)
	if text := succeed(t, "", decide...); !strings.Contains(text, "warning: the policy was trained on prices up to 2015-01-28, which are later than these") {
		t.Errorf("%s", text)
	}
	text40, err := os.ReadFile(priceFile(t, 40))
	if err != nil {
		t.Fatal(err)
	}
	decide[6] = textFile(t, "renamed.csv", strings.Replace(string(text40), "AAA", "AAAX", 1))
	refused(t, "renamed.csv has no ticker AAA; the nearest is AAAX", "", decide...)
	hole := strings.SplitAfter(string(text40), "\n")
	decide[6] = textFile(t, "hole.csv", strings.Join(slices.Delete(hole, 37, 39), ""))
	refused(t, "hole.csv:38: no price in 2 months, between 2012-12-28 and 2013-03-28; --repair gap reads them", "", decide...)
	succeed(t, "", append(decide, "--repair", "gap")...)
	decide[6] = priceFile(t, 4)
	refused(t, "has returns of 3 months: the policy looks back on 6, for which it takes prices of 7 months up to today", "", decide...)
}

// Limits on turnover follow the holdings, in training and for today's orders; shorts are holdings
// below 0. Where holdings are too far from the other limits, orders need --relax.
func TestPortfolioTurnover(t *testing.T) {
	long.Test(t)
	prices := priceFile(t, 61)
	limits := textFile(t, "limits.yaml", `
bounds: {default: [-0.2, 0.6], CASH: [0.02, 1.2]}
constraints:
  - {name: trade, expr: "turnover(ALL) <= 0.1"}
  - {name: gross, expr: "leverage(ALL) <= 1.5"}
`)
	out := filepath.Join(t.TempDir(), "p")
	args := []string{"portfolio", prices, "--constraints", limits, "--out", out, "--window", "36", "--trade", "24", "--steps", "512"}
	args = append(args, slices.Concat(smallSettings(), []string{"--set", "env.market.borrow={default: 0.001, CCC: 0.002}", "--json", "--quiet"})...)
	var s struct {
		Violations int
		Residual   float64 `json:"max_residual"`
		Rows       []struct {
			Policy   string
			Turnover float64
			Relaxed  int
		}
	}
	status, stdout, stderr := command(t, "", args...)
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || status != 0 || stderr != "" {
		t.Fatalf("status %d, %v, %s%s", status, err, stdout, stderr)
	}
	for _, r := range s.Rows[:4] {
		if !(r.Turnover > 0 && r.Turnover <= 1.2) || r.Relaxed != 0 {
			t.Errorf("%+v", r)
		}
	}
	if s.Violations != 0 || !(s.Residual <= 1e-9) {
		t.Errorf("%s", stdout)
	}

	// Resuming a finished walk prints the same summary, and refuses other settings. Its page names what began the walk.
	begun := `{"step":0,"command":"began the walk"}` + "\n"
	if err := os.WriteFile(filepath.Join(out, "window-01", runfolder.CommandsFile), []byte(begun), 0o600); err != nil {
		t.Fatal(err)
	}
	again := succeed(t, "", "portfolio", prices, "--resume", out, "--json", "--quiet")
	if again != stdout {
		t.Errorf("%s, was %s", again, stdout)
	}
	if html, err := os.ReadFile(filepath.Join(out, "report.html")); err != nil || !strings.Contains(string(html), "Made by <code>began the walk</code>") {
		t.Errorf("the page does not name what began the walk, %v", err)
	}
	refused(t, "--steps cannot be given with it", "", "portfolio", prices, "--resume", out, "--steps", "512")
	refused(t, "is no folder of a portfolio", "", "portfolio", prices, "--resume", t.TempDir())
	// The limits may be named again, and are refused where they are others, in the folder too.
	if again := succeed(t, "", "portfolio", prices, "--resume", out, "--constraints", limits, "--json", "--quiet"); again != stdout {
		t.Errorf("%s, was %s", again, stdout)
	}
	const others = "the limits are not those of the walk in "
	for change, want := range map[[2]string]string{
		{"CASH: [0.02,", "CASH: [0.03,"}: `: the lower bound of "CASH" is 0.03, not 0.02; another walk takes a new folder`,
		{"<= 1.5", "<= 1.4"}:             `: the limit of row "gross" is 1.4, not 1.5`,
		{"  - {name: gross,", "  #"}:     `: the number of inequalities is 1, not 2: row "gross" is missing`,
	} {
		text, err := os.ReadFile(limits)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, others+out+want, "", "portfolio", prices, "--resume", out, "--quiet", "--constraints", textFile(t, "l.yaml", strings.Replace(string(text), change[0], change[1], 1)))
	}
	own := filepath.Join(out, "constraints.yaml")
	text, err := os.ReadFile(own)
	if err == nil {
		err = os.WriteFile(own, []byte(strings.Replace(string(text), "AAA: [-0.2, 0.6]", "AAA: [-0.2, 0.5]", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	refused(t, others+out+`: the upper bound of "AAA" is 0.5, not 0.6`, "", "portfolio", prices, "--resume", out, "--quiet")
	if err := os.WriteFile(own, text, 0o600); err != nil {
		t.Fatal(err)
	}
	// Killed before the limits were written.
	early := t.TempDir()
	settings, err := os.ReadFile(filepath.Join(out, "portfolio.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(early, "portfolio.json"), settings, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "has not begun: remove it, or train anew with another --out", "", "portfolio", prices, "--resume", early)

	// What was read in training is read in the same way afterwards.
	holed, jumping := changedPrices(t, prices, ""), changedPrices(t, prices, "20000")
	cash := textFile(t, "cash.csv", "ticker,shares\nCASH,1000\n")
	for _, c := range []struct{ prices, wrong, flag, value, other string }{
		{holed, "CCC: there is no price", "--repair", "missing", "gap"},
		{jumping, "CCC: the price goes from", "--jump", "0", "0.6"},
	} {
		kept := filepath.Join(t.TempDir(), "kept")
		walk := slices.Concat([]string{"portfolio", c.prices, "--out", kept, "--window", "36", "--trade", "24", "--steps", "512", "--json", "--quiet"}, smallSettings())
		refused(t, c.wrong, "", walk...)
		succeed(t, "", append(walk, c.flag, c.value)...)
		succeed(t, "", "portfolio", c.prices, "--resume", kept, "--json", "--quiet")
		succeed(t, "", "portfolio", "decide", kept, "--holdings", cash, "--prices", c.prices)
		refused(t, c.wrong, "", "portfolio", c.prices, "--resume", kept, c.flag, c.other)
		refused(t, c.wrong, "", "portfolio", "decide", kept, "--holdings", cash, "--prices", c.prices, c.flag, c.other)
	}

	type line struct {
		Name   string
		Price  float64
		Now    float64 `json:"weight_now"`
		Weight float64 `json:"weight_after"`
	}
	decide := func(holdings string, more ...string) (lines []line, relaxed float64, status int, errs string) {
		file := textFile(t, "today.csv", "ticker,shares\n"+holdings)
		status, stdout, errs := command(t, "", append([]string{"portfolio", "decide", out, "--holdings", file, "--prices", prices, "--json"}, more...)...)
		var d struct {
			Lines             []line
			Relaxed, Residual float64
		}
		if status == 0 {
			if err := json.Unmarshal([]byte(stdout), &d); err != nil || !(d.Residual <= 1e-12) {
				t.Fatalf("%v, %s", err, stdout)
			}
		}
		return d.Lines, d.Relaxed, status, errs
	}
	traded := func(lines []line) (turnover, gross float64) {
		for _, l := range lines {
			turnover += math.Abs(l.Weight - l.Now)
			gross += math.Abs(l.Weight)
		}
		return turnover, gross
	}
	// Some holdings are short, and all limits can be satisfied.
	lines, relaxed, status, errs := decide("CASH,100000\nAAA,2000\nBBB,-500\n")
	if turnover, gross := traded(lines); status != 0 || relaxed != 0 || !(turnover <= 0.1+1e-12) || gross > 1.5+1e-12 || lines[2].Weight > 0 {
		t.Errorf("status %d, %s%+v", status, errs, lines)
	}
	ccc := lines[3].Price
	// Nearly all in AAA, of which 0.6 are allowed.
	const far = "CASH,1000\nAAA,10000\n"
	if _, _, status, errs = decide(far); status != 2 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "train: from what is held no allocation satisfies all of ") ||
		!strings.Contains(errs, "trade: turnover(ALL) <= 0.1; ") || !strings.Contains(errs, "AAA <= 0.6; --relax relaxes trade by the least that is needed, 0.6") {
		t.Errorf("status %d, %s", status, errs)
	}
	lines, relaxed, status, errs = decide(far, "--relax")
	if turnover, _ := traded(lines); status != 0 || math.Abs(turnover-(0.1+relaxed)) > 1e-9 || relaxed > 0.71 || lines[1].Weight > 0.6 {
		t.Errorf("status %d, %srelaxed by %v: %+v", status, errs, relaxed, lines)
	}
	// A lot of CCC is worth more than all that is held, and has to be bought back.
	lines, relaxed, status, errs = decide("CASH,"+strconv.FormatFloat(1.5*ccc, 'f', 2, 64)+"\nCCC,-1\n", "--relax")
	if turnover, _ := traded(lines); status != 0 || math.Abs(turnover-(0.1+relaxed)) > 1e-9 || lines[3].Weight != 0 {
		t.Errorf("status %d, %srelaxed by %v: %+v", status, errs, relaxed, lines)
	}
	// act relaxes in the same way and says so, unless the holdings are near enough.
	var described struct{ Observation []any }
	if data, err := os.ReadFile(filepath.Join(out, "policy", "description.json")); err != nil || json.Unmarshal(data, &described) != nil {
		t.Fatal(err)
	}
	more := strings.Repeat(",0", len(described.Observation)-4) + "]\n"
	answers := strings.Split(succeed(t, "[0.01,0.99,0,0"+more+"[0.4,0.6,0,0"+more, "act", filepath.Join(out, "policy")), "\n")
	var first struct{ Relaxed float64 }
	// AAA is 0.39 above its limit. Selling it moves twice as much, of which 0.1 is allowed.
	if err := json.Unmarshal([]byte(answers[0]), &first); err != nil || math.Abs(first.Relaxed-0.68) > 1e-6 || strings.Contains(answers[1], "relaxed") {
		t.Errorf("%v, %q", err, answers)
	}
	// What is short is bought back under limits of today that allow no shorts.
	covered := textFile(t, "covered.yaml", "bounds: {default: [0, 1]}\n")
	lines, _, status, errs = decide("CASH,100000\nAAA,2000\nBBB,-500\n", "--constraints", covered)
	if status != 0 || lines[2].Now >= 0 || lines[2].Weight < 0 {
		t.Errorf("status %d, %s%+v", status, errs, lines)
	}
	// Limits of today that allow no turnover keep the holdings, also with --lot 0.
	lines, _, status, errs = decide("CASH,100000\nAAA,2000\n", "--lot", "0", "--constraints", textFile(t, "l.yaml", "constraints: [turnover(ALL) <= 0]\n"))
	if turnover, _ := traded(lines); status != 0 || turnover > 1e-9 {
		t.Errorf("status %d, %s%+v", status, errs, lines)
	}
}

// changedPrices copies prices with another one of the last ticker.
func changedPrices(t *testing.T, path, price string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	lines[61] = lines[61][:strings.LastIndex(lines[61], ",")+1] + price
	return textFile(t, "changed.csv", strings.Join(lines, "\n"))
}

// Mistakes are reported in one line before anything is trained.
func TestPortfolioErrors(t *testing.T) {
	prices := priceFile(t, 40)
	for want, args := range map[string][]string{
		"entity AAX is no ticker of":  {prices, "--constraints", textFile(t, "l.yaml", "entities: [CASH, AAX, BBB]\ntotal: 1\n")},
		"did you mean AAA?":           {prices, "--constraints", textFile(t, "l.yaml", "entities: [CASH, AAAA, BBB]\ntotal: 1\n")},
		"the entities are CASH alone": {prices, "--constraints", textFile(t, "l.yaml", "entities: [CASH]\ntotal: 1\n")},
		"prices.csv, by the month: there are returns of 39 periods, a window takes 120": {prices},
		`--every is "year": one of day, week, month is allowed`:                         {prices, "--every", "year"},
		"did you mean month?":                       {prices, "--every", "moth"},
		`--model is "arch"`:                         {prices, "--window", "20", "--model", "arch"},
		"--block is 0.5":                            {prices, "--window", "20", "--block", "0.5"},
		"--block is 3: it is for --model bootstrap": {prices, "--window", "20", "--model", "gaussian", "--block", "3"},
		"--states is 9":                             {prices, "--window", "20", "--model", "hidden-markov", "--states", "9"},
		"--states is 2: it is for":                  {prices, "--window", "20", "--states", "2"},
		"--window is 1 and --trade 24":              {prices, "--window", "1"},
		`"" for "--constraints" flag: the name of a file or a folder is needed`: {prices, "--constraints", ""},
		`"spl" is no kind of problem`:                                           {prices, "--repair", "spl"},
		"--jump is -1":                                                          {prices, "--jump", "-1"},
		"cannot read prices from nothing.csv":                                   {"nothing.csv"},
		"a file of prices":                                                      {},
		"hole.csv:3: no price in 1 month, between 2020-01-31 and 2020-03-31":    {textFile(t, "hole.csv", "date,AAA\n2020-01-31,1\n2020-03-31,1\n")},
		"AAA: the price is 0":                                                   {textFile(t, "p.csv", "date,AAA\n2020-01-01,1\n2020-01-02,0\n")},
		"p.csv: the ticker CASH has the name of what is not invested":           {textFile(t, "p.csv", "date,CASH,AAA\n2020-01-01,1,2\n2020-01-02,1,2\n")},
		`p.csv: the name "A\nB" holds a character`:                              {textFile(t, "p.csv", "date,\"A\nB\"\n2020-01-01,1\n2020-01-02,1\n")},
		"p.csv: the name is longer than 200 bytes":                              {textFile(t, "p.csv", "date,"+strings.Repeat("A", 201)+"\n2020-01-01,1\n2020-01-02,1\n")},
		".decisions is 10001: 1 to ppo.eval_max_steps, 10000, are allowed":      {prices, "--window", "20", "--set", "env.market.decisions=10001"},
		".decisions is 0: 1 to ppo.eval_max_steps, 10000, are allowed":          {prices, "--window", "20", "--set", "env.market.decisions=0"},
		"train: --set env.market.costs=2: env.market.costs is \"2\"":            {prices, "--window", "20", "--set", "env.market.costs=2"},
		"/l.yaml: the lower bound of AAA is -1: without CASH":                   {prices, "--window", "20", "--constraints", textFile(t, "l.yaml", "entities: [BBB, AAA]\ntotal: 1\nbounds: {AAA: [-1, 2]}\n")},
		"/l.yaml: the constraints state no total of 1":                          {prices, "--window", "20", "--constraints", textFile(t, "l.yaml", "total: 2\n")},
		"it names AAC, which is no asset of the constraints":                    {prices, "--window", "20", "--set", "env.market.costs={default: 0, AAC: 0.1}"},
		`train: --set env.market.costs={AAA: 0.1}: env.market.costs is "{AAA: 0.1}": default is needed, the costs of all others`: {prices, "--window", "20", "--set", "env.market.costs={AAA: 0.1}"},
		"train: market: env.market.lookback is 6 and env.market.decisions":                                                       {prices, "--window", "20", "--model", "replay", "--set", "env.market.decisions=50"},
		"train: env.market.lookback is 21: at most the periods of a window, 20":                                                  {prices, "--window", "20", "--set", "env.market.lookback=21"},
		"--set constraints cannot be given: name the file":                                                                       {prices, "--window", "20", "--set", "constraints=l.yaml"},
		"--set env.name cannot be given":                                                                                         {prices, "--window", "20", "--set", "env.name=portfolio"},
		"from: cannot read checkpoint":                                                                                           {prices, "--window", "20", "--set", "from=nowhere"},
	} {
		args = append([]string{"portfolio"}, args...)
		out := filepath.Join(t.TempDir(), "p")
		refused(t, want, "", append(args, "--quiet", "--steps", "512", "--out", out)...)
		if _, _, stderr := command(t, "", append(args, "--steps", "512", "--out", out)...); strings.Contains(stderr, "run: ") {
			t.Errorf("%s, though nothing ran", stderr)
		}
		if _, err := os.Stat(out); !os.IsNotExist(err) {
			t.Errorf("%s leaves a folder: %v", want, err)
		}
	}
}

// Of several problems of a file the error comes first, and the others after it. Which of several
// columns the prices are is said.
func TestPricesTold(t *testing.T) {
	hole := textFile(t, "hole.csv", "date,AAA,BBB\n2020-01-01,1,1\n2020-01-02,,2\n2020-01-03,1,0\n")
	_, _, errs := command(t, "", "portfolio", hole)
	if lines := strings.Split(errs, "\n"); len(lines) < 3 || !strings.HasPrefix(lines[0], "train: "+hole+":3: AAA: there is no price") || !strings.HasPrefix(lines[1], "also wrong: "+hole+":") {
		t.Error(errs)
	}
	table := textFile(t, "long.csv", "date,ticker,close,volume\n2020-01-01,AAA,1,1\n2020-01-02,AAA,1,1\n")
	if _, _, errs = command(t, "", "portfolio", table); !strings.Contains(errs, table+": the prices are those of the column close\n") {
		t.Error(errs)
	}
}

// constraints check takes tickers from a file of prices, even where prices are faulty.
func TestCheckOverPrices(t *testing.T) {
	table := textFile(t, "prices.csv", "date,AAA,BBB\n2020-01-02,1,1\n2020-01-01,,9\n")
	limits := textFile(t, "l.yaml", "bounds: {default: [0, 0.7], CASH: [0.05, 1]}\nconstraints: [{name: trade, expr: \"turnover(ALL) <= 0.1\"}]\n")
	var c struct {
		Box []struct {
			Entity string
			Lo, Hi float64
		}
	}
	refused(t, "or name a file of prices, whose tickers they are, by --prices", "", "constraints", "check", limits)
	status, out, errs := command(t, "", "constraints", "check", limits, "--prices", table, "--json")
	if status != 0 || !strings.Contains(errs, "train portfolio refuses these prices") || !strings.Contains(errs, ":3: 2020-01-01 comes after 2020-01-02; 1 more; --repair order,missing reads them") {
		t.Error(status, errs)
	}
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err, out)
	}
	if len(c.Box) != 3 || c.Box[0].Entity != market.Cash || c.Box[2].Entity != "BBB" {
		t.Fatalf("got %+v", c.Box)
	}
	// Turnover is at most 0.1, so that one entity moves by at most half of that.
	for _, e := range c.Box {
		if math.Abs(e.Lo-(1./3-0.05)) > 1e-9 || math.Abs(e.Hi-(1./3+0.05)) > 1e-9 {
			t.Errorf("%s is in [%v, %v]", e.Entity, e.Lo, e.Hi)
		}
	}
	refused(t, "entity AAC is no ticker of", "", "constraints", "check", textFile(t, "l.yaml", "entities: [CASH, AAC]\n"), "--prices", textFile(t, "good.csv", "date,AAA,BBB\n2020-01-01,1,1\n2020-01-02,1,1\n"))
	refused(t, "cannot read prices from nothing.csv", "", "constraints", "check", limits, "--prices", "nothing.csv")
	refused(t, `"" for "--prices" flag: the name of a file or a folder is needed`, "", "constraints", "check", limits, "--prices", "")
	refused(t, "--entities is for the preset", "", "constraints", "check", limits, "--prices", table, "--entities", "3")
}

// A walk that is stopped before a window is done removes its folder, and says so.
func TestPortfolioInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := filepath.Join(t.TempDir(), "p")
	var o, e bytes.Buffer
	status := run(ctx, []string{"portfolio", priceFile(t, 61), "--window", "36", "--steps", "512", "--out", out, "--quiet",
		"--set", "debias.points=1000", "--set", "debias.cache_dir="}, nil, &o, &e)
	if _, err := os.Stat(out); !os.IsNotExist(err) || status != 130 || e.String() != "train: interrupted before training began; nothing is left of it\n" {
		t.Errorf("status %d, %v, %s", status, err, e.String())
	}
}
