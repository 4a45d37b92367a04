package basis

import "paspo/lp/internal/vec"

// Duals returns those of the basis that the last search ended in. It saves the time for what
// Proves needs, so they prove nothing. They are valid until the next search.
func (w *Work) Duals() (*Duals, error) {
	p, g := &w.duals, w.g
	p.begin(g, w.State)
	p.bare = true
	q := len(p.tight)
	w.at = vec.Grown(w.at, g.N)
	for r, v := range w.head {
		if v < g.N {
			w.at[v] = r
		}
	}
	w.part = vec.Grown(w.part, q*q)
	for a, j := range p.cols {
		row := w.inv[w.at[j]*g.M:][:g.M]
		for k, r := range p.tight {
			w.part[a*q+k] = row[r]
		}
	}
	if err := w.dual.compute(p, w.part); err != nil {
		return nil, err
	}
	p.sides()
	return p, nil
}

// Build returns the complete duals of the basis that the last search ended in. It returns
// nil where that search was of another program than g, or where the basis is singular.
func (w *Work) Build(g *Program) *Duals {
	if w.g != g {
		return nil
	}
	p, err := g.Build(w.State)
	if err != nil {
		return nil
	}
	return p
}
