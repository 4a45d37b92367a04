package blas

/*
#include "team.h"
*/
import "C"

// Team is threads that gradient steps are divided among. Results do not depend on their number. Those
// that are not of use for a while sleep.
type Team struct {
	team *C.team
	size int
}

// NewTeam returns a team of size threads, with the one that calls: size - 1 are started, where the
// system has them.
func NewTeam(size int) *Team {
	return &Team{C.paspo_team(C.int(max(size, 1))), max(size, 1)}
}

// Size is the number of threads at most: 1 where there is no team.
func (t *Team) Size() int {
	if t == nil {
		return 1
	}
	return t.size
}

func (t *Team) c() *C.team {
	if t == nil {
		return nil
	}
	return t.team
}

// Close ends the threads. What has the team works alone then.
func (t *Team) Close() {
	if t != nil && t.team != nil {
		C.paspo_team_end(t.team)
		t.team = nil
	}
}

// TeamThreads is the number of threads that teams of the process have started and not ended.
func TeamThreads() int { return int(C.paspo_team_threads()) }

// WholeTeams makes teams wait for all of their threads before every task, or not: for tests, which
// nothing would tell otherwise whether threads took part.
func WholeTeams(on bool) {
	C.paspo_team_whole(flag(on))
}
