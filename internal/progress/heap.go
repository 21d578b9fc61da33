package progress

// A binary heap in a slice; container/heap would make an interface of each element.

// up restores the heap after h's last element was appended.
func up[E any](h []E, less func(a, b *E) bool) {
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !less(&h[i], &h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// pop removes the least element, h[0].
func pop[E any](h []E, less func(a, b *E) bool) []E {
	n := len(h) - 1
	h[0] = h[n]
	h = h[:n]
	for i := 0; ; {
		least := 2*i + 1
		if least >= n {
			return h
		}
		if right := least + 1; right < n && less(&h[right], &h[least]) {
			least = right
		}
		if !less(&h[least], &h[i]) {
			return h
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
