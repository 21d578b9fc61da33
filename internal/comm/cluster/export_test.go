package cluster

// Early returns how many parcels wait for channels that nobody has opened.
func (f *Fabric) Early() (n int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, parcels := range f.early {
		n += len(parcels)
	}
	return n
}

// Open returns how many channels are open.
func (f *Fabric) Open() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.channels)
}

// KeepAtMost changes how many bytes what waits for channels that nobody has opened may take.
func (f *Fabric) KeepAtMost(bytes int) { f.mostKept = bytes }
