#include "fake.h"

#include <algorithm>
#include <chrono>

std::set<Stream *> streams;
std::vector<Capture *> captures;
static std::set<Event *> events;

int stream_of(void *handle, Stream **s)
{
	*s = (Stream *)handle;
	if (!streams.count(*s))
		return fail(INVALID_HANDLE, "%p is no stream", handle);
	if ((*s)->context != current)
		return fail(INVALID_HANDLE, "the stream belongs to another context");
	return 0;
}

#define STREAM(handle) \
	ENTER(); \
	Stream *s; \
	if (int code = stream_of(handle, &s)) \
		return code

static int event_of(void *handle, Event **e)
{
	*e = (Event *)handle;
	return events.count(*e) && (*e)->context == current ? 0 : fail(INVALID_HANDLE, "%p is no event of the context", handle);
}

#define EVENT(handle) \
	Event *e; \
	if (int code = event_of(handle, &e)) \
		return code

int unsafe_in_capture(const char *call)
{
	for (Capture *c : captures)
		if (c->mode == 0 || (c->mode == 1 && c->thread == std::this_thread::get_id())) {
			c->invalid = true;
			return fail(CAPTURE_UNSUPPORTED, "%s in a capture", call);
		}
	return 0;
}

static int waits_in_capture(Stream *s, const char *call)
{
	if (!s->capture)
		return unsafe_in_capture(call);
	s->capture->invalid = true;
	return fail(CAPTURE_UNSUPPORTED, "%s of a stream that is captured", call);
}

int give(Stream *s, const char *name, std::function<int()> run)
{
	if (Capture *c = s->capture) {
		if (c->invalid)
			return fail(CAPTURE_INVALIDATED, "the capture went wrong before");
		if (c->mode != 2 && c->thread != std::this_thread::get_id())
			return fail(CAPTURE_WRONG_THREAD, "another thread began the capture");
		c->nodes.push_back({name, run, s, s->known});
		s->known[s] = ++s->captured;
		return 0;
	}
	join(s->clock, waited_for);
	queue(s, 0, name, run, Clock(s->clock));
	return 0;
}

int reach(Stream *s, uint64_t at)
{
	while (s->done < at) {
		Op op = std::move(s->queue.front());
		s->queue.pop_front();
		s->done++;
		if (s->context->lost)
			continue;
		begin(op);
		int code = op.run();
		if (int found = ended(s->context->device))
			code = found;
		if (code) {
			s->context->lost = code;
			return code;
		}
	}
	return s->context->lost;
}

int drain(Context *c)
{
	for (Stream *s : streams)
		if (s->context == c)
			reach(s, s->queued);
	return c->lost;
}

API int cuStreamCreate(Stream **s, unsigned flags)
{
	ENTER();
	if (flags != 1)
		return fail(INVALID_VALUE, "a stream that waits for the legacy one");
	*s = new Stream{current};
	streams.insert(*s);
	return 0;
}

// A stream's memory is kept: queued ops may name it.
API int cuStreamDestroy_v2(void *handle)
{
	STREAM(handle);
	if (s->capture)
		return waits_in_capture(s, "cuStreamDestroy");
	int code = reach(s, s->queued);
	streams.erase(s);
	return code;
}

API int cuStreamSynchronize(void *handle)
{
	STREAM(handle);
	if (s->capture)
		return waits_in_capture(s, "cuStreamSynchronize");
	s->context->device->counts[SYNCS]++;
	join(waited_for, s->clock);
	return reach(s, s->queued);
}

// A query gets one piece of work done, so that asking again and again ends.
API int cuStreamQuery(void *handle)
{
	STREAM(handle);
	if (s->capture)
		return waits_in_capture(s, "cuStreamQuery");
	if (s->done == s->queued) {
		join(waited_for, s->clock);
		return 0;
	}
	int code = reach(s, s->done + 1);
	return code ? code : fail(NOT_READY, "the stream has work to do");
}

API int cuCtxSynchronize()
{
	ENTER();
	if (int code = unsafe_in_capture("cuCtxSynchronize"))
		return code;
	current->device->counts[SYNCS]++;
	for (Stream *s : streams)
		if (s->context == current)
			join(waited_for, s->clock);
	return drain(current);
}

static double now()
{
	using namespace std::chrono;
	return duration<double>(steady_clock::now().time_since_epoch()).count();
}

API int cuEventCreate(Event **e, unsigned flags)
{
	ENTER();
	*e = new Event{current, !(flags & 2)};
	events.insert(*e);
	return 0;
}

API int cuEventDestroy_v2(void *handle)
{
	ENTER();
	EVENT(handle);
	events.erase(e);
	return 0;
}

API int cuEventRecord(void *handle, void *on)
{
	STREAM(on);
	EVENT(handle);
	e->stream = s;
	e->capture = s->capture;
	if (s->capture) {
		e->known = s->known;
		return 0;
	}
	if (int code = give(s, "cuEventRecord", [=] {
		e->time = now();
		return 0;
	}))
		return code;
	e->at = s->queued;
	e->clock = s->clock;
	return 0;
}

API int cuStreamWaitEvent(void *handle, void *on, unsigned flags)
{
	STREAM(handle);
	EVENT(on);
	if (!e->stream)
		return 0;
	if (e->capture) {
		if (std::find(captures.begin(), captures.end(), e->capture) == captures.end())
			return fail(INVALID_VALUE, "the event was recorded in a capture that has ended");
		if (s->capture && s->capture != e->capture)
			return fail(CAPTURE_MERGE, "the streams are in two captures");
		if (!s->capture) {
			s->capture = e->capture;
			s->captured = 0;
			s->known.clear();
			s->capture->members.insert(s);
		}
		for (auto &k : e->known)
			s->known[k.first] = std::max(s->known[k.first], k.second);
		return 0;
	}
	if (s->capture)
		return fail(CAPTURE_UNSUPPORTED, "a captured stream cannot wait for one that is not");
	Stream *other = e->stream;
	uint64_t at = e->at;
	join(s->clock, e->clock);
	return give(s, "cuStreamWaitEvent", [=] { return reach(other, at); });
}

API int cuEventSynchronize(void *handle)
{
	ENTER();
	EVENT(handle);
	if (int code = unsafe_in_capture("cuEventSynchronize"))
		return code;
	current->device->counts[SYNCS]++;
	join(waited_for, e->clock);
	return e->stream ? reach(e->stream, e->at) : 0;
}

API int cuEventQuery(void *handle)
{
	ENTER();
	EVENT(handle);
	if (!e->stream || e->stream->done >= e->at) {
		join(waited_for, e->clock);
		return 0;
	}
	int code = reach(e->stream, e->stream->done + 1);
	return code ? code : fail(NOT_READY, "the event is still to happen");
}

API int cuEventElapsedTime(float *ms, void *from, void *to)
{
	ENTER();
	Event *a, *b;
	if (int code = event_of(from, &a))
		return code;
	if (int code = event_of(to, &b))
		return code;
	if (!a->stream || !b->stream || !a->timed || !b->timed)
		return fail(INVALID_HANDLE, "an event was not recorded, or has no time");
	if (a->stream->done < a->at || b->stream->done < b->at)
		return fail(NOT_READY, "an event is still to happen");
	*ms = 1e3 * (b->time - a->time);
	return 0;
}

struct Graph {
	Context *context;
	std::vector<Node> nodes;
	std::vector<Stream *> lanes; // they are only told apart
};

static std::set<void *> graphs, execs;

API int cuStreamBeginCapture_v2(void *handle, int mode)
{
	STREAM(handle);
	if (s->capture)
		return fail(INVALID_VALUE, "the stream is captured already");
	Capture *c = new Capture{s, std::this_thread::get_id(), mode};
	c->members.insert(s);
	s->capture = c;
	s->captured = 0;
	s->known.clear();
	captures.push_back(c);
	return 0;
}

API int cuStreamEndCapture(void *handle, void **graph)
{
	STREAM(handle);
	*graph = nullptr;
	Capture *c = s->capture;
	if (!c)
		return fail(INVALID_VALUE, "the stream is not captured");
	if (c->origin != s)
		return fail(CAPTURE_UNMATCHED, "the capture began on another stream");
	if (c->mode != 2 && c->thread != std::this_thread::get_id())
		return fail(CAPTURE_WRONG_THREAD, "another thread began the capture");
	captures.erase(std::find(captures.begin(), captures.end(), c));
	bool joined = true;
	for (Stream *m : c->members) {
		joined = joined && s->known[m] == m->captured;
		m->capture = nullptr;
	}
	if (c->invalid)
		return fail(CAPTURE_INVALIDATED, "the capture went wrong before");
	if (!joined)
		return fail(CAPTURE_UNJOINED, "a stream that waited for the captured one was not waited for");
	std::vector<Stream *> lanes(1, s);
	for (Stream *m : c->members)
		if (m != s)
			lanes.push_back(m);
	*graph = new Graph{s->context, std::move(c->nodes), lanes};
	graphs.insert(*graph);
	return 0;
}

API int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags)
{
	ENTER();
	if (!graphs.count(graph))
		return fail(INVALID_VALUE, "%p is no graph", graph);
	*exec = new Graph(*(Graph *)graph);
	execs.insert(*exec);
	return 0;
}

API int cuGraphDestroy(void *graph)
{
	ENTER();
	if (!graphs.erase(graph))
		return fail(INVALID_VALUE, "%p is no graph", graph);
	delete (Graph *)graph;
	return 0;
}

API int cuGraphExecDestroy(void *exec)
{
	ENTER();
	if (!execs.erase(exec))
		return fail(INVALID_VALUE, "%p is no executable graph", exec);
	delete (Graph *)exec;
	return 0;
}

API int cuGraphLaunch(void *exec, void *handle)
{
	STREAM(handle);
	if (!execs.count(exec))
		return fail(INVALID_VALUE, "%p is no executable graph", exec);
	Graph *g = (Graph *)exec;
	if (g->context != current)
		return fail(INVALID_CONTEXT, "the graph belongs to another context");
	current->device->counts[GRAPHS]++;
	join(s->clock, waited_for);
	const Clock before = s->clock;
	std::vector<uint32_t> start(g->lanes.size()), timeline(g->lanes.size());
	for (size_t i = 0; i < start.size(); i++)
		start[i] = end_of(s, i, &timeline[i]);
	for (const Node &n : g->nodes) {
		Clock clock = before;
		size_t lane = 0;
		for (size_t i = 0; i < start.size(); i++) {
			if (g->lanes[i] == n.stream)
				lane = i;
			auto k = n.known.find(g->lanes[i]);
			if (k == n.known.end() || k->second == 0)
				continue;
			if (clock.size() <= timeline[i])
				clock.resize(timeline[i] + 1);
			clock[timeline[i]] = start[i] + k->second;
		}
		queue(s, lane, n.name, n.run, clock);
	}
	return 0;
}
