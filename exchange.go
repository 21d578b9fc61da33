package timely

// Exchange moves each record to the worker that its key names: key modulo peers.
// The key must be the same in every process, so it must not come from hash/maphash:
// see [HashString].
func Exchange[T Timestamp[T], D any](s Stream[T, D], key func(D) uint64) Stream[T, D] {
	return relayed(s, ExchangeBy(key), "Exchange")
}
