package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A supervisor waits for the processes of a cluster, and ends those that do not leave.
// It belongs to one goroutine.
type supervisor struct {
	o         Options
	processes []*process
	exited    chan *process // each once it has ended
	printed   chan *process // each once all that it printed was passed on

	running  int // processes that have not exited
	printing int // processes of which not all was passed on

	deadline <-chan time.Time // when to kill, or not to wait for what is printed; nil: never
	until    time.Time        // when that is
	stopping bool             // a signal said so

	lost  error      // what could not be printed
	cause error      // why ctx ended, before any process failed
	first *process   // that failed, and not because another one did
	peers []*process // that failed because another one did
	late  []*process // that were killed when they did not leave
}

func newSupervisor(o Options, processes []*process) *supervisor {
	n := len(processes)
	s := &supervisor{
		o: o, processes: processes, running: n, printing: n,
		exited: make(chan *process, n), printed: make(chan *process, n),
	}
	for _, p := range processes {
		go func() {
			p.await()
			s.exited <- p
			p.copying.Wait()
			s.printed <- p
		}()
	}
	return s
}

// run returns when all processes have ended, and what they printed was passed on.
func (s *supervisor) run(ctx context.Context, signals <-chan os.Signal, broken <-chan error) {
	ended := ctx.Done()
	for s.running > 0 || s.printing > 0 {
		select {
		case p := <-s.exited:
			s.note(p)
		case <-s.printed:
			s.printing--
		case signal := <-signals:
			s.obey(signal)
		case <-ended:
			ended = nil
			if s.first == nil {
				s.cause = context.Cause(ctx)
			}
			s.obey(os.Interrupt)
		case s.lost = <-broken:
			s.obey(os.Interrupt)
		case <-s.deadline:
			s.deadline = nil
			if s.running == 0 {
				return // nobody reads what they printed
			}
			s.killAll()
		}
	}
	select {
	case s.lost = <-broken: // by the very last write
	default:
	}
}

// note says how a process has ended.
func (s *supervisor) note(p *process) {
	p.running = false
	p.release()
	s.running--
	switch status := p.status(); {
	case status == 0:
	case p.killed:
		s.late = append(s.late, p)
	case status == ExitPeer:
		s.peers = append(s.peers, p)
	case s.first == nil:
		s.first = p
	}
	switch {
	case s.running == 0:
		s.deadline = nil // there is nobody to kill, and what is printed may take its time
		if s.stopping {
			s.hasten(s.o.Grace)
		}
	case s.first != nil || len(s.peers) > 0:
		s.hasten(s.o.Grace)
	}
}

// obey passes a signal on, and bounds how long the processes may take for it.
func (s *supervisor) obey(signal os.Signal) {
	for _, p := range s.processes {
		if p.running {
			p.pass(signal)
		}
	}
	switch {
	case signal == syscall.SIGQUIT:
		return // it asks for a report, or else ends each process by itself
	case signal == os.Interrupt || s.stopping || s.running == 0:
		s.hasten(s.o.Grace)
	default:
		s.hasten(s.o.StopWithin + s.o.Grace)
	}
	s.stopping = true
}

// hasten moves the deadline, if that is sooner.
func (s *supervisor) hasten(within time.Duration) {
	until := time.Now().Add(within)
	if s.deadline == nil || until.Before(s.until) {
		s.deadline, s.until = time.After(within), until
	}
}

func (s *supervisor) killAll() {
	for _, p := range s.processes {
		if p.running {
			p.kill()
		}
	}
}

// verdict returns what Local returns.
func (s *supervisor) verdict() (status int, err error) {
	switch {
	case s.lost != nil:
		status, err = exitFailure, s.lost
	case s.cause != nil && (s.first != nil || len(s.peers)+len(s.late) > 0): // else they were done
		status, err = exitFailure, s.cause
	case s.first != nil:
		status, err = s.first.status(), errors.New(s.first.String())
	case len(s.late) > 0:
		return exitFailure, errors.New(s.stragglers())
	case len(s.peers) > 0:
		return exitFailure, fmt.Errorf("process %d ended because another one had failed, but none says that it has", s.peers[0].index)
	}
	if err != nil && len(s.late) > 0 {
		err = fmt.Errorf("%w; %s", err, s.stragglers())
	}
	return status, err
}

// stragglers says who was killed.
func (s *supervisor) stragglers() string {
	var names []string
	for _, p := range s.processes {
		if slices.Contains(s.late, p) {
			names = append(names, strconv.Itoa(p.index))
		}
	}
	if len(names) == 1 {
		return fmt.Sprintf("process %s had not left in time, and was killed", names[0])
	}
	return fmt.Sprintf("processes %s had not left in time, and were killed", strings.Join(names, ", "))
}
