package timely_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/timely-go/timely/internal/comm/tcp"
)

var kills = flag.Int("kills", 0, "kill so many processes at random moments, however long it takes")

func TestAKilledProcessEndsAllWithItsName(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	certs := filepath.Join(t.TempDir(), "certs")
	if err := tcp.MakeCertificates(certs, 3); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		victim int
		args   []string
	}{{0, nil}, {1, nil}, {2, nil}, {0, []string{"--tls-dir", certs}}, {1, []string{"--tls-dir", certs}}} {
		victim := test.victim
		mayTake(t, time.Second, func() time.Duration {
			c := newMachines(t, "flood", 3, slices.Concat([]string{"-w", "2"}, test.args)...)
			c.startAll(t)
			for _, p := range c.processes {
				p.await(t, 2, "running")
			}
			begun := time.Now()
			c.processes[victim].signal(t, syscall.SIGKILL)
			for _, p := range c.others(victim) {
				line := failed(t, p)
				if !strings.Contains(line, c.named(victim)) || !strings.Contains(line, "(last heard of ") {
					t.Errorf("want it to name %s, got %q", c.named(victim), line)
				}
			}
			return last(t, c.others(victim)).Sub(begun)
		})
	}
}

// killing is one round: which of how many processes is killed, and when.
type killing struct {
	processes, workers, epochs int
	victim                     int
	after                      string        // what a process has to say first; "": nothing, and the last process is not even started then
	by                         int           // who says it
	delay                      time.Duration // after that
}

func randomKilling(r *rand.Rand) killing {
	k := killing{processes: 2 + r.IntN(3), workers: 1 + r.IntN(2), epochs: 1 + r.IntN(300)}
	k.victim, k.by = r.IntN(k.processes), r.IntN(k.processes)
	switch r.IntN(6) {
	case 0:
		k.delay = time.Duration(r.IntN(60)) * time.Millisecond
	case 1, 2, 3:
		k.after = fmt.Sprint("epoch ", r.IntN(k.epochs))
		k.delay = time.Duration(r.IntN(5000)) * time.Microsecond
	case 4, 5:
		k.after = "answer"
		k.delay = time.Duration(r.IntN(2000)) * time.Microsecond
	}
	return k
}

// joinWithin is how long processes wait for one that was killed before it joined.
const joinWithin = 2 * time.Second

// do kills the process, and says when the cluster was whole then, in which case the
// others have nothing to complain about.
func (k killing) do(t *testing.T) (unharmed bool) {
	c := newMachines(t, "epochs", k.processes, "-w", strconv.Itoa(k.workers), "--join-timeout", joinWithin.String(), strconv.Itoa(k.epochs))
	c.startAll(t)
	if k.after != "" {
		c.processes[k.by].await(t, 1, k.after)
	}
	<-time.After(k.delay) // not to wait for anything: this is the moment
	victim := c.processes[k.victim]
	_ = victim.cmd.Process.Kill() // it may have ended
	killed := time.Now()
	others := c.others(k.victim)
	if took := last(t, others).Sub(killed); took > joinWithin+2*time.Second+slack() {
		t.Errorf("it took %v", took)
	}
	victim.wait(t)
	done := len(victim.says("answer")) == k.workers // then it may have said goodbye, too
	answer := fmt.Sprint("answer ", k.epochs*k.processes*k.workers)
	unharmed = true
	noneAnswersWrong(t, c.processes, answer)
	for _, p := range others {
		switch errs := p.errs.String(); {
		case p.status() == 0:
			if !done || len(p.says(answer)) != k.workers || errs != "" {
				t.Errorf("it ended well: %v", p)
			}
		case p.status() != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, c.named(k.victim)) && !strings.Contains(errs, fmt.Sprintf("process %d (%s)", k.victim, c.hosts[k.victim])):
			t.Errorf("want status 1 and one line that names process %d, got %v", k.victim, p)
		default:
			unharmed = false
		}
	}
	return unharmed
}

// TestProcessesKilledAtRandomMoments kills one while the cluster starts, runs or ends.
func TestProcessesKilledAtRandomMoments(t *testing.T) {
	n, unharmed := atRandomMoments(t, *kills, 20, func(t *testing.T, r *rand.Rand) bool {
		k := randomKilling(r)
		t.Logf("%+v", k)
		return k.do(t)
	})
	fmt.Printf("count: %d processes killed at random moments; in %d cases the others were done\n", n, unharmed)
}

// atRandomMoments does something to so many clusters as are asked for, or else for the time
// of a suite, and then not less than the least. It returns to how many, and how many were
// none the worse. What fails is done again, first, with TIMELY_SEED.
func atRandomMoments(t *testing.T, asked, least int, do func(*testing.T, *rand.Rand) (unharmed bool)) (n, unharmed int) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts clusters")
	}
	seed := rand.Uint64()
	if text := os.Getenv("TIMELY_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	end := time.Now()
	if asked == 0 && os.Getenv("TIMELY_SUITE_SECONDS") != "" {
		end = end.Add(suiteTime())
	}
	for ; (n < max(asked, least) || time.Now().Before(end)) && !t.Failed(); n++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			if do(t, rand.New(rand.NewPCG(seed, 0))) {
				unharmed++
			}
			if t.Failed() {
				t.Logf("run again with TIMELY_SEED=%d", seed)
			}
		})
		seed++
	}
	return n, unharmed
}

// noneAnswersWrong checks what processes have answered, if they have.
func noneAnswersWrong(t *testing.T, processes []*process, answer string) {
	t.Helper()
	for _, p := range processes {
		for _, line := range p.stdout.lines() {
			if strings.HasPrefix(line, "wrong") || strings.HasPrefix(line, "answer") && line != answer {
				t.Errorf("want %q, got %v", answer, p)
			}
		}
	}
}
