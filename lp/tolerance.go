package lp

const (
	// witnessTol is the largest scaled residual of an allocation that proves an endpoint
	// feasible, gapTol the largest distance of an endpoint to its dual bound.
	witnessTol = 1e-11
	gapTol     = 1e-11

	// tightTol is rounding: an allocation that breaks no limit by more proves the endpoint
	// of rows that are off by as much. Where rows are nearly parallel, the exact endpoint
	// is that of no larger tolerance.
	tightTol = 4e-15

	// solveTol is CLP's primal tolerance for intervals, on rows whose coefficients are at
	// most 2. Where a prefix is infeasible by rounding, the limits are relaxed by
	// rounding, scaled, and solved again.
	solveTol = 1e-14
	rounding = 1e-12

	// steepGive bounds the sensitivity of an affine piece or a basis whose endpoint is
	// answered from it: by how much it moves when every limit gives by its scale. Beyond
	// it the rounding of limits, some 1e-16 of their scales, moves the endpoint by more
	// than 1e-11: what prefixes violate by rounding then counts.
	steepGive = 1e5

	// crossTol is the largest amount by which all limits may have to give for the
	// endpoints of an interval to meet and the interval to be answered.
	crossTol = 1e-11

	// noise is the relative size up to which a coefficient that remains of a row after
	// elimination is taken for an error of its data. Rows that restate a budget in
	// decimals are the common case.
	noise = 1e-15
)
