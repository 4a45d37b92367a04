// Package entropy measures what training knows of the entropy of a policy: its
// estimates from samples, its value by quadrature where chains are short, and the
// gradient that training uses beside the full one (docs/method.md, section 7).
package entropy
