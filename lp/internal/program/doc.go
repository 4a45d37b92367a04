// Package program solves linear programs by CLP. It trusts nothing that CLP says: a
// solution is checked against the limits, and a conflict among limits is proved in
// rational arithmetic. It knows numbers and no polytopes.
package program
