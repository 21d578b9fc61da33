package timely

import "fmt"

// Delay moves each record to a later time, which to chooses; a time that is not
// later or equal makes the execution fail. Records are sent at once: whoever needs
// a time complete waits for it anyway.
func Delay[T Timestamp[T], D any](s Stream[T, D], to func(T, D) T) Stream[T, D] {
	type part struct {
		at      T
		records []D
	}
	var parts []part // of one batch, by time in the order of first arrival
	return Unary(s, Pipeline, "Delay", func(in *InPort[T, D], out *OutPort[T, D]) {
		for at, records := range in.Batches() {
			n := 0
			for _, r := range records {
				t := to(at.Time(), r)
				if !at.Time().LessEqual(t) {
					panic(fmt.Errorf("the function of Delay moved a record from %v to %v, which is not later", at.Time(), t))
				}
				i := n - 1
				for i >= 0 && parts[i].at != t {
					i--
				}
				if i < 0 {
					if i = n; n == len(parts) {
						parts = append(parts, part{})
					}
					parts[i].at, parts[i].records = t, parts[i].records[:0]
					n++
				}
				parts[i].records = append(parts[i].records, r)
			}
			for i := range parts[:n] {
				out.Session(at.Delay(parts[i].at)).SendBatch(parts[i].records)
				clear(parts[i].records)
			}
		}
	})
}
