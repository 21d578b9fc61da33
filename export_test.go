package timely

// Parse is what Main reads the command line with: tests of it cannot go through
// Main, which ends the process.
var Parse = parse

// ExitStatus is what Main exits with after a failure.
var ExitStatus = exitStatus

// ExecutableHash is by what processes tell two builds apart.
var ExecutableHash = executableHash

// InCluster returns the failure as it is if there are several processes.
func InCluster(f Failure) *Failure {
	f.cluster = true
	return &f
}
