// What comes before what, for the race check: as streams, events and graphs say,
// not as this driver happens to do it.
#include "fake.h"

#include <algorithm>
#include <cstdlib>

const RaceCheck *race;
Clock waited_for;

static std::vector<uint32_t> ends; // of the timelines

void join(Clock &c, const Clock &other)
{
	if (c.size() < other.size())
		c.resize(other.size());
	for (size_t i = 0; i < other.size(); i++)
		c[i] = std::max(c[i], other[i]);
}

uint32_t &end_of(Stream *s, size_t lane, uint32_t *timeline)
{
	while (s->timelines.size() <= lane) {
		s->timelines.push_back(ends.size());
		ends.push_back(0);
	}
	if (timeline)
		*timeline = s->timelines[lane];
	return ends[s->timelines[lane]];
}

void queue(Stream *s, size_t lane, const char *name, std::function<int()> run, const Clock &clock)
{
	Op op = {name, run};
	if (race) {
		op.position = ++end_of(s, lane, &op.timeline);
		op.clock = clock;
		if (s->clock.size() <= op.timeline)
			s->clock.resize(op.timeline + 1);
		s->clock[op.timeline] = op.position;
	}
	s->queue.push_back(std::move(op));
	s->queued++;
}

void begin(const Op &op)
{
	if (race)
		race->begin(op.name, op.timeline, op.position, op.clock.data(), op.clock.size());
}

// A race is an error of the op, unless PASPO_FAKE_RACES says that it is only
// printed.
int ended(Device *d)
{
	const char *set = getenv("PASPO_FAKE_RACES");
	const char *text = race ? race->end() : nullptr;
	if (!text)
		return 0;
	d->counts[RACES]++;
	return set && *set ? 0 : fail(LAUNCH_FAILED, "%s", text);
}
