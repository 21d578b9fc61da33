//go:build unix

package launch

import (
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// TestASignalThatComesBothWaysCountsOnce mixes up in which order the same signals
// come from the system and from the launcher.
func TestASignalThatComesBothWaysCountsOnce(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 0))
		direct, passed := r.IntN(5), r.IntN(5)
		got := make(chan os.Signal, 16)
		y := &relay{to: got, counts: map[os.Signal]*counts{syscall.SIGTERM: {asked: true}}}
		for d, p := 0, 0; d < direct || p < passed; {
			if p == passed || d < direct && r.IntN(2) == 0 {
				y.direct(syscall.SIGTERM)
				d++
			} else {
				y.passed(syscall.SIGTERM)
				p++
			}
			if len(got) != max(d, p) {
				t.Fatalf("seed %d: %d signals after %d and %d", seed, len(got), d, p)
			}
		}
	}
}

func TestSignalsAreCountedByKind(t *testing.T) {
	got := make(chan os.Signal, 16)
	m := new(Member)
	stop := m.Notify(got, os.Interrupt, syscall.SIGTERM)
	defer stop()
	arrived := make(chan os.Signal, 16)
	signal.Notify(arrived, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(arrived)
	send := func(s os.Signal) {
		raise(s)
		next(t, arrived) // before that it is the system's
	}
	for _, step := range []struct {
		take func(os.Signal)
		what os.Signal
		told bool
	}{
		{m.pass, os.Interrupt, true},
		{send, syscall.SIGTERM, true},
		{m.pass, syscall.SIGTERM, false}, // the one that was sent
		{m.pass, syscall.SIGTERM, true},
		{send, os.Interrupt, false}, // the one that was passed on
		{m.pass, os.Interrupt, true},
	} {
		step.take(step.what)
		if !step.told {
			continue
		}
		if that := next(t, got); that != step.what {
			t.Errorf("got %v, want %v", that, step.what)
		}
	}
	if len(got) > 0 {
		t.Errorf("%v is one too many", <-got)
	}
}

// next returns the next signal.
func next(t *testing.T, signals <-chan os.Signal) os.Signal {
	t.Helper()
	select {
	case s := <-signals:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("no signal came")
		return nil
	}
}

func TestNotifyStops(t *testing.T) {
	got := make(chan os.Signal, 16)
	m := new(Member)
	m.Notify(got, syscall.SIGUSR1)()
	later := make(chan os.Signal, 16)
	stop := m.Notify(later, syscall.SIGUSR1)
	defer stop()
	m.pass(syscall.SIGUSR1)
	if next(t, later); len(got) > 0 {
		t.Error("it was told after the end")
	}
}

// TestWhatWasHeededDoesNotEndTheProcess has a signal come the other way after the end.
func TestWhatWasHeededDoesNotEndTheProcess(t *testing.T) {
	for _, passedFirst := range []bool{true, false} {
		got := make(chan os.Signal, 16)
		m := new(Member)
		ways := []func(os.Signal){raise, m.pass}
		if passedFirst {
			ways[0], ways[1] = ways[1], ways[0]
		}
		stop := m.Notify(got, syscall.SIGTERM)
		ways[0](syscall.SIGTERM)
		next(t, got)
		stop()
		ways[1](syscall.SIGTERM) // it would end this process
		again := m.Notify(got, syscall.SIGTERM)
		m.pass(syscall.SIGTERM)
		next(t, got)
		again()
		if len(got) > 0 {
			t.Error("a signal came twice")
		}
		m.relay.counts[syscall.SIGTERM].settle()
	}
}

// A pipe stands for the launcher's.
func TestTheLaunchersPipe(t *testing.T) {
	inherited, control, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan os.Signal, 16)
	m := &Member{parent: inherited}
	defer inherited.Close()
	stop := m.Notify(got, passedOn...)
	defer stop()
	gone := make(chan struct{})
	go func() { defer close(gone); m.awaitParent() }()
	p := &process{control: control}
	for _, s := range passedOn {
		p.pass(s)
		if that := next(t, got); that != s {
			t.Errorf("%v came as %v", s, that)
		}
	}
	select {
	case <-gone:
		t.Error("the launcher is not gone")
	default:
	}
	p.release()
	<-gone
}
