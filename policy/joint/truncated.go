package joint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/uniform"
	"paspo/policy"
	"paspo/policy/dist"
)

// TruncatedNormal is the family of normal distributions that are truncated to a polytope
// (Stolz, Eichelbeck and Althoff, arXiv 2511.22406), of independent entities:
//
//	p(a) = exp(-q(a)) / Z,   q(a) = sum_j w_j x_j^2 / 2 - t_j x_j,   a in P,
//
// with energy q and x_j = (a_j - mean_j) / deviation_j, where uniform points of P have this
// mean and this deviation. Without truncation entity j has the mean t_j / w_j and the variance
// 1 / w_j. Densities are with respect to the uniform distribution on P, so that
//
//	Z = E[exp(-q(a))] over uniform a,
//
// and the entropy is minus the KL divergence from the uniform distribution. There are 2n
// outputs for n entities: t_j = 2 sinh(z_j), with which |z| of about 3 reaches every vertex, and
// w_j = exp(-2 z_n+j) / 4 within bounds, so that the first policy is nearly uniform. A step of
// these natural parameters moves a sharp policy less than a flat one; a step of a mean would
// move both alike.
//
// A policy gradient needs only the ratio of Z to that of the policy that drew. With points a_k
// drawn from that policy, whose outputs are z_0,
//
//	Z(z) / Z(z_0) = E_z0[exp(q_z0(a) - q_z(a))] = mean_k exp(q_z0(a_k) - q_z(a_k)),
//
// which is 1 at z_0, smooth in z, and accurate where the two policies are close; gradients are
// those of this estimate. A draw holds such a_k, and an estimate of ln Z(z_0) from one run of
// annealed importance sampling, which is some nats too low where the policy is sharp. This
// constant is the same for all z, so that ratios and gradients do not depend on it. Constant
// estimates Z from many runs, with its standard error.
//
// Draws are made by rejection from the normal distribution on the hull where enough of its
// points are inside P, else by hit-and-run whose steps are normal variates truncated to a chord.
type TruncatedNormal struct {
	TruncatedConfig
	p    *lp.Polytope
	walk *uniform.Walk

	mean, deviation []float64
	pool            [][]float64 // uniform points, in units of the walk

	proposal proposal

	// Scratch.
	t, w, slope []float64  // t and w of the outputs, and derivatives by them
	x           []float64  // a point
	tilt        []float64  // t in units of the walk
	weight      []float64  // w in units of the walk
	target      []float64  // means without truncation, in units of the walk
	pcg         rand.PCG   // seeded by the stream of a draw, and faster than it
	rand        *rand.Rand // on pcg
	prob, q     []float64  // importance weights and energies of the a_k
	gt, gw      []float64  // derivatives by t and w
}

// TruncatedConfig sets the sizes of the estimates. A sweep is one step of hit-and-run along
// every direction.
type TruncatedConfig struct {
	Points int // points a_k that a draw holds
	Anneal int // sweeps from a uniform point to the distribution
	Settle int // sweeps under the distribution before a point is used
	Tries  int // proposals after which rejection may be given up; 0 for no rejection
	Pool   int // uniform points
}

// DefaultTruncatedConfig returns the default sizes.
func DefaultTruncatedConfig() TruncatedConfig {
	return TruncatedConfig{Points: 32, Anneal: 16, Settle: 8, Tries: 16, Pool: 4096}
}

const (
	// Least and largest standard deviation 1/sqrt(w), in deviations of uniform points.
	minSigma, maxSigma = 1e-2, 4
	// startSigma is the standard deviation of outputs of 0.
	startSigma = 2
	// t is tiltUnit sinh(z) with |t| at most maxTilt, where the density falls to 0 within a
	// thousandth of a deviation.
	tiltUnit, maxTilt = 2, 1e4
)

// NewTruncatedNormal returns the family of a polytope, with directions and uniform points that
// depend on the polytope alone. It is an error where the polytope is one point, or is given by
// points and its facets are not known.
func NewTruncatedNormal(p *lp.Polytope, cfg TruncatedConfig) (*TruncatedNormal, error) {
	walk, err := uniform.NewWalk(p)
	if err != nil {
		return nil, fmt.Errorf("truncated-normal: %w", err)
	}
	if walk.Dim() == 0 {
		return nil, fmt.Errorf("truncated-normal: %s is one point: there is nothing to learn", p.Describe())
	}
	sampler, err := uniform.New(p, uniform.DefaultConfig())
	if err != nil {
		return nil, fmt.Errorf("truncated-normal: %w", err)
	}
	points, _, err := sampler.Sample(cfg.Pool, rng.New(0, "truncated normal"))
	if err != nil {
		return nil, fmt.Errorf("truncated-normal: %w", err)
	}
	n := p.Dim()
	vec := func() []float64 { return make([]float64, n) }
	t := &TruncatedNormal{
		TruncatedConfig: cfg, p: p, walk: walk, mean: vec(), deviation: vec(),
		t: vec(), w: vec(), slope: make([]float64, 2*n), x: vec(), tilt: vec(), weight: vec(), target: vec(), gt: vec(), gw: vec(),
		prob: make([]float64, cfg.Points), q: make([]float64, cfg.Points),
	}
	t.rand = rand.New(&t.pcg)
	units, _, _ := p.Canonical().Units()
	for i := range cfg.Pool {
		a := points[i*n : (i+1)*n]
		for j, d := range units {
			a[j] /= d
		}
		t.pool = append(t.pool, a)
		for j, x := range a {
			t.mean[j] += x / float64(cfg.Pool)
		}
	}
	for _, a := range t.pool {
		for j, x := range a {
			t.deviation[j] += (x - t.mean[j]) * (x - t.mean[j]) / float64(cfg.Pool)
		}
	}
	most := slices.Max(t.deviation)
	for j, v := range t.deviation {
		if v <= 1e-18*most {
			v = 0 // one value, up to rounding
		}
		t.deviation[j] = math.Sqrt(v)
	}
	t.proposal.init(walk)
	return t, nil
}

// Polytope implements policy.Family.
func (t *TruncatedNormal) Polytope() *lp.Polytope { return t.p }

// Outputs and DrawSize implement policy.Family.
func (t *TruncatedNormal) Outputs() int  { return 2 * len(t.mean) }
func (t *TruncatedNormal) DrawSize() int { return (t.Points+1)*len(t.mean) + t.Points + 1 }

// member sets t, w and slope, given the outputs z.
func (t *TruncatedNormal) member(z []float32) {
	n := len(t.t)
	for j := range n {
		tilt, slope := tiltUnit*math.Sinh(float64(z[j])), tiltUnit*math.Cosh(float64(z[j]))
		if math.Abs(tilt) > maxTilt {
			tilt, slope = math.Copysign(maxTilt, tilt), 0
		}
		t.t[j], t.slope[j] = tilt, slope
		sigma := startSigma * math.Exp(float64(z[n+j]))
		w := 1 / (sigma * sigma)
		t.w[j], t.slope[n+j] = w, -2*w
		if !(sigma >= minSigma) {
			t.w[j], t.slope[n+j] = 1./(minSigma*minSigma), 0
		} else if sigma > maxSigma {
			t.w[j], t.slope[n+j] = 1./(maxSigma*maxSigma), 0
		}
		if t.deviation[j] == 0 {
			t.t[j], t.slope[j], t.w[j], t.slope[n+j] = 0, 0, 0, 0
		}
	}
}

// energy returns q of a point x in units of the deviation.
func (t *TruncatedNormal) energy(x []float32) (q float64) {
	for j, v := range x {
		x := float64(v)
		q += x * (t.w[j]*x/2 - t.t[j])
	}
	return q
}

// parts returns the parts of a draw: its point x, logZ, the energies of the points a_k under
// z_0 less their mean, and the a_k. logZ is the estimate of ln Z(z_0) plus that mean.
func (t *TruncatedNormal) parts(draw []float32) (x, logZ, energies, points []float32) {
	n := len(t.t)
	return draw[:n], draw[n : n+1], draw[n+1 : n+1+t.Points], draw[n+1+t.Points:]
}

// Confined implements policy.Confined.
func (t *TruncatedNormal) Confined() {}

// Sample implements policy.Family.
func (t *TruncatedNormal) Sample(z []float32, rule policy.Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error {
	if limits != nil && !limits.Own() {
		return fmt.Errorf("truncated-normal: limits that follow the state leave other uniform points than those that it is measured by: such an environment is not served")
	}
	t.member(z)
	t.inWalkUnits()
	if rule != policy.Sampled {
		t.meanOrMode(rule, draw, action)
		return nil
	}
	t.pcg.Seed(source.Uint64(), source.Uint64())
	x, logZ, energies, points := t.parts(draw)
	n := len(x)
	annealed := t.anneal()
	copy(t.x, t.walk.Point())
	if !t.reject(x, points) {
		t.walk.Start(t.x)
		for range t.Settle {
			t.sweep(1)
		}
		for k := range t.Points {
			t.sweep(1)
			t.write(points[k*n : (k+1)*n])
		}
		t.sweep(1)
		t.write(x)
	}
	mean := 0.
	for k := range t.Points {
		t.q[k] = t.energy(points[k*n : (k+1)*n])
		mean += t.q[k] / float64(t.Points)
	}
	for k, q := range t.q {
		energies[k] = float32(q - mean)
	}
	logZ[0] = float32(annealed + mean)
	t.walk.Allocation(t.walk.Point(), action)
	return nil
}

// inWalkUnits sets tilt, weight and target, the distribution in units of the walk.
func (t *TruncatedNormal) inWalkUnits() {
	for j, d := range t.deviation {
		t.tilt[j], t.weight[j], t.target[j] = 0, 0, t.mean[j]
		if d > 0 {
			t.tilt[j], t.weight[j] = t.t[j]/d, t.w[j]/(d*d)
			t.target[j] += d * t.t[j] / t.w[j]
		}
	}
}

// anneal walks from a uniform point to the distribution, with one sweep under each of the
// densities exp(-beta q), beta from 0 to 1. It returns the logarithm of a weight whose mean is Z
// (Neal, Annealed importance sampling, Statistics and Computing 11, 2001),
//
//	ln w = -sum_i (beta_i+1 - beta_i) q(a_i).
//
// The beta_i are equally spaced in ln(1 + beta Q), where Q is about as large as q varies.
func (t *TruncatedNormal) anneal() (weight float64) {
	t.walk.Start(t.pool[t.rand.IntN(len(t.pool))])
	typical := 0.
	for j, tilt := range t.t {
		typical += t.w[j]/2 + math.Abs(tilt)
	}
	whole, beta := math.Log1p(typical), 0.
	for i := range t.Anneal {
		next := math.Expm1(whole*float64(i+1)/float64(t.Anneal)) / typical
		if i == t.Anneal-1 {
			next = 1
		}
		weight -= (next - beta) * t.walkEnergy()
		t.sweep(next)
		beta = next
	}
	return weight
}

// walkEnergy returns q of the point of the walk.
func (t *TruncatedNormal) walkEnergy() (q float64) {
	for j, x := range t.walk.Point() {
		x -= t.mean[j]
		q += x * (t.weight[j]*x/2 - t.tilt[j])
	}
	return q
}

// sweep takes one step along every direction of a basis. Each goes to a draw from the density
// exp(-beta q) on the chord through the point.
func (t *TruncatedNormal) sweep(beta float64) {
	basis := t.rand.IntN(t.walk.Bases())
	for i := range t.walk.Dim() {
		entities, move, lo, hi := t.walk.Chord(basis, i)
		curve, slope := t.derivatives(entities, move)
		curve, slope = beta*curve, beta*slope
		var step float64
		// Where q hardly varies along the chord, the draw is uniform.
		if size := math.Sqrt(curve); size*(hi-lo) > 1e-6 {
			peak := slope / curve
			step = peak + dist.NormalBetween((lo-peak)*size, (hi-peak)*size, t.rand)/size
		} else {
			step = lo + (hi-lo)*t.rand.Float64()
		}
		t.walk.Move(basis, i, min(max(step, lo), hi))
	}
}

// derivatives returns the second derivative of q along a direction, and minus the first.
func (t *TruncatedNormal) derivatives(entities []int32, move []float64) (curve, slope float64) {
	x := t.walk.Point()
	for i, j := range entities {
		v := move[i]
		curve += v * v * t.weight[j]
		slope += v * (t.tilt[j] - t.weight[j]*(x[j]-t.mean[j]))
	}
	return curve, slope
}

// write writes the point of the walk in units of the deviation.
func (t *TruncatedNormal) write(dst []float32) {
	for j, x := range t.walk.Point() {
		dst[j] = 0
		if d := t.deviation[j]; d > 0 {
			dst[j] = float32((x - t.mean[j]) / d)
		}
	}
}

// reject draws the point and the a_k by rejection, and leaves the walk at the point. It reports
// false where too few proposals are accepted.
func (t *TruncatedNormal) reject(x, points []float32) bool {
	if t.Tries == 0 || !t.proposal.set(t.target, t.weight) {
		return false
	}
	n := len(x)
	accepted, tries := 0, 0
	for accepted <= t.Points {
		// From Tries proposals on, half of all have to be accepted.
		if tries >= t.Tries && 2*accepted < tries {
			return false
		}
		tries++
		if !t.proposal.draw(t.walk, t.rand) {
			continue
		}
		if accepted < t.Points {
			t.write(points[accepted*n : (accepted+1)*n])
		} else {
			t.write(x)
		}
		accepted++
	}
	return true
}

// meanOrMode writes the mean, estimated by a walk with a seed that is always the same, or the
// mode, which coordinate ascent along the directions of the walk finds from the mean.
func (t *TruncatedNormal) meanOrMode(rule policy.Rule, draw []float32, action []float64) {
	t.pcg.Seed(0, 0)
	t.anneal()
	const sweeps = 128
	x := t.x
	clear(x)
	for range sweeps {
		t.sweep(1)
		for j, v := range t.walk.Point() {
			x[j] += v / sweeps
		}
	}
	t.walk.Start(x)
	if rule == policy.Mode {
		for i := range sweeps {
			basis := i % t.walk.Bases()
			for k := range t.walk.Dim() {
				entities, move, lo, hi := t.walk.Chord(basis, k)
				if curve, slope := t.derivatives(entities, move); curve > 0 {
					t.walk.Move(basis, k, min(max(slope/curve, lo), hi))
				}
			}
		}
	}
	clear(draw)
	at, _, energies, points := t.parts(draw)
	t.write(at)
	for k := range energies {
		copy(points[k*len(at):], at)
	}
	t.walk.Allocation(t.walk.Point(), action)
}

// reweight sets q to the energies of the a_k under z and prob to their importance weights,
// which sum to 1, and returns ln Z(z).
func (t *TruncatedNormal) reweight(draw []float32) float64 {
	_, logZ, energies, points := t.parts(draw)
	n := len(t.t)
	top := math.Inf(-1)
	for k, e := range energies {
		t.q[k] = t.energy(points[k*n : (k+1)*n])
		t.prob[k] = float64(e) - t.q[k]
		top = max(top, t.prob[k])
	}
	sum := 0.
	for k, l := range t.prob {
		t.prob[k] = math.Exp(l - top)
		sum += t.prob[k]
	}
	for k := range t.prob {
		t.prob[k] /= sum
	}
	return float64(logZ[0]) + top + math.Log(sum/float64(len(t.prob)))
}

// slopes adds the derivatives of scale q(x) by t and w to gt and gw.
func (t *TruncatedNormal) slopes(x []float32, scale float64) {
	for j, v := range x {
		x := float64(v)
		t.gt[j] -= scale * x
		t.gw[j] += scale * x * x / 2
	}
}

// chainRule writes the gradient with respect to z, given gt and gw.
func (t *TruncatedNormal) chainRule(grad []float32) {
	n := len(t.t)
	for j := range n {
		grad[j], grad[n+j] = float32(t.gt[j]*t.slope[j]), float32(t.gw[j]*t.slope[n+j])
	}
}

// LogProb implements policy.Family.
func (t *TruncatedNormal) LogProb(z, draw, grad []float32) float64 {
	t.member(z)
	logZ := t.reweight(draw)
	x, _, _, points := t.parts(draw)
	if grad != nil {
		// d ln Z = -sum_k prob_k dq(a_k)
		clear(t.gt)
		clear(t.gw)
		t.slopes(x, -1)
		for k, p := range t.prob {
			t.slopes(points[k*len(x):(k+1)*len(x)], p)
		}
		t.chainRule(grad)
	}
	return -t.energy(x) - logZ
}

// DrawEntropy implements policy.DrawEntropic: H = ln Z + E q, estimated from the a_k, and the
// gradient of that estimate, dH = -Cov(q, dq).
func (t *TruncatedNormal) DrawEntropy(z, draw, grad []float32) float64 {
	t.member(z)
	logZ := t.reweight(draw)
	mean := 0.
	for k, p := range t.prob {
		mean += p * t.q[k]
	}
	if grad != nil {
		_, _, _, points := t.parts(draw)
		n := len(t.t)
		clear(t.gt)
		clear(t.gw)
		for k, p := range t.prob {
			t.slopes(points[k*n:(k+1)*n], -p*(t.q[k]-mean))
		}
		t.chainRule(grad)
	}
	return logZ + mean
}

// Constant returns ln Z, estimated from runs runs of annealed importance sampling, and its
// standard error: that of the mean weight, divided by the mean weight.
func (t *TruncatedNormal) Constant(z []float32, runs int, source rand.Source) (logZ, stdErr float64) {
	t.member(z)
	t.inWalkUnits()
	t.pcg.Seed(source.Uint64(), source.Uint64())
	logs := make([]float64, runs)
	for i := range logs {
		logs[i] = t.anneal()
	}
	top := slices.Max(logs)
	sum, squares := 0., 0.
	for _, l := range logs {
		w := math.Exp(l - top)
		sum += w
		squares += w * w
	}
	n := float64(runs)
	mean := sum / n
	return top + math.Log(mean), math.Sqrt(max(0, squares/n-mean*mean)/(n-1)) / mean
}
