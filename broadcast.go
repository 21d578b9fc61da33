package timely

// Broadcast brings each record to every worker. The workers of a process share
// the batches; nothing is copied.
func Broadcast[T Timestamp[T], D any](s Stream[T, D]) Stream[T, D] {
	return relayed(s, ToAll[D], "Broadcast")
}
