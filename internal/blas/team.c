//go:build cgo

#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What a helper is at. The thread that leads takes one that waits and lets it run; the helper
// does all else.
enum { ASLEEP, WAITING, TAKEN, RUNNING };

// What threads write at the same time is in lines of its own.
#define LINE _Alignas(128)

typedef struct {
	LINE int state;
	LINE member me;
	task run;
	void *job;
	LINE int woken, over; // what the lock of the team guards
	pthread_t thread;
	pthread_cond_t wake;
} helper;

struct team {
	LINE int arrived;
	LINE int handed;
	LINE int turn;
	LINE int leading; // whether a run is under way

	LINE int size; // of the team, with the thread that leads it
	helper *helpers;
	pthread_mutex_t lock;

	// Of paspo_team_run, in ns but for the number of runs since helpers were called.
	int64_t gain, rest, until;
	int called;
};

// Helpers do harm on a machine that is busy otherwise, since all wait for the one that does not run.
// So what they gain is added up, in ns, against what runs of the leading thread alone took last. Where they
// have lost LOSS they rest, at first for REST and then longer every time up to MOST, until they have gained as much.
static const int64_t LOSS = 5000000, REST = 10000000, MOST = 2000000000;

// How many runs the leading thread does alone to begin with, and how many of them helpers that
// were called may take to be there.
enum { ALONE = 4, PATIENCE = 16 };

// Helper threads of the process, and whether tasks wait for all of them.
static int threads, whole;

int paspo_team_threads(void) { return __atomic_load_n(&threads, __ATOMIC_SEQ_CST); }

void paspo_team_whole(int on) { __atomic_store_n(&whole, on, __ATOMIC_SEQ_CST); }

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

// Rounds of spinning, some 50 us, before a thread lets others run, and rounds of that before it sleeps.
enum { SPINS = 2000, YIELDS = 200 };

static inline void delay(int round)
{
	if (round < SPINS)
		relax();
	else if (round < SPINS + YIELDS)
		sched_yield();
	else
		nanosleep(&(struct timespec){0, 50000}, 0);
}

static void await(const int *x, int least)
{
	for (int i = 0; __atomic_load_n(x, __ATOMIC_ACQUIRE) < least; i++)
		delay(i);
}

static void await_end(const int *state)
{
	for (int i = 0; __atomic_load_n(state, __ATOMIC_ACQUIRE) == RUNNING; i++)
		delay(i);
}

void paspo_barrier(member *me)
{
	__atomic_fetch_add(&me->team->arrived, 1, __ATOMIC_ACQ_REL);
	await(&me->team->arrived, me->arrived += me->count);
}

void paspo_receive(member *me) { await(&me->team->handed, me->handed + me->id); }

void paspo_pass(member *me)
{
	__atomic_fetch_add(&me->team->handed, 1, __ATOMIC_ACQ_REL);
	me->handed += me->count;
}

void paspo_collect(member *me) { await(&me->team->handed, me->handed); }

void paspo_await_turn(member *me, int turn) { await(&me->team->turn, turn); }

void paspo_end_turn(member *me) { __atomic_store_n(&me->team->turn, me->id + 1, __ATOMIC_RELEASE); }

static void *help(void *arg)
{
	helper *h = arg;
	team *t = h->me.team;
	for (;;) {
		int state, spins = 0, led = 0;
		while ((state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE)) != RUNNING) {
			// One that was called during a run waits for the next.
			if (__atomic_load_n(&t->leading, __ATOMIC_RELAXED)) {
				spins = 0;
				if (led++ > SPINS)
					sched_yield();
			} else if (state == WAITING && spins++ > SPINS &&
				__atomic_compare_exchange_n(&h->state, &state, ASLEEP, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
				break;
			}
			relax();
		}
		if (state == RUNNING) {
			h->run(h->job, &h->me);
			__atomic_store_n(&h->state, WAITING, __ATOMIC_RELEASE);
			continue;
		}
		pthread_mutex_lock(&t->lock);
		while (!h->woken && !h->over)
			pthread_cond_wait(&h->wake, &t->lock);
		int over = h->over;
		h->woken = 0;
		pthread_mutex_unlock(&t->lock);
		if (over)
			return 0;
		__atomic_store_n(&h->state, WAITING, __ATOMIC_RELEASE);
	}
}

team *paspo_team(int size)
{
	team *t = aligned_alloc(128, sizeof *t);
	helper *hs = aligned_alloc(128, size * sizeof *hs);
	if (!t || !hs) {
		free(t);
		free(hs);
		return 0;
	}
	memset(t, 0, sizeof *t);
	memset(hs, 0, size * sizeof *hs);
	t->size = 1;
	t->helpers = hs;
	t->rest = REST;
	pthread_mutex_init(&t->lock, 0);

	// Signals are for the threads of Go.
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; t->size < size; t->size++) {
		helper *h = hs + t->size - 1;
		h->me.team = t;
		h->state = WAITING;
		pthread_cond_init(&h->wake, 0);
		if (pthread_create(&h->thread, 0, help, h))
			break;
		__atomic_fetch_add(&threads, 1, __ATOMIC_SEQ_CST);
	}
	pthread_sigmask(SIG_SETMASK, &before, 0);
	return t;
}

void paspo_team_end(team *t)
{
	for (int i = 0; i < t->size - 1; i++) {
		helper *h = t->helpers + i;
		pthread_mutex_lock(&t->lock);
		h->over = 1;
		pthread_cond_signal(&h->wake);
		pthread_mutex_unlock(&t->lock);
		pthread_join(h->thread, 0);
		pthread_cond_destroy(&h->wake);
		__atomic_fetch_sub(&threads, 1, __ATOMIC_SEQ_CST);
	}
	pthread_mutex_destroy(&t->lock);
	free(t->helpers);
	free(t);
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static void rest(team *t, int64_t now)
{
	t->until = now + t->rest;
	t->rest = t->rest < MOST / 2 ? 2 * t->rest : MOST;
	t->gain = t->called = 0;
}

static int take(helper *h)
{
	int state = WAITING;
	return __atomic_compare_exchange_n(&h->state, &state, TAKEN, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void call(team *t, helper *h)
{
	pthread_mutex_lock(&t->lock);
	h->woken = 1;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&t->lock);
}

// Takes the helpers that wait, calls those that sleep, and returns how many members a run has.
static int gather(team *t, int all)
{
	int count = 1, asleep = 0;
	for (int i = 0; i < t->size - 1; i++) {
		helper *h = t->helpers + i;
		int here = take(h);
		if (!here && (all || t->called == 0))
			call(t, h);
		for (int round = 0; !here && all; round++) {
			delay(round);
			here = take(h);
		}
		if (here)
			h->me.id = count++;
		else
			asleep++;
	}
	t->called = asleep ? t->called + 1 : 0;
	return count;
}

void paspo_team_run(team *t, task run, void *job, int work, pace *p)
{
	member me = {t, 0, 1, 0, 0};
	if (!t || t->size == 1) {
		run(job, &me);
		return;
	}
	int64_t start = now();
	if (t->called > PATIENCE)
		rest(t, start);
	__atomic_store_n(&t->leading, 1, __ATOMIC_RELAXED);
	int all = __atomic_load_n(&whole, __ATOMIC_RELAXED);
	if (!all && p->runs < ALONE)
		p->runs++;
	else if (all || start >= t->until)
		me.count = gather(t, all);
	if (me.count > 1) {
		t->arrived = t->handed = t->turn = 0;
		for (int i = 0; i < t->size - 1; i++) {
			helper *h = t->helpers + i;
			if (h->state != TAKEN)
				continue;
			h->me = (member){t, h->me.id, me.count, 0, 0};
			h->run = run;
			h->job = job;
			__atomic_store_n(&h->state, RUNNING, __ATOMIC_RELEASE);
		}
	}
	run(job, &me);
	for (int i = 0; i < t->size - 1 && me.count > 1; i++)
		await_end(&t->helpers[i].state);
	__atomic_store_n(&t->leading, 0, __ATOMIC_RELAXED);

	int64_t end = now();
	double took = (double)(end - start);
	if (me.count == 1) {
		// A machine may become slower.
		double most = p->each * (1 + 1. / 64);
		p->each = p->each == 0 || took / work < most ? took / work : most;
		return;
	}
	t->gain += (int64_t)(p->each * work - took);
	if (t->gain < -LOSS) {
		rest(t, end);
	} else if (t->gain > LOSS) {
		t->gain = LOSS;
		t->rest = REST;
	}
}
