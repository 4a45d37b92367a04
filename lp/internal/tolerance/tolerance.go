package tolerance

const (
	// Witness is the largest scaled residual of an allocation that proves an endpoint
	// feasible, Gap the largest distance of an endpoint to its dual bound.
	Witness = 1e-11
	Gap     = 1e-11

	// Tight is rounding: an allocation that breaks no limit by more proves the endpoint
	// of rows that are off by as much. Where rows are nearly parallel, the exact endpoint
	// is that of no larger tolerance.
	Tight = 4e-15

	// Solve is CLP's primal tolerance for intervals, on rows whose coefficients are at
	// most 2. Where a prefix is infeasible by rounding, the limits are relaxed by
	// Rounding, scaled, and solved again.
	Solve    = 1e-14
	Rounding = 1e-12

	// Sensitivity bounds the sensitivity of an affine piece or a basis whose endpoint is
	// answered from it: by how much it moves when every limit is relaxed by its scale. Beyond
	// it the rounding of limits, some 1e-16 of their scales, moves the endpoint by more
	// than 1e-11: what prefixes violate by rounding then counts.
	Sensitivity = 1e5

	// Cross is the largest amount by which all limits may have to be relaxed for the
	// endpoints of an interval to meet and the interval to be answered.
	Cross = 1e-11

	// Flat is the width, against max(1, largest coordinate), up to which a polytope counts as
	// flat in a direction.
	Flat = 1e-9

	// Noise is the relative size up to which a coefficient that remains of a row after
	// elimination is taken for an error of its data. Rows that restate a budget in
	// decimals are the common case.
	Noise = 1e-15
)
