package schedule

import (
	"reflect"
	"testing"
)

func TestPauseResume(t *testing.T) {
	var log []string
	l := NewLoop(func() { log = append(log, "-") })
	var a, b *Task
	a = l.Add("a", func() {
		log = append(log, "a1")
		b.Wake()
		l.Yield()
		log = append(log, "a2")
	})
	b = l.Add("b", func() { log = append(log, "b") })
	a.Wake()
	for l.Step(1) {
	}
	want := []string{"a1", "b", "-", "a2", "-"}
	if !reflect.DeepEqual(log, want) {
		t.Fatal(log)
	}
	l.Close()
}

func TestUnwind(t *testing.T) {
	l := NewLoop(func() {})
	left := false
	a := l.Add("a", func() { defer func() { left = true }(); l.Pause() })
	a.Wake()
	l.Step(1)
	l.Remove(a)
	if !left {
		t.Fatal("no defer")
	}
	l.Close()
}

func BenchmarkStep(b *testing.B) {
	l := NewLoop(func() {})
	a := l.Add("a", func() {})
	for b.Loop() {
		a.Wake()
		l.Step(16)
	}
}

func BenchmarkYield(b *testing.B) {
	l := NewLoop(func() {})
	n := 0
	a := l.Add("a", func() {
		for n < b.N {
			n++
			l.Yield()
		}
	})
	a.Wake()
	for l.Step(16) {
	}
}
