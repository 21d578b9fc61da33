package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// calibration is how fast the machine is right now, as three figures that a result
// can be scaled by: they move with the machine and with its load.
type calibration struct {
	ALU  float64 `json:"alu"`  // ns per step of a dependent integer chain (one core)
	Copy float64 `json:"copy"` // ns per KiB copied between two buffers larger than the caches (one core)
	Hop  float64 `json:"hop"`  // ns for a value to go to another core and back (two cores)
	Trip float64 `json:"trip"` // µs for 64 bytes to go to another process by TCP on this machine and back
}

// printCalibration is a program of its own, so that what it needs is not counted
// as any benchmark's.
func printCalibration(b *bench) error {
	if b.Index() != 0 {
		return nil
	}
	roundTrip, hangUp, err := trips(b.Context())
	if err != nil {
		return err
	}
	defer hangUp()
	return json.NewEncoder(os.Stdout).Encode(calibration{ALU: median(alu), Copy: median(copyKiB()), Hop: median(hop), Trip: median(roundTrip)})
}

// median measures seven times.
func median(measure func() float64) float64 {
	var all []float64
	for range 7 {
		all = append(all, measure())
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func alu() float64 {
	const steps = 50_000_000
	x := uint64(88172645463325252)
	start := time.Now()
	for range steps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	elapsed := time.Since(start)
	runtime.KeepAlive(x) // else the compiler leaves out what nobody reads
	return float64(elapsed.Nanoseconds()) / steps
}

func copyKiB() func() float64 {
	from, to := make([]byte, 128<<20), make([]byte, 128<<20)
	return func() float64 {
		start := time.Now()
		copy(to, from)
		return float64(time.Since(start).Nanoseconds()) / float64(len(from)>>10)
	}
}

func hop() float64 {
	const trips = 200_000
	var turn atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint64(1); i < 2*trips; i += 2 {
			for turn.Load() != i {
			}
			turn.Store(i + 1)
		}
	}()
	start := time.Now()
	for i := uint64(0); i < 2*trips; i += 2 {
		turn.Store(i + 1)
		for turn.Load() != i+2 {
		}
	}
	elapsed := time.Since(start)
	<-done
	return float64(elapsed.Nanoseconds()) / trips
}

const tripBytes = 64

// trips starts another process, and returns what measures a round trip to it and back.
func trips(ctx context.Context) (measure func() float64, hangUp func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	other := exec.CommandContext(ctx, self, "echo", l.Addr().String())
	other.Stderr = os.Stderr
	if err := other.Start(); err != nil {
		return nil, nil, err
	}
	c, err := l.Accept()
	if err != nil {
		return nil, nil, err
	}
	const round = 5_000
	message := make([]byte, tripBytes)
	return func() float64 {
			start := time.Now()
			for range round {
				if _, err := c.Write(message); err != nil {
					panic(err)
				}
				if _, err := io.ReadFull(c, message); err != nil {
					panic(err)
				}
			}
			return float64(time.Since(start).Nanoseconds()) / round / 1000
		}, func() {
			c.Close()
			_ = other.Wait()
		}, nil
}

// echo sends back what it gets from the address that is its argument, until nothing
// more comes.
func echo(b *bench) error {
	if len(b.args) != 1 {
		return errors.New("echo needs an address")
	}
	c, err := net.Dial("tcp", b.args[0])
	if err != nil {
		return err
	}
	defer c.Close()
	message := make([]byte, tripBytes)
	for {
		if _, err := io.ReadFull(c, message); err != nil {
			return nil
		}
		if _, err := c.Write(message); err != nil {
			return nil
		}
	}
}
