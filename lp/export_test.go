package lp

// What tests and benchmarks in package lp_test share with tests here.
var (
	CappedPortfolio = cappedPortfolio
	CappedSimplex   = cappedSimplex
	CPUSeconds      = cpuSeconds
)
