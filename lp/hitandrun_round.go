package lp

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/rng"
)

// roundVertices returns the n x d matrix whose columns are the principal axes
// of the vertices, each as long as their standard deviation along it.
func roundVertices(hull *affineHull) []float64 {
	n, d, k := hull.n, hull.dim(), len(hull.vertices)
	z := mat.NewDense(k, d, nil)
	w := make([]float64, n)
	for i, v := range hull.vertices {
		subtract(w, v, hull.center)
		for j, q := range hull.basis {
			z.Set(i, j, dot(w, q)/math.Sqrt(float64(k)))
		}
	}
	// Singular values, not eigenvalues of the covariance: these are squares, and
	// widths below 1e-8 would drown in their rounding.
	var svd mat.SVD
	if !svd.Factorize(z, mat.SVDThin) {
		panic("lp: the singular values of the vertices do not converge")
	}
	values := svd.Values(nil)
	var v mat.Dense
	svd.VTo(&v)
	round := make([]float64, n*d)
	for c := range d {
		for j, q := range hull.basis {
			s := values[c] * v.At(j, c)
			for i := range n {
				round[i*d+c] += s * q[i]
			}
		}
	}
	return round
}

// setRows derives the rows in the coordinates y. A row that does not change
// over the hull is left out: a stated or implied equality.
func (h *hitAndRun) setRows(p *Polytope) {
	const still = 1e-11
	n, d := h.n, h.d
	var rows [][]float64
	h.slack = h.slack[:0]
	add := func(a []float64, limit float64) {
		if math.IsInf(limit, 0) {
			return
		}
		g := make([]float64, d)
		ax, scale := dotScale(a, h.center)
		for i, c := range a {
			for j := range d {
				g[j] += c * h.round[i*d+j]
			}
		}
		if norm(g) <= still*max(scale, norm(a)) {
			return
		}
		rows = append(rows, g)
		h.slack = append(h.slack, max(0, limit-ax))
	}
	for k, b := range p.b {
		add(p.a[k*n:(k+1)*n], b)
	}
	e := make([]float64, n)
	for j := range n {
		e[j] = -1
		add(e, -p.l[j])
		e[j] = 1
		add(e, p.u[j])
		e[j] = 0
	}
	h.m = len(rows)
	h.col, h.inv = make([]float64, d*h.m), make([]float64, d*h.m)
	for k, g := range rows {
		for j, c := range g {
			h.col[j*h.m+k] = c
			if math.Abs(c) > math.SmallestNonzeroFloat64*1e16 {
				h.inv[j*h.m+k] = 1 / c
			}
		}
	}
}

// roundSamples repeats short runs and scales by their covariance until it is
// round.
func (h *hitAndRun) roundSamples(p *Polytope, stream *rng.Stream) error {
	h.starts = make([][]float64, h.cfg.Chains)
	for c := range h.starts {
		h.starts[c] = make([]float64, h.d)
	}
	draws := 20*h.d + 200
	for round := range maxRoundings {
		kept, err := h.runAll(draws, h.thin, stream.Split(uint64(round)), nil)
		if err != nil {
			return err
		}
		all := make([]float64, 0, h.cfg.Chains*draws*h.d)
		for _, k := range kept {
			// The first half is still under way from the start.
			all = append(all, k[len(k)/2/h.d*h.d:]...)
		}
		ratio, err := h.scaleBy(mat.NewDense(len(all)/h.d, h.d, all))
		if err != nil {
			return err
		}
		h.setRows(p)
		if ratio <= spreadRatio {
			break
		}
	}
	return nil
}

// scaleBy replaces the axes by the principal axes of the samples and returns
// the ratio of their largest to their least standard deviation. The center
// stays: the chains' positions move along.
func (h *hitAndRun) scaleBy(samples *mat.Dense) (ratio float64, err error) {
	rows, d := samples.Dims()
	for j := range d {
		mean := 0.
		for i := range rows {
			mean += samples.At(i, j) / float64(rows)
		}
		for i := range rows {
			samples.Set(i, j, (samples.At(i, j)-mean)/math.Sqrt(float64(rows)))
		}
	}
	var svd mat.SVD
	if !svd.Factorize(samples, mat.SVDThin) {
		return 0, errors.New("lp: the covariance of hit-and-run samples has no singular values")
	}
	sd := svd.Values(nil)
	if !(sd[d-1] > 0) {
		return 0, errors.New("lp: hit-and-run does not move in every dimension")
	}
	var v mat.Dense
	svd.VTo(&v)
	old := append([]float64(nil), h.round...)
	for i := range h.n {
		for c := range d {
			sum := 0.
			for j := range d {
				sum += old[i*d+j] * v.At(j, c)
			}
			h.round[i*d+c] = sum * sd[c]
		}
	}
	for _, y := range h.starts {
		moved := make([]float64, d)
		for c := range d {
			for j := range d {
				moved[c] += v.At(j, c) * y[j]
			}
			moved[c] /= sd[c]
		}
		copy(y, moved)
	}
	return sd[0] / sd[d-1], nil
}

// scatter starts the chains close to different vertices: R-hat sees only what
// its chains' starts disagree about.
func (h *hitAndRun) scatter(hull *affineHull) {
	// The columns of round span the hull; y solves round y = v - center. They
	// are scaled to unit length first, as their lengths may differ by 1e9.
	axes := mat.NewDense(h.n, h.d, append([]float64(nil), h.round...))
	length := make([]float64, h.d)
	for j := range length {
		length[j] = mat.Norm(axes.ColView(j), 2)
		for i := range h.n {
			axes.Set(i, j, axes.At(i, j)/length[j])
		}
	}
	var qr mat.QR
	qr.Factorize(axes)
	w := make([]float64, h.n)
	for c := range h.starts {
		v := hull.vertices[c*len(hull.vertices)/len(h.starts)]
		subtract(w, v, h.center)
		var y mat.VecDense
		if err := qr.SolveVecTo(&y, false, mat.NewVecDense(h.n, w)); err != nil {
			continue // too thin to place: the chain stays where rounding left it
		}
		start := make([]float64, h.d)
		for j := range start {
			start[j] = 0.9 * y.AtVec(j) / length[j]
		}
		if h.inside(start) {
			h.starts[c] = start
		}
	}
}
