package launch

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// WatchParent ends this process, with status 1, when the launcher is gone, and heeds
// the signals that it passes on: see [Member.Notify]. To be called once. It starts a
// goroutine that ends with the process.
func (m *Member) WatchParent() {
	go func() {
		m.awaitParent()
		os.Exit(1)
	}()
}

// Notify is signal.Notify for a process that was launched: it also relays what the
// launcher passes on. A signal that comes both ways counts once, whichever is first.
// What the launcher passes on while nobody asks for it, the process sends to itself.
// One Notify may be in force at a time. After stop a signal does what it did before,
// but for one that has yet to come the other way: it has been heeded.
func (m *Member) Notify(c chan<- os.Signal, signals ...os.Signal) (stop func()) {
	r := &m.relay
	direct := make(chan os.Signal, 16)
	r.begin(c, direct, heeded(signals))
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-direct:
				r.direct(s)
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		r.end(direct)
	}
}

// pass takes a signal that the launcher passes on.
func (m *Member) pass(s os.Signal) {
	if !m.relay.passed(s) {
		raise(s)
	}
}

// A relay counts the signals that come both ways.
type relay struct {
	mu     sync.Mutex
	to     chan<- os.Signal // of the Notify in force
	counts map[os.Signal]*counts
}

// counts are of one signal. As many as the greater one were relayed.
type counts struct {
	direct, passed int
	asked          bool           // the Notify in force did
	owed           chan os.Signal // takes, unread, what was passed on and has yet to come directly; may be nil
}

func (r *relay) begin(to chan<- os.Signal, direct chan os.Signal, signals []os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
	for _, s := range signals {
		n := r.of(s)
		n.asked = true
		signal.Notify(direct, s)
		n.settle()
	}
}

// end stops all that comes directly, but for what is owed. No signal is without a
// receiver in between: it would end the process.
func (r *relay) end(direct chan os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, n := range r.counts {
		if n.asked {
			n.asked, n.owed = false, make(chan os.Signal, 16)
			signal.Notify(n.owed, s)
		}
	}
	signal.Stop(direct)
	for len(direct) > 0 {
		r.counts[<-direct].direct++
	}
	for _, n := range r.counts {
		if n.owed != nil && n.passed <= n.direct+len(n.owed) {
			n.settle()
		}
	}
}

// settle takes no more of what is owed.
func (n *counts) settle() {
	if n.owed != nil {
		signal.Stop(n.owed)
		n.direct += len(n.owed)
		n.owed = nil
	}
}

func (r *relay) of(s os.Signal) *counts {
	if r.counts == nil {
		r.counts = make(map[os.Signal]*counts)
	}
	n := r.counts[s]
	if n == nil {
		n = new(counts)
		r.counts[s] = n
	}
	return n
}

// direct takes a signal that was sent to this process, and asked for.
func (r *relay) direct(s os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.of(s)
	if n.direct++; n.direct > n.passed {
		r.tell(s)
	}
}

// passed takes one that the launcher passes on. It reports false if the process has
// yet to heed it.
func (r *relay) passed(s os.Signal) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.of(s)
	switch {
	case n.passed < n.direct: // it came
		n.passed++
	case n.asked:
		n.passed++
		r.tell(s)
	default:
		n.settle()
		return false
	}
	return true
}

// tell does not wait, as signal.Notify does not.
func (r *relay) tell(s os.Signal) {
	select {
	case r.to <- s:
	default:
	}
}

// raise sends a signal to this process: it then does what it would by itself.
func raise(s os.Signal) {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(s)
	}
	if err != nil {
		os.Exit(1) // it cannot be told to end: end
	}
}

// passedOn are the signals that a launcher passes on.
var passedOn = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT}

// heeded leaves out the signals that this process was started to ignore, as in the
// background of a script: signal.Notify would heed them again.
func heeded(signals []os.Signal) (these []os.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			these = append(these, s)
		}
	}
	return these
}
