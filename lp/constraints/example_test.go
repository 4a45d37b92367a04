package constraints_test

import (
	"fmt"

	"paspo/lp/constraints"
)

// A file that a person wrote, and what it says about two allocations.
func ExampleParse() {
	p, err := constraints.Parse("fund.yaml", []byte(`
entities: [CASH, MSFT, AMZN]
bounds: {MSFT: [0, 0.5]}
groups: {TECH: [MSFT, AMZN]}
constraints:
  - {name: tech, expr: "TECH <= 0.6 + CASH/2"}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range [][]float64{{0.4, 0.4, 0.2}, {0.2, 0.5, 0.3}} {
		residual, constraint := p.WorstConstraint(a, nil)
		fmt.Printf("%.2f %s\n", residual, constraint)
	}
	// Output:
	// 0.00 total = 1
	// 0.06 tech
}

// A misspelt name is an error that says where it is and what may be meant.
func ExampleParse_error() {
	_, err := constraints.Parse("fund.yaml", []byte(`
entities: [CASH, MSFT]
constraints:
  - {name: tech, expr: "MSTF <= 0.6"}
`))
	fmt.Println(err)
	// Output:
	// fund.yaml:4: constraint tech, expr: unknown name "MSTF" (did you mean MSFT?); known are CASH, MSFT (character 1 of "MSTF <= 0.6")
}
