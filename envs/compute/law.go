package compute

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Law is how the tasks of an episode arrive, where its users spawn alike and every user's tasks
// are of one size: at any time a task is as likely to arrive as at any other, and as likely
// to be of one user as of another.
type Law struct {
	Users   []Task  // what each spawns, without a time
	rate    float64 // tasks a second, of all users
	seconds float64 // of an episode
}

// Arrival is a task of a user.
type Arrival struct {
	Time float64 // in seconds
	User int     // of Law.Users
}

// mostTasks bounds the mean number of tasks of a Law: weights of numbers of tasks are finite.
const mostTasks = 500

// Law returns the law of the tasks.
func (p *Problem) Law() (*Law, error) {
	l := &Law{seconds: p.users[0].seconds}
	for i, u := range p.users {
		if first := p.users[0]; u.tasks != first.tasks || u.seconds != first.seconds || u.bits[0] != u.bits[1] || u.cycles[0] != u.cycles[1] {
			return nil, fmt.Errorf("compute: user %d: a law is known of users that spawn alike, each tasks of one size", i)
		}
		l.rate += u.tasks / u.seconds
		task := Task{Bits: float64(u.bits[0]), Cycles: float64(u.cycles[0])}
		task.Limit = p.limit(task)
		l.Users = append(l.Users, task)
	}
	if mean := l.rate * l.seconds; mean > mostTasks {
		return nil, fmt.Errorf("compute: %g tasks are expected in an episode: up to %d are allowed where a law is asked for", mean, mostTasks)
	}
	return l, nil
}

// Cycles returns the mean number of cycles that arrive in so many seconds.
func (l *Law) Cycles(seconds float64) (cycles float64) {
	for _, u := range l.Users {
		cycles += u.Cycles * l.rate * seconds / float64(len(l.Users))
	}
	return cycles
}

// Draw draws the arrivals after a time and appends them to arrivals. shown are the users of the next
// tasks, which an observation shows. Where they are fewer than it could show, no others arrive.
func (l *Law) Draw(rng *rand.Rand, after float64, shown []int, arrivals []Arrival) []Arrival {
	n := len(shown)
	if n == shownTasks-1 {
		// n becomes a Poisson number, given that it is at least n.
		mean, weight, sum := l.rate*(l.seconds-after), 1., 0.
		for k := n; weight > 1e-17*sum; k++ {
			sum += weight
			weight *= mean / float64(k+1)
		}
		weight = 1
		for u := rng.Float64() * sum; u > weight; n++ {
			u -= weight
			weight *= mean / float64(n+1)
		}
	}
	// Uniform times in their order are sums of exponential ones, scaled.
	at, first := 0., len(arrivals)
	for k := range n {
		at += rng.ExpFloat64()
		a := Arrival{Time: at}
		if k < len(shown) {
			a.User = shown[k]
		} else {
			a.User = rng.IntN(len(l.Users))
		}
		arrivals = append(arrivals, a)
	}
	scale := (l.seconds - after) / (at + rng.ExpFloat64())
	for k := range n {
		arrivals[first+k].Time = after + scale*arrivals[first+k].Time
	}
	return arrivals
}

// Part is what a server gets of a task.
type Part struct{ Transmit, Compute float64 } // seconds

// Parts writes what each server gets of a task that an action splits.
func (p *Problem) Parts(parts []Part, task Task, action []float64) {
	for i, a := range action {
		a = math.RoundToEven(a*shareResolution) / shareResolution
		parts[i] = Part{math.Trunc(task.Bits*a) / bitsPerSecond, math.Trunc(task.Cycles*a) / p.hz[i]}
	}
}

// Serve puts the parts of a task that arrives at a time on servers that are done at done, and
// returns when the last of them is.
func Serve(done []float64, at float64, parts []Part) (last float64) {
	for i, part := range parts {
		done[i] = max(at+part.Transmit, done[i]) + part.Compute
		last = max(last, done[i])
	}
	return last
}
