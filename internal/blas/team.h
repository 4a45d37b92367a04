#ifndef PASPO_TEAM_H
#define PASPO_TEAM_H

// Threads that do a task together: the one that asks for it, which leads, and helpers, which wait for
// the next task for some microseconds and then sleep. A task must come to the same whatever the
// number of members is: those that are not there when it begins are not waited for.
typedef struct team team;

// A member of those that do a task: id 0 leads.
typedef struct {
	team *team;
	int id, count;
	int arrived, handed; // so far
} member;

typedef void (*task)(void *job, member *me);

// What the leading thread alone takes for a unit of work of a kind of task, in ns, and how
// many times it was made to do so.
typedef struct {
	double each;
	int runs;
} pace;

team *paspo_team(int size);
void paspo_team_end(team *t);
int paspo_team_threads(void);
void paspo_team_whole(int on);
void paspo_team_run(team *t, task run, void *job, int work, pace *p);

// A barrier: waits for all members.
void paspo_barrier(member *me);

// Something is passed from member to member in their order, and member 0 collects it at the end.
void paspo_receive(member *me);
void paspo_pass(member *me);
void paspo_collect(member *me);

// Waits for the end of the turns before, which members take in their order once a task.
void paspo_await_turn(member *me, int turn);
void paspo_end_turn(member *me);

#endif
