// Package reference has values that were computed by others, which tests hold this project
// to: with the code that the paper published (arXiv 2409.18735), with scipy's HiGHS and
// hmmlearn, and with mpmath.
//
//   - polytope_*: A, b and n of the paper's three settings, A a <= b beside a >= 0 and
//     sum a = 1, and the share of the simplex that is feasible.
//   - bounds_*: 200 sequences of actions; bounds_tight[i] is the interval of entity i
//     after actions[:i] to a tolerance of 1e-10.
//   - uniform_fit_*: the Beta distributions fitted to each normalised coordinate of
//     100 000 uniform points.
//   - env_*: traces of the paper's environments (inputs and actions, then the observations
//     and rewards that came of them) and the mean returns of three fixed policies with their
//     standard errors. max_reward_over_vertices_per_state is the largest reward of a vertex
//     of the polytope in each state.
//   - beta, beta_terms, dirichlet: Beta and Dirichlet distributions and the functions that
//     these are made of, rounded to 20 digits. make_*.py made them.
package reference
