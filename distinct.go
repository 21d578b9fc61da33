package timely

// Distinct sends each different record of each time once, as soon as it arrives.
// Records are exchanged by hash. What was seen is forgotten when the time is complete.
func Distinct[T Timestamp[T], D comparable](s Stream[T, D], hash func(D) uint64) Stream[T, D] {
	seen := make(map[T]map[D]struct{})
	complete := NewNotificator[T]()
	return Unary(s, ExchangeBy(hash), "Distinct", func(in *InPort[T, D], out *OutPort[T, D]) {
		for at, records := range in.Batches() {
			known := seen[at.Time()]
			if known == nil {
				known = make(map[D]struct{})
				seen[at.Time()] = known
				complete.NotifyAt(at)
			}
			session := out.Session(at)
			for _, r := range records {
				if _, again := known[r]; !again {
					known[r] = struct{}{}
					session.Send(r)
				}
			}
		}
		for at := range complete.Ready(in.Frontier()) {
			delete(seen, at.Time())
		}
	})
}
