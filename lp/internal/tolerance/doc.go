// Package tolerance says how much rounding is let pass where intervals are computed.
package tolerance
