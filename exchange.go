package timely

// Exchange moves each record to the worker that its key names: key modulo peers.
// The key must be the same in every process, so it must not come from hash/maphash:
// see [HashString].
func Exchange[T Timestamp[T], D any](s Stream[T, D], key func(D) uint64) Stream[T, D] {
	return relayed(s, ExchangeBy(key), "Exchange")
}

// Route moves each record to the worker that a pact names: Exchange and [Broadcast] for
// any pact, such as one that looks at a batch at a time ([Routes.ByBatch]).
func Route[T Timestamp[T], D any](s Stream[T, D], p Pact[D]) Stream[T, D] {
	return relayed(s, p, "Route")
}
