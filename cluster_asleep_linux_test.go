package timely_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var sleeps = flag.Int("sleeps", 0, "stop so many processes at random moments, and perhaps let them go on")

// sleep is one round: a process is stopped, and goes on later, or never.
type sleep struct {
	processes, workers, epochs int
	victim                     int
	after                      string        // what it says before
	wakes                      time.Duration // later; negative: never
}

// asleepIsDead is after how long the others hold it for dead.
const asleepIsDead = 600 * time.Millisecond

func randomSleep(r *rand.Rand) sleep {
	s := sleep{processes: 2 + r.IntN(3), workers: 1 + r.IntN(2), epochs: 20 + r.IntN(300), wakes: -1}
	s.victim = r.IntN(s.processes)
	s.after = fmt.Sprint("epoch ", r.IntN(s.epochs))
	if r.IntN(3) > 0 { // often when it is just not dead, or just is
		s.wakes = time.Duration(r.Int64N(int64(3 * asleepIsDead / 2)))
	}
	return s
}

// do stops the process. The others have the right answer, or end with a line that names
// it; and so they must if it never goes on, unless it had its answers before.
func (s sleep) do(t *testing.T) (unharmed bool) {
	c := newMachines(t, "epochs", s.processes, "-w", strconv.Itoa(s.workers), strconv.Itoa(s.epochs)).impatient(asleepIsDead)
	c.startAll(t)
	victim := c.processes[s.victim]
	victim.await(t, 1, s.after)
	_ = victim.cmd.Process.Signal(syscall.SIGSTOP) // it may have ended
	if s.wakes >= 0 {
		<-time.After(s.wakes)
		_ = victim.cmd.Process.Signal(syscall.SIGCONT)
		victim.wait(t)
	}
	answer := fmt.Sprint("answer ", s.epochs*s.processes*s.workers)
	done := len(victim.says(answer)) == s.workers
	unharmed = true
	for _, p := range c.others(s.victim) {
		p.wait(t)
		switch errs := p.errs.String(); {
		case p.status() == 0:
			if len(p.says(answer)) != s.workers || errs != "" || s.wakes < 0 && !done {
				t.Errorf("it ended well: %v", p)
			}
		case p.status() != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, fmt.Sprint("process ", s.victim)):
			t.Errorf("want status 1 and one line that names process %d, got %v", s.victim, p)
		default:
			unharmed = false
		}
	}
	noneAnswersWrong(t, c.processes, answer)
	return unharmed
}

// TestProcessesStoppedAtRandomMoments are held for dead, or not missed.
func TestProcessesStoppedAtRandomMoments(t *testing.T) {
	n, unharmed := atRandomMoments(t, *sleeps, 6, func(t *testing.T, r *rand.Rand) bool {
		s := randomSleep(r)
		t.Logf("%+v", s)
		return s.do(t)
	})
	fmt.Printf("count: %d processes stopped at random moments; in %d cases nobody missed them\n", n, unharmed)
}
