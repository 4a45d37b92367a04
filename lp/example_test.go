package lp_test

import (
	"fmt"

	"paspo/lp/constraints"
)

// The largest share of AMZN that the constraints allow.
func ExamplePolytope_Minimize() {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	cost := make([]float64, p.Dim())
	cost[9] = -1
	_, least, err := p.Minimize(cost, nil)
	fmt.Printf("%s %.4f %v\n", p.Entities()[9], -least, err)
	// Output:
	// AMZN 0.9230 <nil>
}
