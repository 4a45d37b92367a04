package kernels

import (
	_ "embed"
	"strings"
)

// Module is what a driver loads at once: the PTX of one source file.
type Module struct {
	Name    string
	PTX     string
	Kernels []string
}

var (
	//go:embed beta.ptx
	betaPTX string
	//go:embed dense.ptx
	densePTX string
	//go:embed gradw.ptx
	gradwPTX string
	//go:embed loss.ptx
	lossPTX string
	//go:embed moments.ptx
	momentsPTX string
	//go:embed sample.ptx
	samplePTX string
	//go:embed step.ptx
	stepPTX string
)

// Modules returns all modules.
func Modules() []Module {
	var ms []Module
	for _, m := range []struct{ name, ptx string }{
		{"beta", betaPTX}, {"dense", densePTX}, {"gradw", gradwPTX}, {"loss", lossPTX}, {"moments", momentsPTX}, {"sample", samplePTX}, {"step", stepPTX},
	} {
		ms = append(ms, Module{m.name, m.ptx, entries(m.ptx)})
	}
	return ms
}

// entries returns the names of the kernels in PTX.
func entries(ptx string) []string {
	var names []string
	for line := range strings.Lines(ptx) {
		if rest, ok := strings.CutPrefix(line, ".visible .entry "); ok {
			names = append(names, strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "(")))
		}
	}
	return names
}
