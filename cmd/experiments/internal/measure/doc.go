// Package measure has the experiments that compare no trainings over seeds: how intervals grow, whether
// they are right, how far from uniform policies start, and estimates of the entropy.
package measure
