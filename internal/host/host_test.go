package host

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnparkBeforePark(t *testing.T) {
	for _, limit := range []time.Duration{-1, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := Real().NewParker(0)
			start := time.Now()
			p.Unpark()
			p.Park(limit)
			if took := time.Since(start); took != 0 {
				t.Errorf("Park(%v) slept %v", limit, took)
			}
		})
	}
}

func TestSeveralUnparksCountAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Real().NewParker(0)
		for range 5 {
			p.Unpark()
		}
		start := time.Now()
		p.Park(time.Minute)
		p.Park(time.Minute)
		if took := time.Since(start); took != time.Minute {
			t.Errorf("slept %v, want the limit of the second Park", took)
		}
	})
}

func TestUnparkDuringPark(t *testing.T) {
	for _, limit := range []time.Duration{-1, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := Real().NewParker(0)
			awake := false
			go func() {
				p.Park(limit)
				awake = true
			}()
			synctest.Wait()
			if awake {
				t.Error("Park does not sleep")
			}
			p.Unpark()
			synctest.Wait()
			if !awake {
				t.Error("Unpark does not wake")
			}
		})
	}
}

// TestLimits parks with one limit after the other: a timer is used again, and does
// not ring for an earlier Park.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Real().NewParker(0)
		for _, limit := range []time.Duration{0, time.Second, time.Nanosecond, 0, time.Hour} {
			start := time.Now()
			p.Park(limit)
			if took := time.Since(start); took != limit {
				t.Errorf("Park(%v) slept %v", limit, took)
			}
			p.Unpark()
			p.Park(limit + 1) // ends early
			if took := time.Since(start); took != limit {
				t.Errorf("Park(%v) after Unpark slept until %v", limit+1, took)
			}
		}
		go func() {
			time.AfterFunc(3*time.Hour, p.Unpark)
		}()
		start := time.Now()
		p.Park(-1)
		if took := time.Since(start); took != 3*time.Hour {
			t.Errorf("slept %v: an old timer rang", took)
		}
	})
}

func TestManyGoroutinesUnpark(t *testing.T) {
	p := Real().NewParker(0)
	const goroutines, rounds = 8, 1000
	var mu sync.Mutex
	tokens := 0
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range rounds {
				mu.Lock()
				tokens++
				mu.Unlock()
				p.Unpark()
			}
		})
	}
	for got := 0; got < goroutines*rounds; {
		p.Park(-1)
		mu.Lock()
		got += tokens
		tokens = 0
		mu.Unlock()
	}
	all.Wait()
}

func TestClockDoesNotGoBack(t *testing.T) {
	c := Real().Clock
	for last, n := time.Duration(0), 0; n < 1000; n++ {
		now := c.Now()
		if now < last {
			t.Fatalf("%v after %v", now, last)
		}
		last = now
	}
	synctest.Test(t, func(t *testing.T) {
		c := Real().Clock
		before := c.Now()
		Real().NewParker(0).Park(time.Minute)
		if took := c.Now() - before; took != time.Minute {
			t.Errorf("%v have passed, want a minute", took)
		}
	})
}

func TestContextCarriesHost(t *testing.T) {
	ctx := context.Background()
	if h := From(ctx); h == nil || !h.Spin || h.Clock == nil || h.NewParker == nil || h.Poison || h.WorkLimit != 0 || h.MaxRecords != 0 {
		t.Errorf("without a host: %+v, want the machine", h)
	}
	if From(ctx) == From(ctx) {
		t.Error("two programs share the machine's clock")
	}
	outer, inner := &Host{WorkLimit: 1}, &Host{WorkLimit: 2}
	outerCtx := With(ctx, outer)
	derived, cancel := context.WithCancel(With(outerCtx, inner))
	defer cancel()
	if From(outerCtx) != outer || From(derived) != inner {
		t.Error("the innermost host is not found")
	}
	if h := From(With(ctx, nil)); h == nil || h.Clock == nil {
		t.Error("a nil host is not the machine")
	}
}
